"""The images of a source: their list, thumbnails, and decoded photos."""
