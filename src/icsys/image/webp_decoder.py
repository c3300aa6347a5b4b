"""WebP files through Pillow, held to our limits before libwebp takes memory for the canvas."""

from __future__ import annotations

import io

from PIL import WebPImagePlugin

_BEFORE_THE_SIZE = 16  # bytes


class WebPFile(WebPImagePlugin.WebPImageFile):
    """A WebP whose size was checked before; Pillow's process-wide limit is not used.

    Pillow looks for the size in its first read, and works if the size is not there.
    """

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - what Pillow was given to open
        self.fp = _ShortFirstRead(self.fp.read())
        super()._open()


class _ShortFirstRead(io.BytesIO):
    """A file whose first read ends before the size, so that Pillow finds none to check."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if self.tell() else _BEFORE_THE_SIZE)
