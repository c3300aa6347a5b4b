"""WebP files through Pillow, held to our limits before libwebp takes memory for the canvas."""

from __future__ import annotations

import io

from PIL import WebPImagePlugin

_BEFORE_THE_SIZE = 16  # bytes
_CHUNKS_AT = 12  # after RIFF, the file's size, and WEBP
_ANIMATION = 2  # a flag of the first chunk
_PROFILE, _ALPHA = 0x20, 0x10  # others
_FRAME = b"ANMF"
_OF_PICTURE = (b"VP8X", b"ICCP", b"ALPH", b"VP8L", b"VP8 ")  # in the order of a file (RFC 9649, 2.7)


class WebPFile(WebPImagePlugin.WebPImageFile):
    """A WebP whose size was checked before; Pillow's process-wide limit is not used.

    Pillow looks for the size in its first read, and works if the size is not there. An animation whose first frame does
    not cover the canvas has alpha, whatever its header announces: browsers show the rest of the canvas as clear.

    Attributes
    ----------
    note
        What was left out because libwebp refuses the file with it; None for a good file.
    """

    note: str | None = None

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - what Pillow was given to open
        data = self.fp.read()
        self.fp = _ShortFirstRead(data)
        try:
            super()._open()
        except OSError:
            bare = _picture_alone(data)
            if bare is None:
                raise
            self.fp = _ShortFirstRead(bare)
            super()._open()
            self.note = "damaged chunks of the WebP beside its pixels were left out"
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


def _picture_alone(data: bytes) -> bytes | None:
    """Return a WebP of one frame with nothing but its picture and colour profile; None for other files."""
    chunks: dict[bytes, bytes] = {}
    at = _CHUNKS_AT
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if at + 8 + size <= len(data):
            chunks.setdefault(data[at : at + 4], data[at:end].ljust(end - at, b"\0"))
        at = end
    first = data[_CHUNKS_AT : _CHUNKS_AT + 4]  # its size was checked
    pixels = next((chunks[kind] for kind in (b"VP8L", b"VP8 ") if kind in chunks), None)
    if first not in {b"VP8X", b"VP8L", b"VP8 "} or first not in chunks or pixels is None or _FRAME in chunks:
        return None
    parts = [pixels] if first != b"VP8X" else [chunks[kind] for kind in _OF_PICTURE if kind in chunks]
    if first == b"VP8X":
        flags = (parts[0][8] & _ALPHA) | (_PROFILE if b"ICCP" in chunks else 0)
        parts[0] = parts[0][:8] + bytes([flags]) + bytes(3) + parts[0][12:]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


class _ShortFirstRead(io.BytesIO):
    """A file whose first read ends before the size, so that Pillow finds none to check."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size if self.tell() else _BEFORE_THE_SIZE)
