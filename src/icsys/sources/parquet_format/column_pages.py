"""The pages of a column in a row group, one after the other, each as a stream of bytes."""

from __future__ import annotations

import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.sources.parquet_format.decompress_pages import LARGEST_IN_MEMORY, PIECE, ByteStream, unpack
from icsys.sources.parquet_format.thrift import STRUCT, EndError, Thrift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.sources.parquet_format.footer import Chunk, Leaf

_LONGEST_HEADER = 2**20  # bytes; it may hold the smallest and the largest value of the page
_LONGEST_LEVELS = 2**23  # bytes
_MOST_UNPACKED = 2**31 - 1  # bytes: the limit of the format
_DATA, _INDEX, _DICTIONARY, _DATA_2 = range(4)


class ColumnPage(NamedTuple):
    """A page.

    Attributes
    ----------
    rows
        Rows of the table, missing values included; entries of a dictionary.
    encoding
        By its number in the format.
    is_dictionary
        Whether other pages use its values.
    size, packed_size
        In bytes.
    levels
        Which values are missing, as the format packs it; empty if none can be.
    flow
        Returns the values from the beginning on; it can be called again.
    values_at, end
        Returns where the values begin in the file, for a page that is not compressed; and where the page ends.
    """

    rows: int
    encoding: int
    is_dictionary: bool
    size: int
    packed_size: int
    levels: Callable[[], bytes]
    flow: Callable[[], ByteStream]
    values_at: Callable[[], int]
    end: int


def column_pages(file: IO[bytes], chunk: Chunk, leaf: Leaf, pa: Any) -> Iterator[ColumnPage]:  # noqa: ANN401 - pyarrow
    """Yield the pages of a column with at most one value a row; only their headers are read.

    Raises
    ------
    ImageError
        ``broken`` for damage, ``too_large`` for sizes that no page needs.
    """
    at, end = chunk.start, chunk.start + chunk.size
    while at < end:
        header, length = _header(file, at, end)
        at += length
        size, packed_size = header.get((2,), -1), header.get((3,), -1)
        if not (0 <= size <= _MOST_UNPACKED and 0 <= packed_size <= end - at):
            raise ImageError("broken", "a page that reaches beyond its column")
        begin, at = at, at + packed_size
        packed = partial(_read, file, begin, at, header.get((4,)))
        kind = header.get((1,), -1)
        if kind == _DATA_2:
            yield _second(header, packed, chunk.codec, leaf, place=(begin, at), pa=pa)
        elif kind in {_DATA, _DICTIONARY}:
            flow = _Body(chunk.codec, packed, packed_size, size, pa).flow
            values_at = partial(_values_at, file, begin, has_levels=leaf.levels > 0 and kind == _DATA)
            yield _first(header, flow, leaf, is_dictionary=kind == _DICTIONARY, place=(values_at, at))
        elif kind != _INDEX:
            raise ImageError("unsupported", f"a page of the unknown kind {kind}")


class _Body:
    """The bytes of a page: unpacked once if they fit into memory, otherwise on every use."""

    def __init__(
        self,
        codec: int,
        packed: Callable[[], Iterator[bytes]],
        packed_size: int,
        size: int,
        pa: Any,  # noqa: ANN401 - as above
    ) -> None:
        self._unpack = partial(unpack, codec, packed, packed_size, size, pa)
        self._size = size
        self._held: bytes | None = None

    def flow(self) -> ByteStream:
        """Return the bytes from the beginning on."""
        if self._size > LARGEST_IN_MEMORY:
            return ByteStream(self._unpack())
        if self._held is None:
            self._held = ByteStream(self._unpack()).read(self._size)
        return ByteStream(iter([self._held]))


