"""GIF and WebP files: the first frame on its canvas."""
