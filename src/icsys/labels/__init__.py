"""Annotations of images, read, mapped to the outputs, and written in the same format."""
