"""GIF files through Pillow: their first frame alone."""

from __future__ import annotations

from PIL import GifImagePlugin


class GifFile(GifImagePlugin.GifImageFile):
    """A GIF that makes nothing ready for a second frame, which would take memory before its size is known."""

    disposal_method = property(lambda _: 0, lambda _, __: None)
