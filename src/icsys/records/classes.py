"""The classes of a dataset with their numbers: those that the source gives, and others in the order of the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from icsys.records.labels import Label

_MOST = 2**31  # up to which new numbers follow those that are given


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a dataset in the order of their numbers.

    Attributes
    ----------
    names
        What they are called.
    numbers
        Their numbers.
    are_named
        Whether the names are more than the numbers in digits, which stand in for names where there are none.
    """

    names: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    are_named: bool = True

    @property
    def are_counted(self) -> bool:
        """Whether the numbers are those from 0 on, without a gap."""
        return self.numbers == list(range(len(self.numbers)))

    def numbering(self) -> dict[str, int]:
        """Return the number of each name; the lowest where one name has several."""
        numbers: dict[str, int] = {}
        for number, name in zip(self.numbers, self.names, strict=True):
            numbers.setdefault(name, number)
        return numbers


def number_classes(labels: Collection[Label], table: Sequence[str]) -> Classes:
    """Give every class a number.

    Parameters
    ----------
    labels
        Of the images, in any order and as often as may be.
    table
        The names of the classes by their numbers, where the source tells them.

    Examples
    --------
    >>> from icsys.records.labels import Label
    >>> number_classes([Label("b", 1), Label("x"), Label("10", 10)], ["a", "b"]).numbering()
    {'a': 0, 'b': 1, '10': 10, 'x': 11}
    """
    known = dict(enumerate(table))
    for number, name in sorted(
        (label.number, label.name) for label in labels if label.number is not None and label.name
    ):
        known.setdefault(number, name)
    are_named = bool(table) or any(name != str(number) for number, name in known.items()) or not known
    others = {label.name for label in labels if label.name is not None and label.number is None} - set(known.values())
    highest = max(known, default=-1)
    free = count(highest + 1) if highest < _MOST else (number for number in count() if number not in known)
    known |= dict(zip(free, sorted(others), strict=False))
    numbers = sorted(known)
    return Classes([known[number] for number in numbers], numbers, are_named or bool(others))


def merge_tables(first: list[str], second: Sequence[str]) -> dict[int, int]:
    """Add the names of one table that another lacks to that, and return what the numbers of the one are there."""
    numbers = {name: number for number, name in reversed(list(enumerate(first)))}
    merged: dict[int, int] = {}
    for number, name in enumerate(second):
        if first[number : number + 1] == [name]:  # even where a name stands twice
            merged[number] = number
        elif name in numbers:
            merged[number] = numbers[name]
        else:
            merged[number] = numbers[name] = len(first)
            first.append(name)
    return merged
