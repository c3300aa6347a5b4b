"""Thrift's compact protocol, read field by field: nothing is kept that is not asked for, and nothing is believed.

The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_SIZES = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8}  # of fields
_NUMBERS = {I16, I32, I64}
_DEEPEST = 32
_LONGEST = 63  # bits of a number
_LONG_LIST = 15  # whose length does not fit beside its kind


class EndError(Exception):
    """The bytes end before what they hold does: there may be more of them."""


class Thrift:
    """Bytes in the compact protocol, read forwards.

    Attributes
    ----------
    at
        Where the next byte is.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data, self.at = data, at

    def fields(self, depth: int = 0) -> Iterator[tuple[int, int]]:
        """Go through the fields of a struct: (number, kind). What is not read of one is passed over."""
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self.number()
            kind, before = head & 15, self.at
            yield number, kind
            if self.at == before:
                self.skip(kind, depth)

    def number(self) -> int:
        """Read a number with a sign."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def text(self) -> bytes:
        """Read bytes behind their length."""
        size = self._varint()
        start = self._advance(size)
        return self._data[start : start + size]

    def items(self) -> Iterator[int]:
        """Go through the items of a list: the kind of each, which has to be read or passed over."""
        head = self._byte()
        size = head >> 4 if head >> 4 < _LONG_LIST else self._varint()
        if size > len(self._data) - self.at:  # an item takes a byte at least
            raise EndError
        for _ in range(size):
            yield head & 15

    def skip(self, kind: int, depth: int = 0, *, in_list: bool = False) -> None:
        """Pass over a value."""
        if depth > _DEEPEST:
            raise ImageError("too_large", f"its tables lie more than {_DEEPEST} deep in one another")
        if kind in _NUMBERS:
            self._varint()
        elif kind == BINARY:
            self._advance(self._varint())
        elif kind == STRUCT:
            for _, inner in self.fields(depth + 1):
                self.skip(inner, depth + 1)
        elif kind in {LIST, SET}:
            for inner in self.items():
                self.skip(inner, depth + 1, in_list=True)
        elif kind in _SIZES:
            self._advance(1 if in_list and kind in {TRUE, FALSE} else _SIZES[kind])
        else:
            raise ImageError("broken", f"a value of the unknown kind {kind}")

    def _byte(self) -> int:
        return self._data[self._advance(1)]

    def _advance(self, size: int) -> int:
        """Go on and return where one was."""
        start = self.at
        if size > len(self._data) - start:
            raise EndError
        self.at = start + size
        return start

    def _varint(self) -> int:
        value = 0
        for shift in range(0, _LONGEST + 1, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the bit that says that more follow
                return value
        raise ImageError("broken", "a number of more than 64 bits")
