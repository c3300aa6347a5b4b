"""Lloyd's iteration, and growth from one centre to many."""

# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.clusters import put, recentre, split, total_error
from icsys.color.kernels import kernel, reassign

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kernels import Dims, Index, Partition, Points

# A trial ends early when even this many times its last gain would leave it worse than what it must beat.
_HOPE = 4.0
_CLOSE = 1e-3


@kernel
def lloyd(
    points: Points,
    part: Partition,
    centers: NDArray[np.float32],
    k: Index,
    dims: Dims,
    snap: bool,
    tolerance: float,
    limit: int,
    goal: float,
) -> float:
    """Alternate nearest centres and means, at most ``limit`` times, and return the squared error.

    Ends when the error falls by no more than the share ``tolerance`` or has no hope to come below ``goal``.
    ``centers`` holds the means, ``part`` the partition that they are the means of.
    """
    last = np.inf
    error = np.inf
    for _ in range(limit):
        reassign(points, part, centers, k, dims)
        error = total_error(part.sums, k, len(dims))
        recentre(part.sums, centers, k, snap)
        if last - error <= tolerance * error or error - _HOPE * (last - error) > goal:
            break
        last = error
    return error


@kernel
def selective(values: NDArray[np.float64], n: Index, floor: float, most: float, room: Index) -> float:
    """Raise a floor by bisection for as long as more than ``room`` of n values reach it."""
    ceiling = most
    while ceiling - floor > _CLOSE * most:
        middle = (floor + ceiling) / 2
        reaching = np.intp(0)
        for j in range(n):
            reaching += np.intp(values[j] >= middle)
        if reaching < room:
            ceiling = middle
        else:
            floor = middle
    return floor


@kernel
def grow(
    points: Points,
    part: Partition,
    centers: NDArray[np.float32],
    k: Index,
    dims: Dims,
    snap: bool,
    share: float,
    limit: int,
) -> Index:
    """From one cluster to k: split all that gain at least ``share`` of the best, settle, and again.

    Returns how many there are: fewer than k if nothing is left to split.
    """
    d = len(dims)
    gain = np.empty(k)
    left = np.empty((k, d))
    right = np.empty((k, d))
    n: Index = np.intp(1)
    while n < k:
        most = 0.0
        for j in range(n):
            gain[j] = split(part.sums[j], left[j], right[j])
            most = max(most, gain[j])
        if most <= 0:
            break
        floor = selective(gain, n, share * most, most, k - n)
        grown = n
        for j in range(n):
            if gain[j] >= floor and grown < k:
                for f in range(d):
                    part.centers[f, grown] = part.centers[f, j]
                    put(centers, j, f, left[j, f], snap)
                    put(centers, grown, f, right[j, f], snap)
                grown += 1
        n = grown
        lloyd(points, part, centers, n, dims, snap, 0.0, limit, np.inf)
    return n
