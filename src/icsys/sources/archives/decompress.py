"""Decompress gzip, bzip2 and xz files forwards, with all checksums verified.

Python's own readers skip data behind a bzip2 or xz stream, and lose the bytes before damage. This one returns every
good byte, and then ``damage`` states what is wrong.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 2**17  # bytes unpacked at once
_INPUT = 2**16  # bytes read at once
_MEMORY = 2**28  # bytes that xz may use; a header can require 4 GB, the strongest preset 65 MiB
BACK = 2**21
"""Bytes before the current position that can be read again."""


class DecompressedFile:
    """The unpacked content of a gzip, bzip2 or xz file, of one stream or several in a row.

    Attributes
    ----------
    damage
        The damage, once everything before it was read; empty if there is none.
    """

    def __init__(self, file: BinaryIO, magic: bytes) -> None:
        self._file, self._magic = file, magic
        self._streams = _Streams(file, magic)
        self._kept = bytearray()  # the last unpacked bytes
        self._end = 0  # bytes unpacked so far
        self._at = 0  # the position
        self._over = False
        self.damage = ""

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, position: int) -> int:
        """Go anywhere ahead, or back by at most :data:`BACK` bytes."""
        self._at = max(position, self._end - len(self._kept))
        return self._at

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer at the end of the content."""
        parts: list[bytes] = []
        while size > 0:
            start = self._at - (self._end - len(self._kept))
            part = bytes(self._kept[start : start + size])
            if not part and not self._unpack():
                break
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def _unpack(self) -> bool:
        """Unpack some more bytes; return whether there were any."""
        if self._over:
            return False
        try:
            piece = self._streams.read(_PIECE)
            self._over = not piece
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            if getattr(error, "errno", None):  # the file cannot be read: its content may be whole
                raise
            if "memory usage limit" in str(error).lower():
                raise ImageError("too_large", f"xz needs more than {_MEMORY} bytes of memory") from None
            self.damage = str(error)
            self._over = True
            piece = self._last_good()
        del self._kept[: max(0, len(self._kept) - BACK)]
        self._kept += piece
        self._end += len(piece)
        return bool(piece)

    def _last_good(self) -> bytes:
        """Return the last bytes before the damage: unpacked again, at the end byte by byte."""
        streams, left, found = _Streams(self._file, self._magic), self._end, bytearray()
        try:
            while left and (piece := streams.read(min(left, _PIECE))):
                left -= len(piece)
            while byte := streams.read(1):
                found += byte
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            if getattr(error, "errno", None):
                raise
        return bytes(found)


class _Streams:
    """Streams of one kind in a row, with only zeros between and behind them."""

    def __init__(self, file: BinaryIO, magic: bytes) -> None:
        self._file, self._magic = file, magic
        self._file.seek(0)
        self._unpacker: Decompressor = _DECOMPRESSORS[magic]()

    def read(self, size: int) -> bytes:
        """Return some bytes, none at the end; EOFError, zlib.error, LZMAError or OSError for damage."""
        data = b""
        while True:
            if self._unpacker.eof:
                data = self._next_stream()
                if not data:
                    return b""
            found = self._unpacker.decompress(data, size)
            if found:
                return found
            data = b""
            if self._unpacker.needs_input and not self._unpacker.eof:
                data = self._file.read(_INPUT)
                if not data:
                    raise EOFError("it ends in the middle of a compressed stream")

    def _next_stream(self) -> bytes:
        """Go to the next stream and return how it begins; nothing if there is none."""
        data = self._unpacker.unused_data.lstrip(b"\0")
        while len(data) < len(self._magic) and (more := self._file.read(_INPUT)):
            data = (data + more).lstrip(b"\0")
        if data and not data.startswith(self._magic):
            raise EOFError("there is data behind the end of the compressed streams")
        self._unpacker = _DECOMPRESSORS[self._magic]() if data else _Over()
        return data


class Decompressor(Protocol):
    """A decompressor of one stream, with the interface of :mod:`bz2` and :mod:`lzma`."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended with a right checksum."""

    @property
    def needs_input(self) -> bool:
        """Whether more output needs more input."""

    @property
    def unused_data(self) -> bytes:
        """Input behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most ``max_length`` unpacked bytes; damage raises the error of the library."""


class _Over:
    """The decompressor after the last stream: always at its end."""

    eof, needs_input, unused_data = True, False, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:  # noqa: ARG002 - one shape for all
        return b""


class Inflater:
    """A stream of zlib, gzip or deflate alone, by ``wbits`` as :func:`zlib.decompressobj` takes them."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """See :class:`Decompressor`."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """See :class:`Decompressor`."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See :class:`Decompressor`; zlib.error for damage."""
        found = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(found) < max_length and not self._zlib.unconsumed_tail
        return found


_DECOMPRESSORS: dict[bytes, Callable[[], Decompressor]] = {
    b"\x1f\x8b": lambda: Inflater(16 + zlib.MAX_WBITS),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY),
}
MAGICS = tuple(_DECOMPRESSORS)
"""The first bytes of the files that can be unpacked."""
