"""The arms of a dataset: which there are, and their pictures."""
