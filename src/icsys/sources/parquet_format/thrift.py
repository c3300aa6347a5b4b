"""Thrift's compact protocol, read field by field; every length is checked, and only wanted fields are kept.

The protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE, FALSE, BYTE, I16, I32, I64, FLOAT64, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_SIZES = {TRUE: 0, FALSE: 0, BYTE: 1, FLOAT64: 8}  # of fields
_NUMBERS = {I16, I32, I64}
_DEEPEST = 32
_LONGEST = 63  # bits of a number
_LONG_LIST = 15  # the size field that means: the size follows


class EndError(Exception):
    """The bytes end too early: more of them may be needed."""


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
        """Yield the fields of a struct as (number, kind); a field that the caller does not read is passed over."""
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self.number()
            kind, before = head & 15, self.at
            yield number, kind
            if self.at == before:
                self.skip(kind, depth)

    def number(self) -> int:
        """Read a signed number."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def text(self) -> bytes:
        """Read bytes behind their length."""
        size = self._varint()
        start = self._advance(size)
        return self._data[start : start + size]

    def items(self) -> Iterator[int]:
        """Yield the kind of each item of a list; the caller reads or skips the item."""
        head = self._byte()
        size = head >> 4 if head >> 4 < _LONG_LIST else self._varint()
        if size > len(self._data) - self.at:  # an item takes a byte at least
            raise EndError
        for _ in range(size):
            yield head & 15

    def skip(self, kind: int, depth: int = 0, *, in_list: bool = False) -> None:
        """Pass over a value."""
        if depth > _DEEPEST:
            raise ImageError("too_large", f"its structs are nested more than {_DEEPEST} deep")
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
        """Go on by so many bytes, and return the old position."""
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
            if byte < 128:  # noqa: PLR2004 - the bit for more bytes
                return value
        raise ImageError("broken", "a number of more than 64 bits")
