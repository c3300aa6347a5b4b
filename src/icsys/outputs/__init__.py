"""Outputs: where compressed images are written, a folder or an object store."""
