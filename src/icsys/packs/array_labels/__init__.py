"""Masks and boxes as arrays, beside the arrays of the images that they belong to."""
