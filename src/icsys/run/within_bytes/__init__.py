"""A run that chooses size and colours so that all images together take at most a number of bytes."""
