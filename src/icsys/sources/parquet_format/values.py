"""The values of a column, one after the other; of bytes the length is looked at before they take memory.

What is packed together is never unpacked together: pages and dictionaries of more than some megabytes, and runs of
equal values, are flows that are read as far as a value asks for.
"""

from __future__ import annotations

import struct
from array import array
from typing import IO, TYPE_CHECKING, Any, Protocol

from icsys.errors import ImageError
from icsys.sources.parquet_format.footer import BOOLEAN, BYTE_ARRAY, DOUBLE, FLOAT, INT32, INT64, Chunk, Leaf
from icsys.sources.parquet_format.pages import Page, pages
from icsys.sources.parquet_format.unpack import HELD, Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[int], object]
    """Raises an error for a value of so many bytes that is not to be taken."""

_NUMBERS = {INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}
_PLAIN, _OLD_DICTIONARY = 0, 2  # encodings, by their numbers in the format
_LARGEST_BLOCK = 2**16  # numbers
_LARGE = 2**25  # bytes of a value
_DENSEST = 100  # times; images are packed already, so that nothing makes so much of one


class _Values(Protocol):
    """The values of a page that are there; ``page`` is the one that holds them, which may be a dictionary."""

    page: Page

    def skip(self) -> None:
        """Pass over the next one."""

    def take(self, check: Check) -> Any:  # noqa: ANN401 - bytes or a number
        """Return the next one; one that ``check`` refuses is passed over."""


