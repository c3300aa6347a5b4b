"""MKM's search for nearest centres in numba: the language that the other ways to skip distances are written in.

MKM runs the same algorithm in C++ (src/icsys/native/nearest.hpp). Points are those of icsys.color.kernels as plain
tuples of arrays; ``dims`` is a tuple of d zeros, whose length is part of its type.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.color import kernels

    Dims = tuple[int, ...]
    Index = int | np.integer[Any]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a function when it is first called."""
    compiled: Callable[_P, _R] = numba.njit(error_model="numpy", fastmath={"nnan", "nsz", "contract"})(function)
    return compiled


class Points(NamedTuple):
    """What :class:`icsys.color.kernels.Points` holds."""

    x: NDArray[np.float32]
    w: NDArray[np.float64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    slack: np.float32


class Partition(NamedTuple):
    """What :class:`icsys.color.kernels.Partition` holds."""

    labels: NDArray[np.int32]
    owner: NDArray[np.int32]
    sums: NDArray[np.float64]
    centers: NDArray[np.float32]


def to_tuple(points: kernels.Points) -> Points:
    """Return points as the compiled functions of this file take them."""
    return Points(points.x, points.w, points.low, points.high, np.float32(points.slack))


def start_partition(points: kernels.Points, k: int) -> Partition:
    """Return the partition of all points in one cluster about their mean, with room for k."""
    blocks, d, m = points.x.shape
    part = Partition(
        np.zeros((blocks, m), np.int32),
        np.zeros(blocks, np.int32),
        np.zeros((k, len(points.total))),
        np.zeros((d, k), np.float32),
    )
    part.sums[0] = points.total
    part.centers[:, 0] = points.total[1 : 1 + d] / points.total[0]
    return part


@kernel
def squared_norms(centers: NDArray[np.float32], k: Index, dims: Dims) -> NDArray[np.float32]:
    """Return |c|^2 of the first k centres."""
    norms = np.zeros(k, np.float32)
    for f in range(len(dims)):
        for j in range(k):
            norms[j] += centers[f, j] * centers[f, j]
    return norms


@kernel
def leads(
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    centers: NDArray[np.float32],
    norms: NDArray[np.float32],
    k: Index,
    z: Index,
    dims: Dims,
    lead: NDArray[np.float32],
) -> None:
    """Work out by how much centre z is nearer than each of k others, at least, to all points of a box.

    |x-c|^2 - |x-z|^2 is linear in x, so its minimum over the box is at the corner towards c (Kanungo et al.
    2002, the filtering algorithm). Positive for c: no point of the box has c as its nearest centre.
    """
    for j in range(k):
        lead[j] = norms[j] - norms[z]
    for f in range(len(dims)):
        for j in range(k):
            delta = centers[f, j] - centers[f, z]
            lead[j] -= np.float32(2) * max(delta * low[f], delta * high[f])


@kernel
def nearest_in_block(
    x: NDArray[np.float32],
    centers: NDArray[np.float32],
    norms: NDArray[np.float32],
    candidates: NDArray[np.int32],
    n: Index,
    dims: Dims,
    best: NDArray[np.float32],
    labels: NDArray[np.int32],
) -> None:
    """Find the nearest of n candidates for every point of a block, ties to the first; best is |x-c|^2 - |x|^2."""
    m = len(best)
    j = candidates[0]
    for i in range(m):
        d = norms[j]
        for f in range(len(dims)):
            d -= np.float32(2) * centers[f, j] * x[f, i]
        best[i] = d
        labels[i] = j
    for q in range(1, n):
        j = candidates[q]
        for i in range(m):
            d = norms[j]
            for f in range(len(dims)):
                d -= np.float32(2) * centers[f, j] * x[f, i]
            closer = d < best[i]
            labels[i] = j if closer else labels[i]
            best[i] = d if closer else best[i]


@kernel
def nearer(
    low: NDArray[np.float32], high: NDArray[np.float32], centers: NDArray[np.float32], a: Index, b: Index, dims: Dims
) -> Index:
    """Return which of the centres a and b is nearer to the middle of a box."""
    lead = np.float32(0)
    for f in range(len(dims)):
        lead += (centers[f, b] - centers[f, a]) * (centers[f, b] + centers[f, a] - low[f] - high[f])
    return b if lead < 0 else a


@kernel
def add_point(sums: NDArray[np.float64], weight: float, x: NDArray[np.float32], i: int, dims: Dims) -> None:
    """Add point i of a block to the sums of one cluster, or take it away with a negative weight."""
    d = len(dims)
    sums[0] += weight
    p = 1 + d
    for f in range(d):
        v = weight * x[f, i]
        sums[1 + f] += v
        for g in range(f + 1):
            sums[p] += v * x[g, i]
            p += 1


@kernel
def take_moved(
    centers: NDArray[np.float32],
    k: Index,
    at: NDArray[np.float32],
    moved: NDArray[np.float32],
    still: NDArray[np.bool_],
) -> Index:
    """Collect the centres that moved from ``at``, each where it is and where it was, and update ``at``.

    Returns the number of columns of ``moved`` that were written, and marks in ``still`` which did not move.
    """
    n = np.intp(0)
    for j in range(k):
        still[j] = True
        for f in range(len(centers)):
            still[j] &= centers[f, j] == at[f, j]
        if not still[j]:
            for f in range(len(centers)):
                moved[f, n] = centers[f, j]
                moved[f, n + 1] = at[f, j]
                at[f, j] = centers[f, j]
            n += 2
    return n


@kernel
def filter_centers(lead: NDArray[np.float32], k: Index, slack: np.float32, candidates: NDArray[np.int32]) -> Index:
    """Write which of k centres may be nearest somewhere in a box, in order, and return how many."""
    n = np.intp(0)
    for j in range(k):
        candidates[n] = j
        n += np.intp(lead[j] <= slack)
    return n


@kernel
def relabel(
    x: NDArray[np.float32],
    w: NDArray[np.float64],
    found: NDArray[np.int32],
    labels: NDArray[np.int32],
    sums: NDArray[np.float64],
    dims: Dims,
) -> int:
    """Move the points of a block whose label changed to their new clusters, and return how many."""
    changed = 0
    for i in range(len(found)):
        changed += int(found[i] != labels[i])
    if changed:
        for i in range(len(found)):
            if found[i] != labels[i]:
                add_point(sums[labels[i]], -w[i], x, i, dims)
                add_point(sums[found[i]], w[i], x, i, dims)
                labels[i] = found[i]
    return changed


@kernel
def reassign(points: Points, part: Partition, centers: NDArray[np.float32], k: Index, dims: Dims) -> int:
    """Bring a partition up to date with new centres, and return how many points changed cluster.

    Only blocks within reach of a centre that moved are looked at, and only points that change cluster
    touch the sums; a partition whose sums are exact stays exact.
    """
    x, w, low, high, slack = points
    labels, owner, sums, at = part
    blocks, d, m = x.shape
    still = np.empty(k, np.bool_)
    # The column after the moved centres is a place for the owner of a block.
    moved = np.zeros((d, 2 * k + 1), np.float32)
    n_moved = take_moved(centers, k, at, moved, still)
    if n_moved == 0:
        return 0
    norms = squared_norms(centers, k, dims)
    moved_norms = squared_norms(moved, n_moved + 1, dims)
    lead = np.empty(2 * k, np.float32)
    candidates = np.empty(k + 1, np.int32)
    best = np.empty(m, np.float32)
    found = np.empty(m, np.int32)
    changed = 0
    near: Index = np.intp(owner[0])
    for b in range(blocks):
        z: Index = np.intp(owner[b])
        if 2 * n_moved < k and still[z]:
            for f in range(d):
                moved[f, n_moved] = centers[f, z]
            moved_norms[n_moved] = norms[z]
            leads(low[b], high[b], moved, moved_norms, n_moved, n_moved, dims, lead)
            least = np.float32(np.inf)
            for j in range(n_moved):
                least = min(least, lead[j])
            if least > slack:
                continue
        # The block before is next in space: where centres moved far, its owner is the better guess.
        z = nearer(low[b], high[b], centers, z, near, dims)
        leads(low[b], high[b], centers, norms, k, z, dims, lead)
        n = filter_centers(lead, k, slack, candidates)
        nearest_in_block(x[b], centers, norms, candidates, n, dims, best, found)
        owner[b] = found[m // 2]
        near = np.intp(owner[b])
        changed += relabel(x[b], w[b], found, labels[b], sums, dims)
    return changed


@kernel
def nearest_centers(
    points: Points, centers: NDArray[np.float32], k: Index, dims: Dims, labels: NDArray[np.int32]
) -> float:
    """Write the nearest centre of every point to ``labels``, shape (blocks, m); return the squared error.

    For points and centres of whole eighths the sum is exact, in 64ths.
    """
    x, w, low, high, slack = points
    blocks, _, m = x.shape
    norms = squared_norms(centers, k, dims)
    lead = np.empty(k, np.float32)
    candidates = np.empty(k + 1, np.int32)
    best = np.empty(m, np.float32)
    found = np.empty(m, np.int32)
    z: Index = np.intp(0)
    error = 0.0
    for b in range(blocks):
        leads(low[b], high[b], centers, norms, k, z, dims, lead)
        n = filter_centers(lead, k, slack, candidates)
        nearest_in_block(x[b], centers, norms, candidates, n, dims, best, found)
        z = np.intp(found[m // 2])
        for i in range(m):
            distance = np.float64(best[i])
            for f in range(len(dims)):
                distance += np.float64(x[b, f, i]) * x[b, f, i]
            error += w[b, i] * distance
            labels[b, i] = found[i]
    return error


@kernel
def recentre(sums: NDArray[np.float64], centers: NDArray[np.float32], k: Index) -> None:
    """Move centres to the rounded means of their clusters; one without points stays where it is."""
    for j in range(k):
        if sums[j, 0] > 0:
            for f in range(len(centers)):
                centers[f, j] = np.rint(sums[j, 1 + f] / sums[j, 0])
