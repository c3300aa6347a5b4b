"""Moves out of poor optima: centres go from where they are missed least to where they gain most.

A move merges clusters whose merger costs little and splits others whose split gains much, then runs Lloyd's
iteration. Moves of many centres at once come first, as in the "breathing" K-means of Fritzke (2020); single
moves follow, as in the swaps of Fränti and Kivijärvi (2000), though chosen by estimate, not at random.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color.clusters import merge_costs, put, split
from icsys.color.kernels import kernel, reassign
from icsys.color.lloyd import lloyd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kernels import Dims, Index, Partition, Points

# An error must fall by this share to be lower: equal partitions add up in different orders.
_LOWER = 1e-9
# Single moves are taken from this many cheapest mergers and this many most gainful splits.
_CHOICES = 16
# A merger may cost this many times what the split gains: Lloyd's iteration then makes good for much of it.
_ALLOWED = 2.0


class Prospects(NamedTuple):
    """What mergers and splits of k clusters promise.

    Attributes
    ----------
    cost, partner
        Of each cluster: the error that merging it with its cheapest partner adds, and that partner; shape (k,).
    gain, left, right
        Of each cluster: the error that a split takes away, shape (k,), and its halves' centres, shape (k, d).
    cheap, gainful
        The clusters of least cost and of most gain, in order, shape (choices,).
    tried
        Which pairs of those two were tried since the last success.
    busy
        Room to mark clusters, shape (k,).
    """

    cost: NDArray[np.float64]
    partner: NDArray[np.int64]
    gain: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    cheap: NDArray[np.int64]
    gainful: NDArray[np.int64]
    tried: NDArray[np.bool_]
    busy: NDArray[np.bool_]


@kernel
def best_of(values: NDArray[np.float64], sign: float, busy: NDArray[np.bool_]) -> int:
    """Return the index of the largest ``sign * value`` that is not busy, -1 if all are."""
    best = -1
    for j in range(len(values)):
        if not busy[j] and (best < 0 or sign * values[j] > sign * values[best]):
            best = j
    return best


@kernel
def rank(values: NDArray[np.float64], sign: float, busy: NDArray[np.bool_], order: NDArray[np.int64]) -> None:
    """Write the indices of the largest ``sign * value`` in order."""
    busy[:] = False
    for p in range(len(order)):
        order[p] = best_of(values, sign, busy)
        busy[order[p]] = True


@kernel
def weigh(sums: NDArray[np.float64], k: int, d: int, look: Prospects) -> None:
    """Work out what mergers and splits promise, from the sums of a partition."""
    merge_costs(sums, k, d, look.cost, look.partner)
    for j in range(k):
        look.gain[j] = split(sums[j], look.left[j], look.right[j])
    rank(look.cost, -1.0, look.busy, look.cheap)
    rank(look.gain, 1.0, look.busy, look.gainful)
    look.tried[:] = False


@kernel
def move_center(look: Prospects, centers: NDArray[np.float32], j: int, i: int, snap: bool) -> None:
    """Take centre j away and split cluster i with it."""
    for f in range(len(centers)):
        put(centers, i, f, look.left[i, f], snap)
        put(centers, j, f, look.right[i, f], snap)


@kernel
def move_many(look: Prospects, centers: NDArray[np.float32], size: Index, snap: bool) -> Index:
    """Move up to ``size`` centres, cheapest to most gainful, no two of them close; return how many."""
    look.busy[:] = False
    n = np.intp(0)
    while n < size:
        j = best_of(look.cost, -1.0, look.busy)
        if j < 0:
            break
        look.busy[j] = True
        i = best_of(look.gain, 1.0, look.busy)
        if i < 0 or look.cost[j] >= _ALLOWED * look.gain[i]:
            break
        look.busy[i] = True
        # The partner takes over the points of j: it must stay.
        look.busy[look.partner[j]] = True
        move_center(look, centers, j, i, snap)
        n += 1
    return n


@kernel
def move_one(look: Prospects, centers: NDArray[np.float32], snap: bool) -> bool:
    """Move the one centre that promises most and was not tried; return whether there was one."""
    lowest = np.inf
    cheap = -1
    gainful = -1
    for p in range(len(look.cheap)):
        for q in range(len(look.gainful)):
            change = look.cost[look.cheap[p]] - look.gain[look.gainful[q]]
            if change < lowest and not look.tried[p, q] and look.cheap[p] != look.gainful[q]:
                lowest = change
                cheap = p
                gainful = q
    if cheap < 0:
        return False
    look.tried[cheap, gainful] = True
    move_center(look, centers, look.cheap[cheap], look.gainful[gainful], snap)
    return True


@kernel
def copy(source: NDArray[np.float32], target: NDArray[np.float32]) -> None:
    """Copy centres."""
    for f in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[f, j] = source[f, j]


@kernel
def improve(
    points: Points,
    part: Partition,
    centers: NDArray[np.float32],
    k: int,
    dims: Dims,
    snap: bool,
    error: float,
    size: Index,
    patience: int,
    tolerance: float,
    limit: int,
) -> float:
    """Make moves and keep those that lower the error; return the error reached.

    A move of many that fails is followed by one of half as many; single moves are made in the order of what
    they promise, until ``patience`` in a row have failed. ``tolerance`` and ``limit`` are those of
    :func:`~icsys.color.lloyd.lloyd` after each move.
    """
    d = len(dims)
    top = min(k, _CHOICES)
    look = Prospects(
        np.empty(k),
        np.zeros(k, np.int64),
        np.empty(k),
        np.empty((k, d)),
        np.empty((k, d)),
        np.empty(top, np.int64),
        np.empty(top, np.int64),
        np.zeros((top, top), np.bool_),
        np.zeros(k, np.bool_),
    )
    weigh(part.sums, k, d, look)
    # The best centres, and those that their partition is of.
    kept = centers.copy()
    held = part.centers.copy()
    fails = 0
    while fails < patience:
        if size > 1:
            size = move_many(look, centers, size, snap)
        if size <= 1:
            size = np.intp(1)
            copy(kept, centers)
            if not move_one(look, centers, snap):
                break
        reached = lloyd(points, part, centers, k, dims, snap, tolerance, limit, error)
        if reached < error * (1 - _LOWER):
            error = reached
            fails = 0
            copy(centers, kept)
            copy(part.centers, held)
            weigh(part.sums, k, d, look)
        else:
            if size > 1:
                size //= 2
            else:
                fails += 1
            copy(kept, centers)
            reassign(points, part, held, k, dims)
    return error
