"""A box of an object, whatever file it comes from, and the numbers of all classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection


class BoxClass(NamedTuple):
    """The class of a box: its number in the label file, None where files have names only, and its name."""

    number: int | None
    name: str


class ObjectBox(NamedTuple):
    """A box in continuous pixels of its picture: pixel (0, 0) covers 0 to 1 in x and y."""

    kind: BoxClass
    left: float
    top: float
    right: float
    bottom: float


class BoxClasses(NamedTuple):
    """The classes of all boxes of a dataset, in their order.

    Attributes
    ----------
    names
        Each once.
    numbers
        The numbers that label files have for them, rising; empty where these are 0, 1, 2 … or there are none.
    places
        The place of each class that was found.
    """

    names: list[str]
    numbers: list[int]
    places: dict[BoxClass, int]


def order_classes(found: Collection[BoxClass]) -> BoxClasses:
    """Return the classes by their numbers, or by their names if numbers do not tell them apart.

    Classes of one name are one class. Numbers do not tell them apart where one has several names, as in label files of
    several origins, or a name several numbers.

    Examples
    --------
    >>> order_classes({BoxClass(7, "dog"), BoxClass(2, "cat")})[:2]
    (['cat', 'dog'], [2, 7])
    >>> order_classes({BoxClass(1, "dog"), BoxClass(1, "cat")})[:2]
    (['cat', 'dog'], [])
    """
    names = {one.name for one in found}
    numbers = {one.number for one in found if one.number is not None}
    if None not in {one.number for one in found} and len(found) == len(names) == len(numbers):
        rows = sorted(found, key=lambda one: one.number or 0)
        kept = [one.number for one in rows if one.number is not None]
        is_counted = kept == list(range(len(kept)))
        return BoxClasses(
            [one.name for one in rows], [] if is_counted else kept, {one: at for at, one in enumerate(rows)}
        )
    ordered = sorted(names)
    at = {name: place for place, name in enumerate(ordered)}
    return BoxClasses(ordered, [], {one: at[one.name] for one in found})
