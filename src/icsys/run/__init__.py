"""A run: from a source to an output folder."""
