"""Opens what ICS has written, arrays above all, for training: rows of indices and palettes, or of pixels."""
