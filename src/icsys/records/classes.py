"""Classes of a dataset and their numbers: numbers of the source first, then new ones in the order of the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from icsys.records.label import Label

_MOST = 2**31  # above it, new numbers fill gaps instead of following the highest number


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a dataset in the order of their numbers.

    Attributes
    ----------
    names
        Names of the classes.
    numbers
        Numbers of the classes.
    are_named
        Whether there are names. Otherwise ``names`` has the numbers in digits.
    """

    names: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    are_named: bool = True

    @property
    def are_counted(self) -> bool:
        """Whether the numbers start at 0 and have no gap."""
        return self.numbers == list(range(len(self.numbers)))

    def numbering(self) -> dict[str, int]:
        """Return the number of each name; the lowest if a name has several."""
        numbers: dict[str, int] = {}
        for number, name in zip(self.numbers, self.names, strict=True):
            numbers.setdefault(name, number)
        return numbers


def number_classes(labels: Collection[Label], table: Sequence[str]) -> Classes:
    """Give every class a number.

    Parameters
    ----------
    labels
        Labels of the images, in any order, with repetitions.
    table
        Names of the classes by their numbers, if the source has them.

    Examples
    --------
    >>> from icsys.records.label import Label
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
    """Add the names of the second table to the first; return the number in the first for each number in the second."""
    numbers = {name: number for number, name in reversed(list(enumerate(first)))}
    merged: dict[int, int] = {}
    for number, name in enumerate(second):
        if first[number : number + 1] == [name]:  # also for a name that the table has twice
            merged[number] = number
        elif name in numbers:
            merged[number] = numbers[name]
        else:
            merged[number] = numbers[name] = len(first)
            first.append(name)
    return merged
