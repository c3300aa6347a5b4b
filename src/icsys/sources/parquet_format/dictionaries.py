"""Dictionary pages: values that other pages of the column choose by number."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Protocol

from icsys.errors import ImageError
from icsys.sources.parquet_format.decompress_pages import LARGEST_IN_MEMORY
from icsys.sources.parquet_format.footer import BOOLEAN, BYTE_ARRAY
from icsys.sources.parquet_format.page_values import NUMBER_FORMATS, ByteStrings, Numbers, lengths_before_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.sources.parquet_format.column_pages import ColumnPage
    from icsys.sources.parquet_format.footer import Leaf
    from icsys.sources.parquet_format.page_values import Check, PageValues

_PLAIN, _OLD_DICTIONARY = 0, 2  # encodings, by their numbers in the format


class Dictionary(Protocol):
    """Values by number."""

    def chosen(self, numbers: Iterator[int]) -> PageValues:
        """Return the values with these numbers."""

    def rest(self) -> None:
        """Release caches: the next pages do not use the dictionary."""


def open_dictionary(page: ColumnPage, leaf: Leaf) -> Dictionary:
    """Return the dictionary in a page; ImageError if its encoding is unknown."""
    if page.encoding not in {_PLAIN, _OLD_DICTIONARY} or leaf.kind == BOOLEAN:
        raise ImageError("unsupported", f"a dictionary with the unknown encoding {page.encoding}")
    if leaf.kind != BYTE_ARRAY:
        return _NumberDictionary(page, struct.Struct(NUMBER_FORMATS[leaf.kind]))
    return _HeldDictionary(page) if page.size <= LARGEST_IN_MEMORY else _SearchedDictionary(page)


def _checked_entry(number: int, page: ColumnPage) -> int:
    if number >= page.rows:
        raise ImageError("broken", f"entry {number} of a dictionary of {page.rows}")
    return number


class _NumberDictionary:
    """A dictionary of numbers."""

    def __init__(self, page: ColumnPage, form: struct.Struct) -> None:
        if page.rows * form.size > page.size:
            raise ImageError("broken", "a dictionary that ends too early")
        if page.size > LARGEST_IN_MEMORY:
            raise ImageError(
                "too_large", f"a dictionary of {page.size} bytes of numbers: expected at most {LARGEST_IN_MEMORY}"
            )
        self._page, self._form, self._data = page, form, page.flow().read(page.size)

    def chosen(self, numbers: Iterator[int]) -> PageValues:
        size = self._form.size
        values = (
            self._form.unpack_from(self._data, _checked_entry(number, self._page) * size)[0] for number in numbers
        )
        return Numbers(self._page, values)

    def rest(self) -> None:
        pass


class _Chosen:
    """Byte strings from a dictionary."""

    def __init__(self, page: ColumnPage, numbers: Iterator[int], entry: Callable[[int, Check], bytes]) -> None:
        self.page, self._numbers, self._entry = page, numbers, entry

    def skip(self) -> None:
        next(self._numbers)

    def take(self, check: Check) -> bytes:
        return self._entry(_checked_entry(next(self._numbers), self.page), check)


class _HeldDictionary:
    """A dictionary of byte strings in memory."""

    def __init__(self, page: ColumnPage) -> None:
        self._page, self._data = page, page.flow().read(page.size)
        self._starts = array("I", [0])

    def chosen(self, numbers: Iterator[int]) -> PageValues:
        return _Chosen(self._page, numbers, self._entry)

    def rest(self) -> None:
        pass

    def _entry(self, number: int, check: Check) -> bytes:
        while number >= len(self._starts):
            start = self._starts[-1]
            self._starts.append(start + 4 + self._length(start))
        start = self._starts[number]
        length = self._length(start)
        check(length)
        return self._data[start + 4 : start + 4 + length]

    def _length(self, start: int) -> int:
        length = int.from_bytes(self._data[start : start + 4], "little")
        if start + 4 + length > len(self._data):
            raise ImageError("broken", "a dictionary that ends too early")
        return length


class _SearchedDictionary:
    """A dictionary of byte strings too large for memory; pages mostly use its entries in their order.

    The last value is kept; for an earlier one, the page is unpacked again from its beginning.
    """

    def __init__(self, page: ColumnPage) -> None:
        self._page = page
        self.rest()

    def chosen(self, numbers: Iterator[int]) -> PageValues:
        return _Chosen(self._page, numbers, self._entry)

    def rest(self) -> None:
        self._next = 0
        self._last: bytes | None = None  # the last value that the check accepted
        self._pieces: ByteStrings | None = None

    def _entry(self, number: int, check: Check) -> bytes:
        if self._last is not None and number == self._next - 1:
            check(len(self._last))
            return self._last
        if self._pieces is None or number < self._next:
            flow = self._page.flow()
            self._next, self._pieces = 0, ByteStrings(self._page, lengths_before_values(flow), flow)
        self._last = None
        while self._next < number:
            self._next += 1
            self._pieces.skip()
        self._next += 1
        self._last = self._pieces.take(check)
        return self._last