def _first(
    header: dict[tuple[int, ...], int],
    flow: Callable[[], ByteStream],
    leaf: Leaf,
    *,
    is_dictionary: bool,
    place: tuple[Callable[[], int], int],
) -> ColumnPage:
    """Return a page of version 1, whose levels are packed with its values, or a dictionary."""
    path = 7 if is_dictionary else 5
    rows, encoding = header.get((path, 1), -1), header.get((path, 2), -1)
    has_levels = leaf.levels > 0 and not is_dictionary

    def levels() -> bytes:
        return _levels(flow()) if has_levels else b""

    def values() -> ByteStream:
        start = flow()
        if has_levels:
            start.skip(int.from_bytes(start.read(4), "little"))
        return start

    return ColumnPage(_checked(rows), encoding, is_dictionary, header[2,], header[3,], levels, values, *place)


def _second(
    header: dict[tuple[int, ...], int],
    packed: Callable[[], Iterator[bytes]],
    codec: int,
    leaf: Leaf,
    *,
    place: tuple[int, int],
    pa: Any,  # noqa: ANN401 - as above
) -> ColumnPage:
    """Return a page of version 2, whose levels lie uncompressed before its values."""
    size, packed_size = header[2,], header[3,]
    before = header.get((8, 6), 0) + (length := header.get((8, 5), 0))
    if header.get((8, 6), 0) or not 0 <= length <= min(size, packed_size, _LONGEST_LEVELS):
        raise ImageError("broken", "a page whose levels do not fit it")

    def levels() -> bytes:
        return ByteStream(packed()).read(length) if leaf.levels else b""

    def rest() -> Iterator[bytes]:
        flow = ByteStream(packed())
        flow.skip(before)
        return flow.rest()

    used = codec if header.get((8, 7), 1) else 0
    values = _Body(used, rest, packed_size - before, size - before, pa).flow
    rows, encoding, begin = _checked(header.get((8, 1), -1)), header.get((8, 4), -1), place[0] + before
    return ColumnPage(rows, encoding, False, size, packed_size, levels, values, lambda: begin, place[1])


def _values_at(file: IO[bytes], begin: int, *, has_levels: bool) -> int:
    """Return where the values of a page of version 1 begin, if it is not compressed: behind the levels."""
    if not has_levels:
        return begin
    file.seek(begin)
    return begin + 4 + int.from_bytes(file.read(4), "little")


def _levels(flow: ByteStream) -> bytes:
    length = int.from_bytes(flow.read(4), "little")
    if length > _LONGEST_LEVELS:
        raise ImageError("too_large", f"levels of {length} bytes: expected at most {_LONGEST_LEVELS}")
    return flow.read(length)


def _checked(rows: int) -> int:
    if rows < 0:
        raise ImageError("broken", "a page without its number of rows")
    return rows


def _header(file: IO[bytes], at: int, end: int) -> tuple[dict[tuple[int, ...], int], int]:
    """Return the numbers in the header of a page by their paths of field numbers, and its length."""
    size = 256
    while True:
        file.seek(at)
        data = file.read(min(size, end - at))
        thrift = Thrift(data)
        try:
            return _numbers(thrift, ()), thrift.at
        except EndError:
            if size > _LONGEST_HEADER or len(data) < size:
                raise ImageError("broken", "the header of a page does not end") from None
            size *= 16


def _numbers(thrift: Thrift, path: tuple[int, ...]) -> dict[tuple[int, ...], int]:
    header: dict[tuple[int, ...], int] = {}
    for number, kind in thrift.fields():
        way = (*path, number)
        if kind in {1, 2}:
            header[way] = kind == 1
        elif kind in {4, 5, 6}:
            header[way] = thrift.number()
        elif kind == STRUCT and not path:
            header |= _numbers(thrift, way)
    return header


def _read(file: IO[bytes], at: int, end: int, checksum: int | None) -> Iterator[bytes]:
    """Read a part of a file and check its checksum; other parts of the file may be read in between."""
    found = 0
    while at < end:
        file.seek(at)
        piece = file.read(min(PIECE, end - at))
        if not piece:
            raise ImageError("broken", "the file ends within a page")
        at += len(piece)
        found = zlib.crc32(piece, found)
        if at == end and checksum is not None and found != checksum % 2**32:
            raise ImageError("broken", "the bytes of a page are damaged: wrong checksum")
        yield piece
