"""Archives of images."""