class Column:
    """A column in a row group, read forwards.

    Parameters
    ----------
    file
        The table; other columns of it may be read meanwhile.
    rows
        In the row group.
    pa
        The package pyarrow.
    short
        The values are short: a page that is too large to be held is refused.
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
            raise ImageError("unsupported", "a column of lists, or of values that say neither names nor images")
        if chunk.values != rows:
            raise ImageError("broken", f"a column of {chunk.values} values in {rows} rows")
        self._leaf, self._pages, self._short = leaf, pages(file, chunk, leaf, pa), short
        self._dictionary: _Dictionary | None = None
        self._page: Page | None = None
        self._rows, self._rows_left = rows, 0  # of pages to come, and of this one
        self._levels: Iterator[int] | None = None
        self._values: _Values | None = None

    @staticmethod
    def can_read(leaf: Leaf) -> bool:
        """Tell whether a column has one value a row, of a kind that is known here."""
        return not leaf.repeated and leaf.kind in {BOOLEAN, BYTE_ARRAY, *_NUMBERS}

    def skip(self, rows: int) -> None:
        """Pass over rows."""
        while rows:
            self._turn()
            if self._values is None and rows >= self._rows_left:  # a page of which nothing is wanted is not unpacked
                rows -= self._rows_left
                self._rows_left = 0
                continue
            if self._is_there():
                self._open().skip()
            rows -= 1

    def read(self, check: Check) -> Any:  # noqa: ANN401 - as above
        """Return the value of the next row: bytes or a number, None where there is none.

        Raises
        ------
        ImageError
            What ``check`` raises, which is called with the length of bytes before they are taken; the next row can be
            read then. ``broken`` and others, after which nothing can.
        """
        self._turn()
        if not self._is_there():
            return None
        values = self._open()

        def bounded(size: int) -> None:
            check(size)
            if size > _LARGE and values.page.size > _DENSEST * values.page.packed_size:
                raise ImageError(
                    "too_large", f"{size} bytes in a page that unpacks to {_DENSEST} times its size and more"
                )

        return values.take(bounded)

    def _turn(self) -> None:
        """Go on to the next page where one is over."""
        while not self._rows_left:
            self._page = page = next(self._pages, None)
            if page is None:
                raise ImageError("broken", "a column with fewer values than rows")
            if self._short and page.size > HELD:
                raise ImageError("too_large", f"a page of {page.size} bytes of names: expected at most {HELD}")
            if page.is_dictionary:
                self._dictionary = _dictionary(page, self._leaf)
                continue
            if page.rows > self._rows:
                raise ImageError("broken", "a column with more values than rows")
            self._rows -= page.rows
            self._rows_left, self._levels, self._values = page.rows, None, None

    def _is_there(self) -> bool:
        """Tell whether the next row has a value, and count it."""
        assert self._page is not None  # noqa: S101 - after _turn
        self._rows_left -= 1
        if not self._leaf.levels:
            return True
        if self._levels is None:
            flow = Flow(iter([self._page.levels()]))
            self._levels = runs(flow, self._leaf.levels.bit_length())
        return next(self._levels) == self._leaf.levels

    def _open(self) -> _Values:
        """Return the values of the page, which is unpacked from now on."""
        if self._values is None:
            assert self._page is not None  # noqa: S101 - as above
            self._values = self._opened(self._page)
        return self._values

    def _opened(self, page: Page) -> _Values:
        kind = self._leaf.kind
        if page.encoding == _PLAIN:
            if self._dictionary is not None:
                self._dictionary.rest()
            return _plain(page, kind)
        if page.size > HELD:
            raise ImageError("too_large", f"a page of {page.size} bytes that are not plain: expected at most {HELD}")
        flow = page.flow()
        match page.encoding:
            case 2 | 8 if self._dictionary is not None:
                return self._dictionary.chosen(runs(flow, _width(flow)))
            case 3 if kind == BOOLEAN:
                flow.skip(4)  # a length
                return _Numbers(page, map(bool, runs(flow, 1)))
            case 5 if kind in {INT32, INT64}:
                return _Numbers(page, _as_signed(deltas(flow, page.rows), 32 if kind == INT32 else 64))
            case 6 if kind == BYTE_ARRAY:
                return _Pieces(page, *_lengths_and_data(page))
            case 7 if kind == BYTE_ARRAY:
                return _Prefixed(page)
        raise ImageError("unsupported", f"values written in a way that ics does not read (number {page.encoding})")


def _width(flow: Flow) -> int:
    width = flow.read(1)[0]
    if width > 32:  # noqa: PLR2004 - bits
        raise ImageError("broken", f"numbers of {width} bits")
    return width


def runs(flow: Flow, width: int) -> Iterator[int]:
    """Unpack runs of equal numbers and of packed ones; it is for the caller to know how many there are."""
    size = (width + 7) // 8
    mask = (1 << width) - 1
    while True:
        head = _varint(flow)
        if head & 1:
            for _ in range(head >> 1):
                packed = int.from_bytes(flow.read(width), "little")
                for _ in range(8):
                    yield packed & mask
                    packed >>= width
        else:
            value = int.from_bytes(flow.read(size), "little")
            for _ in range(head >> 1):
                yield value


def _varint(flow: Flow) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = flow.read(1)[0]
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the bit that says that more follow
            return value
    raise ImageError("broken", "a number of more than 64 bits")


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def deltas(flow: Flow, most: int) -> Iterator[int]:
    """Unpack numbers of which the differences are stored (DELTA_BINARY_PACKED), ``most`` at most."""
    block, parts, count, value = _varint(flow), _varint(flow), _varint(flow), _signed(_varint(flow))
    if not (0 < parts <= block <= _LARGEST_BLOCK) or block % (8 * parts) or count > most:
        raise ImageError("broken", f"{count} numbers in blocks of {block} in {parts} parts")
    if count:
        yield value
    count -= 1
    while count > 0:
        least = _signed(_varint(flow))
        for width in flow.read(parts):
            if count <= 0:
                break
            if width > 64:  # noqa: PLR2004 - bits
                raise ImageError("broken", f"numbers of {width} bits")
            for _ in range(block // parts // 8):
                packed = int.from_bytes(flow.read(width), "little")
                for _ in range(min(8, count)):
                    value += least + (packed & ((1 << width) - 1))
                    packed >>= width
                    yield value
                count -= 8


def _as_signed(values: Iterator[int], bits: int) -> Iterator[int]:
    half, whole = 1 << (bits - 1), 1 << bits
    return ((value + half) % whole - half for value in values)


class _Numbers:
    """Numbers, one after the other."""

    def __init__(self, page: Page, values: Iterator[Any]) -> None:
        self.page, self._values = page, values

    def skip(self) -> None:
        self.take(None)

    def take(self, _: Check | None) -> Any:  # noqa: ANN401 - a number
        for value in self._values:
            return value
        raise ImageError("broken", "a page with fewer values than it tells")


def _plain(page: Page, kind: int) -> _Values:
    flow = page.flow()
    if kind == BYTE_ARRAY:
        return _Pieces(page, _own_lengths(flow), flow)
    if kind == BOOLEAN:
        return _Numbers(page, _bits(flow))
    return _Numbers(page, _unpacked(flow, struct.Struct(_NUMBERS[kind])))


def _own_lengths(flow: Flow) -> Iterator[int]:
    """Read the lengths that stand before the values themselves."""
    while True:
        yield int.from_bytes(flow.read(4), "little")


def _bits(flow: Flow) -> Iterator[bool]:
    while True:
        byte = flow.read(1)[0]
        for bit in range(8):
            yield bool(byte >> bit & 1)


def _unpacked(flow: Flow, form: struct.Struct) -> Iterator[Any]:
    while True:
        yield form.unpack(flow.read(form.size))[0]


class _Pieces:
    """Bytes that lie one after the other, with their lengths."""

    def __init__(self, page: Page, lengths: Iterator[int], data: Flow) -> None:
        self.page, self._lengths, self._data = page, lengths, data

    def length(self) -> int:
        """Return the length of the next value, which has to be passed over or taken."""
        for length in self._lengths:
            if length < 0:
                break
            return length
        raise ImageError("broken", "a page with fewer values than it tells")

    def skip(self) -> None:
        self._data.skip(self.length())

    def take(self, check: Check) -> bytes:
        length = self.length()
        try:
            check(length)
        except ImageError:
            self._data.skip(length)
            raise
        return self._data.read(length)


def _lengths_and_data(page: Page, before: int = 0) -> tuple[Iterator[int], Flow]:
    """Read lengths, and the bytes behind all of them: it takes two ways through the page, and no room for lengths.

    Parameters
    ----------
    before
        How many series of numbers come first.
    """
    first, second = page.flow(), page.flow()
    for flow in [first, second] * before + [second]:
        _exhaust(deltas(flow, page.rows))
    return deltas(first, page.rows), second


def _exhaust(values: Iterator[int]) -> None:
    for _ in values:
        pass


class _Prefixed:
    """Bytes that begin as those before them do (DELTA_BYTE_ARRAY)."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._prefixes = deltas(page.flow(), page.rows)
        self._pieces = _Pieces(page, *_lengths_and_data(page, before=1))
        self._last = b""

    def skip(self) -> None:
        self.take(_any_prefix)

    def take(self, check: Check) -> bytes:
        shared = next(self._prefixes, -1)
        if not 0 <= shared <= len(self._last):
            raise ImageError("broken", "a value that begins as none does")
        own = self._pieces.take(lambda length: _any_prefix(shared + length))
        self._last = self._last[:shared] + own
        check(len(self._last))
        return self._last


