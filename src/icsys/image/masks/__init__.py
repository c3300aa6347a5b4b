"""Masks: pictures whose pixels are numbers, read, placed on the output of their picture, and written exactly."""
