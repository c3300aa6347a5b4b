"""From file bytes to pixels and back: the only package that uses Pillow."""
