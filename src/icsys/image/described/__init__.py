"""Colours that a file describes by numbers instead of an ICC profile: what the numbers mean, and the way to sRGB."""
