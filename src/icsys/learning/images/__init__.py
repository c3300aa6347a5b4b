"""The images with classes, and how they are divided."""
