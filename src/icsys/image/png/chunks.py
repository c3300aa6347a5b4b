"""The chunks of a PNG, found without decoding it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNATURE = 8  # bytes of it
_HEADER, _CHECKSUM = 8, 4  # bytes before and after the content of a chunk
_FIRST, _FIRST_END = b"\0\0\0\rIHDR", 33
_LAST = b"\0\0\0\0IEND\xaeB`\x82"

_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_MAY_HOLD_EXIF = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
_BYTES_OF_ONE = 9  # of a pixel with its filter, at most


class PngChunk(NamedTuple):
    """One chunk of a PNG (PNG specification, 5.3).

    Attributes
    ----------
    kind
        Its four letters, such as ``b"IDAT"``.
    data
        The bytes of the file that it lies in.
    start, end
        Where its content begins and ends in ``data``; 8 bytes of header lie before, 4 of checksum behind.
    """

    kind: bytes
    data: bytes
    start: int
    end: int

    @property
    def content(self) -> bytes:
        """The bytes of the chunk without its length, kind and checksum."""
        return self.data[self.start : self.end]

    @property
    def whole(self) -> bytes:
        """The bytes of the chunk with its length, kind and checksum."""
        return self.data[self.start - _HEADER : self.end + _CHECKSUM]

    @property
    def is_sound(self) -> bool:
        """Whether the checksum fits the content."""
        expected = int.from_bytes(self.data[self.end : self.end + _CHECKSUM], "big")
        return zlib.crc32(memoryview(self.data)[self.start - 4 : self.end]) == expected


def chunks_of(data: bytes, last: bytes = b"IEND") -> Iterator[PngChunk]:
    """Yield the chunks of a PNG up to the first of kind ``last``, that one included, or to where the file is cut off.

    Only chunks that lie wholly in the file are yielded.
    """
    position = _SIGNATURE
    while position + _HEADER + _CHECKSUM <= len(data):
        start = position + _HEADER
        end = start + int.from_bytes(data[position : position + 4], "big")
        if end + _CHECKSUM > len(data):
            return
        kind = data[position + 4 : start]
        yield PngChunk(kind, data, start, end)
        if kind == last:
            return
        position = end + _CHECKSUM


def holds_only_pixels(data: bytes) -> bool:
    """Return whether a PNG is nothing but IHDR, IDAT and IEND, all of them whole: a fast test that many files pass."""
    position = _FIRST_END
    while data[position + 4 : position + _HEADER] == b"IDAT":
        position += _HEADER + _CHECKSUM + int.from_bytes(data[position : position + 4], "big")
    return position == len(data) - len(_LAST) and data.endswith(_LAST) and data[8:16] == _FIRST


def has_sound_pixels(data: bytes) -> bool:
    """Return whether the checksums of all chunks IDAT fit; in one loop, because every PNG pays for it."""
    position, view, length = _SIGNATURE, memoryview(data), len(data)
    while position + _HEADER + _CHECKSUM <= length:
        end = position + _HEADER + int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + _HEADER]
        if kind == b"IEND":
            return True
        if kind == b"IDAT" and zlib.crc32(view[position + 4 : end]) != int.from_bytes(
            data[end : end + _CHECKSUM], "big"
        ):
            return end + _CHECKSUM > length  # a chunk that is cut off is no matter of its checksum
        position = end + _CHECKSUM
    return True


def facts_behind_pixels(data: bytes) -> bytes | None:
    """Return a PNG of one pixel with the chunks of ``data``; None if none behind its pixels may hold EXIF data.

    Decoding it is how Pillow reads such chunks, and takes no time.
    """
    chunks = list(chunks_of(data))
    pixels_at = next((at for at, chunk in enumerate(chunks) if chunk.kind == b"IDAT"), len(chunks))
    if _MAY_HOLD_EXIF.isdisjoint(chunk.kind for chunk in chunks[pixels_at:]):
        return None
    head = struct.pack(">II", 1, 1) + chunks[0].content[8:12] + b"\0"
    parts = [data[:_SIGNATURE], _written(b"IHDR", head)]
    parts += [chunk.whole for chunk in chunks[1:pixels_at] if chunk.kind not in _ANIMATION]
    parts.append(_written(b"IDAT", zlib.compress(bytes(_BYTES_OF_ONE))))
    is_animation = any(chunk.kind == b"acTL" for chunk in chunks[:pixels_at])
    for chunk in chunks[pixels_at:]:
        if chunk.kind == b"fcTL" and is_animation:  # Pillow stops where the next frame begins
            break
        parts += [] if chunk.kind in {b"IDAT", *_ANIMATION} else [chunk.whole]
    return b"".join((*parts, _written(b"IEND", b"")))


def _written(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
