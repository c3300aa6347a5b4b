"""BMP files: through Pillow, and here the kinds that it lacks or misreads."""
