"""Chance: differences with intervals, verdicts, and what the images can tell."""
