"""GIF files through Pillow: their first frame alone."""

from __future__ import annotations

from PIL import GifImagePlugin


class GifFile(GifImagePlugin.GifImageFile):
    """A GIF that prepares no second frame: that takes memory before its size is checked."""

    disposal_method = property(lambda _: 0, lambda _, __: None)
