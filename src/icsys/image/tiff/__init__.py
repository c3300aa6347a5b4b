"""TIFF files: the page that is the picture, its kind, and its pixels."""
