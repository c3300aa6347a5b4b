"""From file bytes to pixels and back: the only room that knows Pillow."""
