"""Where compressed images go."""
