"""Decompress pages piece by piece: a page may unpack to gigabytes, and only one piece is in memory.

The packages for Snappy and LZ4 decode whole blocks only, so decoders for pages too large for memory are here:
https://github.com/google/snappy/blob/main/format_description.txt and
https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 2**18
"""Bytes that are read or unpacked at once."""

LARGEST_IN_MEMORY = 2**24
"""Bytes of the largest page that is unpacked as a whole."""

_UNPACKED = {0: "no", 1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}  # by their numbers in the format
_WINDOW = 2**16  # bytes, as far as encoders of Snappy look back, and those of LZ4 may
_EITHER = zlib.MAX_WBITS | 32  # a header of gzip or of zlib


class ByteStream:
    """A stream of bytes in pieces, read forwards.

    Parameters
    ----------
    pieces
        Of any length.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece, self._at = filter(None, pieces), b"", 0  # an empty one would be taken for the end

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes.

        Raises
        ------
        ImageError
            ``broken`` if there are fewer.
        """
        end = self._at + size
        if end <= len(self._piece):
            found = self._piece[self._at : end]
            self._at = end
            return found
        collected = io.BytesIO()
        for part in self._parts(size):
            collected.write(part)
        return collected.getvalue()

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes; errors as for :meth:`read`."""
        for _ in self._parts(size):
            pass

    def rest(self) -> Iterator[bytes]:
        """Yield the remaining pieces."""
        if self._at < len(self._piece):
            yield self._piece[self._at :]
        self._piece, self._at = b"", 0
        yield from self._pieces

    def _parts(self, size: int) -> Iterator[memoryview]:
        while size:
            if self._at == len(self._piece):
                self._piece, self._at = next(self._pieces, b""), 0
                if not self._piece:
                    _refuse("a page ends too early")
            part = memoryview(self._piece)[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            yield part


def unpack(codec: int, packed: Callable[[], Iterator[bytes]], packed_size: int, size: int, pa: Any) -> Iterator[bytes]:  # noqa: ANN401 - pyarrow
    """Unpack a page to exactly ``size`` bytes, piece by piece.

    Parameters
    ----------
    packed
        Returns the bytes of the page as in the file.
    pa
        The package pyarrow.

    Raises
    ------
    ImageError
        ``broken`` if it unpacks to another size, ``unsupported`` for an unknown codec.
    """
    name = _UNPACKED.get(codec)
    if name is None:
        raise ImageError("unsupported", f"pages with the unknown codec {codec}")
    if name == "no":
        pieces = packed()
    elif size and max(size, packed_size) <= LARGEST_IN_MEMORY and name in {"snappy", "lz4_raw"}:
        pieces = _at_once(name, b"".join(packed()), size, pa)
    else:
        pieces = _DECODERS[name](packed(), pa)
    return _exactly(size, pieces)


def _exactly(size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Refuse more bytes than stated; the reader of the stream finds out if there are too few."""
    try:
        for piece in pieces:
            size -= len(piece)
            if size < 0:
                _refuse("a page unpacks to more bytes than it states")
            if piece:
                yield piece
    except (OSError, ValueError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:  # from reading the file, not from its content
            raise
        _refuse(f"a page cannot be unpacked: {error}")


def _at_once(name: str, data: bytes, size: int, pa: Any) -> Iterator[bytes]:  # noqa: ANN401 - as above
    """Unpack a block without an end mark: it must fill ``size`` bytes, and must not fit into one byte less."""
    codec = pa.Codec(name)
    whole = codec.decompress(data, decompressed_size=size, asbytes=True)
    try:
        codec.decompress(data, decompressed_size=size - 1)
    except (OSError, ValueError):
        yield whole
    else:
        _refuse("a page unpacks to fewer bytes than it states")


def _inflated(packed: Iterator[bytes], _: object) -> Iterator[bytes]:
    inflater = zlib.decompressobj(_EITHER)
    for piece in packed:
        rest = piece
        while rest:
            if inflater.eof:
                inflater = zlib.decompressobj(_EITHER)
            yield inflater.decompress(rest, PIECE)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        yield inflater.flush()


def _streamed(name: str) -> Callable[[Iterator[bytes], Any], Iterator[bytes]]:
    def unpacked(packed: Iterator[bytes], pa: Any) -> Iterator[bytes]:  # noqa: ANN401 - as above
        with pa.CompressedInputStream(pa.PythonFile(_PieceFile(packed), mode="r"), name) as stream:
            while piece := stream.read(PIECE):
                yield piece

    return unpacked


class _PieceFile(io.RawIOBase):
    """Pieces as a file, for pyarrow."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = filter(None, pieces), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class _Window:
    """The last unpacked bytes, as far back as copies may reach."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._told = 0  # bytes that were returned already

    def add(self, data: bytes) -> None:
        self._data += data

    def copy(self, back: int, size: int) -> None:
        """Repeat bytes from ``back`` bytes before; a copy may reach into itself."""
        if not 0 < back <= len(self._data):
            _refuse("a page that copies from before its beginning, or from more than 64 KiB back")
        start = len(self._data) - back
        if back >= size:
            self._data += self._data[start : start + size]
        else:
            unit = bytes(self._data[start:])
            self._data += (unit * (size // back + 1))[:size]

    def take(self, *, end: bool = False) -> Iterator[bytes]:
        """Yield the new bytes once they fill a piece, and drop what no copy may reach."""
        if end or len(self._data) - self._told >= PIECE:
            yield bytes(self._data[self._told :])
            del self._data[:-_WINDOW]
            self._told = len(self._data)


def _unsnapped(packed: Iterator[bytes], _: object) -> Iterator[bytes]:
    flow = ByteStream(packed)
    left = shift = 0
    while True:
        byte = flow.read(1)[0]
        left |= (byte & 127) << shift
        shift += 7
        if byte < 128 or shift > 31:  # noqa: PLR2004 - the bit for more bytes, and 32 bits
            break
    window = _Window()
    while left > 0:
        tag = flow.read(1)[0]
        kind, size = tag & 3, tag >> 2
        if kind == 0:
            if size >= 60:  # noqa: PLR2004 - then so many bytes of a length follow
                size = int.from_bytes(flow.read(size - 59), "little")
            size += 1
            left -= size
            while size > 0:
                window.add(flow.read(min(size, PIECE)))
                size -= PIECE
                yield from window.take()
            continue
        if kind == 1:
            back, size = (tag >> 5 << 8) + flow.read(1)[0], (size & 7) + 4
        else:
            back, size = int.from_bytes(flow.read(2 if kind == 2 else 4), "little"), size + 1  # noqa: PLR2004
        left -= size
        window.copy(back, size)
        yield from window.take()
    yield from window.take(end=True)


def _unlz4(packed: Iterator[bytes], _: object) -> Iterator[bytes]:
    flow = _EndingStream(packed)
    window = _Window()
    while not flow.is_over():
        token = flow.read(1)[0]
        size = _extended(flow, token >> 4)
        while size > 0:
            window.add(flow.read(min(size, PIECE)))
            size -= PIECE
            yield from window.take()
        if flow.is_over():  # the last sequence has no copy
            break
        back = int.from_bytes(flow.read(2), "little")
        size = _extended(flow, token & 15) + 4
        while size > 0:
            window.copy(back, min(size, PIECE))
            size -= PIECE
            yield from window.take()
    yield from window.take(end=True)


class _EndingStream(ByteStream):
    """A stream with a test for its end."""

    def is_over(self) -> bool:
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._piece, self._at = piece, 0
        return False


def _extended(flow: ByteStream, size: int) -> int:
    if size == 15:  # noqa: PLR2004 - then bytes follow that are added, up to one that is not 255
        while True:
            byte = flow.read(1)[0]
            size += byte
            if byte != 255:  # noqa: PLR2004
                break
    return size


_DECODERS: dict[str, Callable[[Iterator[bytes], Any], Iterator[bytes]]] = {
    "snappy": _unsnapped,
    "gzip": _inflated,
    "brotli": _streamed("brotli"),
    "zstd": _streamed("zstd"),
    "lz4_raw": _unlz4,
}


def _refuse(why: str) -> NoReturn:
    raise ImageError("broken", why)
