"""The values of one page, read one after the other: numbers, byte strings, and byte strings with shared prefixes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Protocol

from icsys.errors import ImageError
from icsys.sources.parquet_format.decompress_pages import LARGEST_IN_MEMORY, ByteStream
from icsys.sources.parquet_format.encodings import deltas
from icsys.sources.parquet_format.footer import BOOLEAN, BYTE_ARRAY, DOUBLE, FLOAT, INT32, INT64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.sources.parquet_format.column_pages import ColumnPage

    Check = Callable[[int], object]
    """Raises an error for a value of so many bytes that is to be refused."""

NUMBER_FORMATS = {INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}
"""How numbers are stored, by the kind of a column."""


class PageValues(Protocol):
    """The values of a page that are not missing; ``page`` is the one that holds them, which may be a dictionary."""

    page: ColumnPage

    def skip(self) -> None:
        """Pass over the next value."""

    def take(self, check: Check) -> Any:  # noqa: ANN401 - bytes or a number
        """Return the next value; one that ``check`` refuses is passed over."""


class Numbers:
    """Numbers, one after the other."""

    def __init__(self, page: ColumnPage, values: Iterator[Any]) -> None:
        self.page, self._values = page, values

    def skip(self) -> None:
        """See PageValues."""
        self.take(None)

    def take(self, _: Check | None) -> Any:  # noqa: ANN401 - a number
        """See PageValues."""
        for value in self._values:
            return value
        raise ImageError("broken", "a page with fewer values than its header states")


def plain_values(page: ColumnPage, kind: int) -> PageValues:
    """Return the values of a page without compression of values (PLAIN)."""
    flow = page.flow()
    if kind == BYTE_ARRAY:
        return ByteStrings(page, lengths_before_values(flow), flow)
    if kind == BOOLEAN:
        return Numbers(page, _bits(flow))
    return Numbers(page, _unpacked(flow, struct.Struct(NUMBER_FORMATS[kind])))


def lengths_before_values(flow: ByteStream) -> Iterator[int]:
    """Read the length before each value."""
    while True:
        yield int.from_bytes(flow.read(4), "little")


def _bits(flow: ByteStream) -> Iterator[bool]:
    while True:
        byte = flow.read(1)[0]
        for bit in range(8):
            yield bool(byte >> bit & 1)


def _unpacked(flow: ByteStream, form: struct.Struct) -> Iterator[Any]:
    while True:
        yield form.unpack(flow.read(form.size))[0]


class ByteStrings:
    """Byte strings, one after the other, with their lengths."""

    def __init__(self, page: ColumnPage, lengths: Iterator[int], data: ByteStream) -> None:
        self.page, self._lengths, self._data = page, lengths, data

    def length(self) -> int:
        """Return the length of the next value; the caller reads or skips the value."""
        for length in self._lengths:
            if length < 0:
                break
            return length
        raise ImageError("broken", "a page with fewer values than its header states")

    def skip(self) -> None:
        """See PageValues."""
        self._data.skip(self.length())

    def take(self, check: Check) -> bytes:
        """See PageValues."""
        length = self.length()
        try:
            check(length)
        except ImageError:
            self._data.skip(length)
            raise
        return self._data.read(length)


def lengths_and_data(page: ColumnPage, before: int = 0) -> tuple[Iterator[int], ByteStream]:
    """Return lengths, and the stream of bytes behind them: the page is unpacked twice, so that no lengths are stored.

    Parameters
    ----------
    before
        How many series of numbers come before the lengths.
    """
    first, second = page.flow(), page.flow()
    for flow in [first, second] * before + [second]:
        _pass_over(deltas(flow, page.rows))
    return deltas(first, page.rows), second


def _pass_over(values: Iterator[int]) -> None:
    for _ in values:
        pass


class PrefixedByteStrings:
    """Byte strings that share a prefix with the one before (DELTA_BYTE_ARRAY)."""

    def __init__(self, page: ColumnPage) -> None:
        self.page = page
        self._prefixes = deltas(page.flow(), page.rows)
        self._pieces = ByteStrings(page, *lengths_and_data(page, before=1))
        self._last = b""

    def skip(self) -> None:
        """See PageValues."""
        self.take(_check_prefix)

    def take(self, check: Check) -> bytes:
        """See PageValues."""
        shared = next(self._prefixes, -1)
        if not 0 <= shared <= len(self._last):
            raise ImageError("broken", "a value with a longer prefix than the one before it has")
        own = self._pieces.take(lambda length: _check_prefix(shared + length))
        self._last = self._last[:shared] + own
        check(len(self._last))
        return self._last


def _check_prefix(size: int) -> None:
    """Refuse a value that is too large to keep: the next one may need its prefix."""
    if size > LARGEST_IN_MEMORY:
        raise ImageError(
            "too_large", f"a value of {size} bytes with a shared prefix: expected at most {LARGEST_IN_MEMORY}"
        )
