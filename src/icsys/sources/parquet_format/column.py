"""A column of a Parquet file, read value by value; the length of bytes is checked before they take memory.

Nothing is unpacked as a whole that may be large: pages and dictionaries of more than some megabytes, and runs of equal
values, are streams that are read as far as a value needs.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from icsys.errors import ImageError
from icsys.sources.parquet_format.column_pages import ColumnPage, column_pages
from icsys.sources.parquet_format.decompress_pages import LARGEST_IN_MEMORY, ByteStream
from icsys.sources.parquet_format.dictionaries import Dictionary, open_dictionary
from icsys.sources.parquet_format.encodings import as_signed, deltas, read_bit_width, runs
from icsys.sources.parquet_format.footer import BOOLEAN, BYTE_ARRAY, INT32, INT64, Chunk, Leaf
from icsys.sources.parquet_format.page_values import (
    NUMBER_FORMATS,
    ByteStrings,
    Numbers,
    PrefixedByteStrings,
    lengths_and_data,
    plain_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.sources.parquet_format.page_values import Check, PageValues

_PLAIN = 0  # an encoding, by its number in the format
_LARGE = 2**25  # bytes of a value
_DENSEST = 100  # times; images are compressed already: no encoder makes one this much smaller


class Column:
    """A column in a row group, read forwards.

    Parameters
    ----------
    file
        The table; other columns may be read in between.
    rows
        In the row group.
    pa
        The package pyarrow.
    short
        The values are short: a page too large for memory is refused.
    """

    def __init__(
        self,
        file: IO[bytes],
        leaf: Leaf,
        chunk: Chunk,
        rows: int,
        pa: Any,  # noqa: ANN401 - a package without types
        *,
        short: bool = False,
    ) -> None:
        if not self.can_read(leaf):
            raise ImageError("unsupported", "a column of lists, or of a kind that holds neither names nor images")
        if chunk.values != rows:
            raise ImageError("broken", f"a column of {chunk.values} values in {rows} rows")
        self._leaf, self._pages, self._short = leaf, column_pages(file, chunk, leaf, pa), short
        self._dictionary: Dictionary | None = None
        self._page: ColumnPage | None = None
        self._rows, self._rows_left = rows, 0  # of the next pages, and of this one
        self._levels: Iterator[int] | None = None
        self._values: PageValues | None = None

    @staticmethod
    def can_read(leaf: Leaf) -> bool:
        """Return whether a column has one value a row, of a known kind."""
        return not leaf.repeated and leaf.kind in {BOOLEAN, BYTE_ARRAY, *NUMBER_FORMATS}

    def skip(self, rows: int) -> None:
        """Pass over rows."""
        while rows:
            self._next_page()
            if self._values is None and rows >= self._rows_left:  # an unneeded page is not unpacked
                rows -= self._rows_left
                self._rows_left = 0
                continue
            if self._has_value():
                self._open().skip()
            rows -= 1

    def read(self, check: Check) -> Any:  # noqa: ANN401 - as above
        """Return the value of the next row: bytes or a number, None where there is none.

        Raises
        ------
        ImageError
            From ``check``, which gets the length of bytes before they are read; the next row can be read then.
            ``broken`` and others end the column.
        """
        self._next_page()
        if not self._has_value():
            return None
        values = self._open()

        def bounded(size: int) -> None:
            check(size)
            if size > _LARGE and values.page.size > _DENSEST * values.page.packed_size:
                raise ImageError(
                    "too_large", f"{size} bytes in a page that unpacks to more than {_DENSEST} times its size"
                )

        return values.take(bounded)

    def _next_page(self) -> None:
        """Go to the next page at the end of one."""
        while not self._rows_left:
            self._page = page = next(self._pages, None)
            if page is None:
                raise ImageError("broken", "a column with fewer values than rows")
            if self._short and page.size > LARGEST_IN_MEMORY:
                raise ImageError(
                    "too_large", f"a page of {page.size} bytes of names: expected at most {LARGEST_IN_MEMORY}"
                )
            if page.is_dictionary:
                self._dictionary = open_dictionary(page, self._leaf)
                continue
            if page.rows > self._rows:
                raise ImageError("broken", "a column with more values than rows")
            self._rows -= page.rows
            self._rows_left, self._levels, self._values = page.rows, None, None

    def _has_value(self) -> bool:
        """Return whether the next row has a value, and count the row."""
        assert self._page is not None  # noqa: S101 - after _next_page
        self._rows_left -= 1
        if not self._leaf.levels:
            return True
        if self._levels is None:
            flow = ByteStream(iter([self._page.levels()]))
            self._levels = runs(flow, self._leaf.levels.bit_length())
        return next(self._levels) == self._leaf.levels

    def _open(self) -> PageValues:
        """Return the values of the page; this unpacks it."""
        if self._values is None:
            assert self._page is not None  # noqa: S101 - as above
            self._values = self._opened(self._page)
        return self._values

    def _opened(self, page: ColumnPage) -> PageValues:
        kind = self._leaf.kind
        if page.encoding == _PLAIN:
            if self._dictionary is not None:
                self._dictionary.rest()
            return plain_values(page, kind)
        if page.size > LARGEST_IN_MEMORY:
            raise ImageError(
                "too_large",
                f"a page of {page.size} bytes with an encoding other than plain: expected at most {LARGEST_IN_MEMORY}",
            )
        flow = page.flow()
        match page.encoding:
            case 2 | 8 if self._dictionary is not None:
                return self._dictionary.chosen(runs(flow, read_bit_width(flow)))
            case 3 if kind == BOOLEAN:
                flow.skip(4)  # a length
                return Numbers(page, map(bool, runs(flow, 1)))
            case 5 if kind in {INT32, INT64}:
                return Numbers(page, as_signed(deltas(flow, page.rows), 32 if kind == INT32 else 64))
            case 6 if kind == BYTE_ARRAY:
                return ByteStrings(page, *lengths_and_data(page))
            case 7 if kind == BYTE_ARRAY:
                return PrefixedByteStrings(page)
        raise ImageError("unsupported", f"values with the unknown encoding {page.encoding}")
