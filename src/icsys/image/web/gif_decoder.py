"""GIF files through Pillow: their first frame alone, on a clear canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import GifImagePlugin, Image

if TYPE_CHECKING:
    from PIL import _imaging


class GifFile(GifImagePlugin.GifImageFile):
    """A GIF that prepares no second frame: that takes memory before its size is checked.

    Where the first frame does not cover the canvas, the picture is clear, as browsers show it. Pillow fills that part
    with the first colour of the palette, or with the transparent colour of a file that has one.

    Attributes
    ----------
    has_uncovered_canvas
        Whether there is such a part, and no transparent colour.
    """

    disposal_method = property(lambda _: 0, lambda _, __: None)
    has_uncovered_canvas = False
    _is_decoded = False

    def _open(self) -> None:
        super()._open()
        self.has_uncovered_canvas = self.dispose_extent != (0, 0, *self.size) and "transparency" not in self.info

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        access = super().load()
        if self._is_decoded or not self.has_uncovered_canvas:
            return access
        self._is_decoded = True  # what follows loads, too
        opacity = Image.new("L", self.size)
        opacity.paste(255, self.dispose_extent)
        picture = self.convert("RGB")
        picture.putalpha(opacity)
        self.im, self._mode, self.palette = picture.im, picture.mode, None
        return super().load()
