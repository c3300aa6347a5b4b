"""The names of one folder, in order: a folder may hold millions, and a Python text takes three times its letters."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 4096  # names


class SortedNames:
    """Names of files, each any number of times; they are read in order, as often as needed.

    Examples
    --------
    >>> names = SortedNames()
    >>> for name in ("b.jpg", "a.jpg"):
    ...     names.add(name)
    >>> list(names), len(names)
    (['a.jpg', 'b.jpg'], 2)
    """

    def __init__(self) -> None:
        self._count = 0
        self._new: list[str] = []
        self._blocks: list[str] = []  # sorted names, each with a slash after it, which no name holds
        self._are_in_order = True  # one block after the other

    def __len__(self) -> int:
        return self._count

    def add(self, name: str) -> None:
        """Add a name."""
        self._count += 1
        self._new.append(name)
        if len(self._new) == _BLOCK:
            self._pack()

    def __iter__(self) -> Iterator[str]:
        if not self._blocks:
            self._new.sort()
            return iter(self._new)
        if self._new:
            self._pack()
        if not self._are_in_order:
            self._blocks = list(_packed(heapq.merge(*map(_unpacked, self._blocks))))
            self._are_in_order = True
        return (name for block in self._blocks for name in block.split("/")[:-1])

    def _pack(self) -> None:
        self._new.sort()
        self._blocks += _packed(self._new)
        self._new = []
        self._are_in_order = False


def _packed(names: Iterable[str]) -> Iterator[str]:
    """Join names to blocks."""
    block: list[str] = []
    for name in names:
        block.append(name)
        if len(block) == _BLOCK:
            yield "/".join(block) + "/"
            block = []
    if block:
        yield "/".join(block) + "/"


def _unpacked(block: str) -> Iterator[str]:
    """Yield the names in a block, without all of them in memory."""
    start = 0
    while (end := block.find("/", start)) >= 0:
        yield block[start:end]
        start = end + 1