def _any_prefix(size: int) -> None:
    """Refuse values that may be the beginning of others, and are too large to be kept."""
    if size > HELD:
        raise ImageError("too_large", f"a value of {size} bytes that shares its beginning: expected at most {HELD}")


class _Dictionary(Protocol):
    """Values of which pages hold the numbers."""

    def chosen(self, numbers: Iterator[int]) -> _Values:
        """Return what numbers choose."""

    def rest(self) -> None:
        """Let go of what only makes it faster: pages follow that do not choose from it."""


def _dictionary(page: Page, leaf: Leaf) -> _Dictionary:
    if page.encoding not in {_PLAIN, _OLD_DICTIONARY} or leaf.kind == BOOLEAN:
        raise ImageError("unsupported", f"a dictionary written in a way that ics does not read ({page.encoding})")
    if leaf.kind != BYTE_ARRAY:
        return _NumberDictionary(page, struct.Struct(_NUMBERS[leaf.kind]))
    return _Held(page) if page.size <= HELD else _Sought(page)


def _within(number: int, page: Page) -> int:
    if number >= page.rows:
        raise ImageError("broken", f"entry {number} of a dictionary of {page.rows}")
    return number


class _NumberDictionary:
    """A dictionary of numbers."""

    def __init__(self, page: Page, form: struct.Struct) -> None:
        if page.rows * form.size > page.size:
            raise ImageError("broken", "a dictionary that ends too early")
        if page.size > HELD:
            raise ImageError("too_large", f"a dictionary of {page.size} bytes of numbers: expected at most {HELD}")
        self._page, self._form, self._data = page, form, page.flow().read(page.size)

    def chosen(self, numbers: Iterator[int]) -> _Values:
        size = self._form.size
        values = (self._form.unpack_from(self._data, _within(number, self._page) * size)[0] for number in numbers)
        return _Numbers(self._page, values)

    def rest(self) -> None:
        pass


class _Chosen:
    """Bytes that a dictionary holds."""

    def __init__(self, page: Page, numbers: Iterator[int], entry: Callable[[int, Check], bytes]) -> None:
        self.page, self._numbers, self._entry = page, numbers, entry

    def skip(self) -> None:
        next(self._numbers)

    def take(self, check: Check) -> bytes:
        return self._entry(_within(next(self._numbers), self.page), check)


class _Held:
    """A dictionary in memory."""

    def __init__(self, page: Page) -> None:
        self._page, self._data = page, page.flow().read(page.size)
        self._starts = array("I", [0])

    def chosen(self, numbers: Iterator[int]) -> _Values:
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


class _Sought:
    """A dictionary that is too large to be held: mostly its entries are asked for in their order.

    A value that comes again is at hand; for one further back, the page is unpacked again from its beginning.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.rest()

    def chosen(self, numbers: Iterator[int]) -> _Values:
        return _Chosen(self._page, numbers, self._entry)

    def rest(self) -> None:
        self._next = 0
        self._last: bytes | None = None  # which was not refused
        self._pieces: _Pieces | None = None

    def _entry(self, number: int, check: Check) -> bytes:
        if self._last is not None and number == self._next - 1:
            check(len(self._last))
            return self._last
        if self._pieces is None or number < self._next:
            flow = self._page.flow()
            self._next, self._pieces = 0, _Pieces(self._page, _own_lengths(flow), flow)
        self._last = None
        while self._next < number:
            self._next += 1
            self._pieces.skip()
        self._next += 1
        self._last = self._pieces.take(check)
        return self._last
