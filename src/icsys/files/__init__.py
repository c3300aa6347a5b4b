"""Files, objects and URLs: how they are reached, read and written."""
