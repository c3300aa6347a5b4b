"""JPEG files: their segments, what is mended in them, and their pixels."""
