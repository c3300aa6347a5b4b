"""Labels that a user gives in place of those of the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from icsys.errors import UsageError
from icsys.setting_fields import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Labels: TypeAlias = "NDArray[np.int64]"

_MOST = 2**63 - 1
_SHOWN = 60  # characters of a refused value


def check_labels(labels: object, classes: object, images: int) -> tuple[Labels, list[str]]:
    """Return the numbers of labels, read-only, and the names of their classes.

    Parameters
    ----------
    labels
        Names of classes, or whole numbers from -1 on; "" and -1 for none.
    classes
        The names of the classes; if empty those in ``labels``, sorted, or none for numbers.
    images
        The number of images.

    Raises
    ------
    UsageError
        If there is not one label for each image, or one is no such name or number.

    Examples
    --------
    >>> check_labels(["dog", "cat", "", "dog"], [], 4)
    (array([ 1,  0, -1,  1]), ['cat', 'dog'])
    >>> check_labels([0, 1], ["dog", "cat"], 2)
    (array([0, 1]), ['dog', 'cat'])
    """
    known, given = _class_names(classes), _one_for_each(labels, images)
    if given.dtype.kind in "UTO" and not _are_numbers(given):
        names = given.tolist()
        known = known or sorted({name for name in names if isinstance(name, str) and name})
        numbers = np.array(_numbers_of(names, known), np.int64)
    else:
        numbers = _checked(given, known)
    numbers.flags.writeable = False
    return numbers, known


def _class_names(classes: Any) -> list[str]:  # noqa: ANN401 - checked here
    is_list = not isinstance(classes, str) and hasattr(classes, "__iter__")
    names = list(classes) if is_list else []
    if not is_list or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"classes={repr(classes)[:_SHOWN]}: expected names in a list")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"classes: {twice!r} is there {names.count(twice)} times: expected each name once")
    return [str(name) for name in names]


def _one_for_each(labels: Any, images: int) -> NDArray[Any]:  # noqa: ANN401 - checked here
    """Return labels as an array of one axis; texts beside other values stay what they are."""
    try:
        given = np.asarray(labels)
        if given.dtype.kind == "U" and isinstance(labels, list | tuple):
            given = np.array(labels, object)
    except (TypeError, ValueError):  # lists of several lengths
        given = np.empty((0, 0))
    if given.shape != (images,):
        raise UsageError(
            f"labels of shape {given.shape}: expected one for each of {images:,} images, in the order of their names"
        )
    if given.dtype.kind not in "UTObiu" and images:
        raise UsageError(
            f"labels of type {given.dtype}: expected names of classes, or whole numbers; for targets of another kind "
            "give range(len(data)), and look them up by the numbers in a batch"
        )
    return given


def _are_numbers(given: NDArray[Any]) -> bool:
    """Return whether an array of Python's objects has whole numbers alone, of any size."""
    return given.dtype.kind == "O" and all(isinstance(one, int | np.integer) for one in given)


def _numbers_of(names: Sequence[object], known: Sequence[str]) -> list[int]:
    """Return the places of names."""
    places = {name: place for place, name in enumerate(known)} | {"": -1}
    numbers = []
    for image, name in enumerate(names):
        number = places.get(name) if isinstance(name, str) else None
        if number is None:
            shown = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")  # noqa: PLR2004 - enough to see which
            hint = did_you_mean(name, known) if isinstance(name, str) else "; '' is none"
            raise UsageError(f"label {repr(name)[:_SHOWN]} of image {image}: expected one of {shown}{hint}")
        numbers.append(number)
    return numbers


def _checked(given: NDArray[Any], known: Sequence[str]) -> Labels:
    """Return whole numbers that are labels."""
    most = len(known) - 1 if known else _MOST
    wrong = np.flatnonzero((given < -1) | (given > most))
    if wrong.size:
        expected = f"a number from -1 to {most}, as {len(known)} classes have" if known else "a number from -1 on"
        raise UsageError(f"label {given[wrong[0]]} of image {wrong[0]}: expected {expected}")
    return given.astype(np.int64)
