"""Verification: compares an output folder with its manifest."""
