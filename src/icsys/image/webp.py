"""WebP files through Pillow, held to our limits before libwebp takes memory for the canvas."""

from __future__ import annotations

import io

from PIL import WebPImagePlugin

_BEFORE_THE_SIZE = 16  # bytes


class WebPFile(WebPImagePlugin.WebPImageFile):
    """A WebP whose size was checked already, so that Pillow's own process-wide limit need not be asked.

    Pillow looks for a size in what its first read gives, and takes no harm if none is there.
    """

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - what Pillow was given to open
        self.fp = _Hesitant(self.fp.read())
        super()._open()


class _Hesitant(io.BytesIO):
    """A file whose first read tells no more than what kind of file it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if self.tell() else _BEFORE_THE_SIZE)
