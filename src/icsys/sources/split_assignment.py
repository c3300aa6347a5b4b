"""Assign images to splits: by class, at random, with duplicates together, and without moving images that have one."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

UNASSIGNED = -1


class SplitImages(NamedTuple):
    """The images to assign.

    Attributes
    ----------
    keys
        Shape (n,), uint64: the :func:`~icsys.records.split_list.split_key` of each image.
    classes
        Shape (n,), int32: the number of the class of each image in ``class_names``.
    class_names
        The names of all classes.
    known
        Shape (n,), int16: the splits that images have already, which stay; :data:`UNASSIGNED` for others.
    """

    keys: NDArray[np.uint64]
    classes: NDArray[np.int32]
    class_names: Sequence[str]
    known: NDArray[np.int16]


def assign_splits(
    images: SplitImages, groups: Iterable[Sequence[int]], shares: Mapping[str, Fraction], *, seed: int
) -> NDArray[np.int16]:
    """Return the split of each image, as the number of its name in sorted order.

    Each class gets the whole numbers of images closest to its shares (largest remainders); an equal remainder goes to
    a split that the seed chooses. Groups come first, the largest before others, each to a split that still lacks so
    many images, at random in proportion to what the splits lack; where none lacks so many, to the one that then has
    least too many. Single images fill up what is left. Where images that have a split already, or groups, take more
    than the share of a split, the others get less, in proportion.

    The result depends on hashes of paths and names, not on any order.

    Parameters
    ----------
    groups
        Numbers of images that belong together, two at least, each image in one group at most. They may have several
        classes. A group with images that have a split already goes to the one that most of them have.
    shares
        The share of each split; together they are 1.

    Returns
    -------
    NDArray
        Shape (n,), int16.
    """
    keys, classes, class_names, known = images
    names = sorted(shares)
    fractions = [shares[name] for name in names]
    order = _mixed(keys, seed)
    found = known.astype(np.int16)
    lacking = np.zeros((len(class_names), len(names)), np.int64)
    for number, count in enumerate(np.bincount(classes, minlength=len(class_names)).tolist()):
        lacking[number] = _whole_numbers(count, fractions, [f"{seed}/{class_names[number]}/{name}" for name in names])
    is_known = known != UNASSIGNED
    np.subtract.at(lacking, (classes[is_known], known[is_known]), 1)
    free = []
    for group in groups:
        members = np.array(group)
        there = known[members][is_known[members]]
        if len(there):
            _place(members[~is_known[members]], int(np.argmax(np.bincount(there))), classes, found, lacking)
        else:
            free.append((-len(members), int(order[members].min()), members))
    for _, draw, members in sorted(free, key=lambda one: one[:2]):
        _place(members, _split_for(classes[members], draw, lacking), classes, found, lacking)
    _place_singles(order, classes, found, lacking)
    return found


def _mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return other 64 bits for each key, one to one: SplitMix64 of Steele, Lea and Flood (2014)."""
    mixed = keys.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _whole_numbers(count: int, fractions: Sequence[Fraction], draws: Sequence[str]) -> list[int]:
    """Divide a count by the method of largest remainders; of equal ones the first by the hash of its draw counts."""
    numbers = [int(count * one) for one in fractions]
    by_remainder = sorted(
        range(len(fractions)),
        key=lambda i: (
            numbers[i] - count * fractions[i],
            hashlib.sha256(draws[i].encode("utf-8", "surrogatepass")).digest(),
        ),
    )
    for i in by_remainder[: count - sum(numbers)]:
        numbers[i] += 1
    return numbers


def _place(
    members: NDArray[np.intp],
    split: int,
    classes: NDArray[np.int32],
    found: NDArray[np.int16],
    lacking: NDArray[np.int64],
) -> None:
    """Give images to a split."""
    found[members] = split
    np.subtract.at(lacking[:, split], classes[members], 1)


def _split_for(classes: NDArray[np.int32], draw: int, lacking: NDArray[np.int64]) -> int:
    """Return the split for a group, given the classes of its images and a number of 64 bits drawn for it."""
    kinds, needed = np.unique(classes, return_counts=True)
    missing = lacking[kinds]
    excess = np.maximum(needed[:, None] - missing, 0).sum(axis=0)
    total = missing.sum(axis=0)
    if excess.min():
        return int(np.lexsort((-total, excess))[0])
    weights = np.cumsum(np.where(excess == 0, total, 0))
    return int(np.searchsorted(weights, draw * int(weights[-1]) >> 64, side="right"))


def _place_singles(
    order: NDArray[np.uint64], classes: NDArray[np.int32], found: NDArray[np.int16], lacking: NDArray[np.int64]
) -> None:
    """Give the images that are left to the splits that lack some."""
    left = np.flatnonzero(found == UNASSIGNED)
    if not len(left):  # which np.split would take for one part
        return
    left = left[np.lexsort((order[left], classes[left]))]
    numbers, starts = np.unique(classes[left], return_index=True)
    for number, members in zip(numbers.tolist(), np.split(left, starts[1:]), strict=True):
        wanted = np.maximum(lacking[number], 0).tolist()
        if sum(wanted) > len(members):
            parts = [Fraction(one, sum(wanted)) for one in wanted]
            wanted = _whole_numbers(len(members), parts, [str(i) for i in range(len(parts))])
        found[members] = np.repeat(np.arange(len(wanted)), wanted)
