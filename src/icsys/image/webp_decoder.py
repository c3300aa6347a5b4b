"""WebP files through Pillow, held to our limits before libwebp takes memory for the canvas."""

from __future__ import annotations

import io

from PIL import WebPImagePlugin

_BEFORE_THE_SIZE = 16  # bytes
_CHUNKS_AT = 12  # after RIFF, the file's size, and WEBP
_ANIMATION = 2  # a flag of the first chunk
_FRAME = b"ANMF"


class WebPFile(WebPImagePlugin.WebPImageFile):
    """A WebP whose size was checked before; Pillow's process-wide limit is not used.

    Pillow looks for the size in its first read, and works if the size is not there. An animation whose first frame does
    not cover the canvas has alpha, whatever its header announces: browsers show the rest of the canvas as clear.
    """

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - what Pillow was given to open
        data = self.fp.read()
        self.fp = _ShortFirstRead(data)
        super()._open()
        is_animation = data[_CHUNKS_AT : _CHUNKS_AT + 4] == b"VP8X" and data[_CHUNKS_AT + 8] & _ANIMATION
        if is_animation and self.mode == "RGB" and _first_frame(data) != (0, 0, *self.size):
            self._mode = self.rawmode = "RGBA"


def _first_frame(data: bytes) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the first frame of an animation (RFC 9649, 2.7.1.1)."""
    at = _CHUNKS_AT
    while data[at : at + 4] not in {_FRAME, b""}:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    left, top, width, height = (int.from_bytes(data[i : i + 3], "little") for i in range(at + 8, at + 20, 3))
    return 2 * left, 2 * top, 1 + width, 1 + height


class _ShortFirstRead(io.BytesIO):
    """A file whose first read ends before the size, so that Pillow finds none to check."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if self.tell() else _BEFORE_THE_SIZE)
