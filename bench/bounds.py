"""Ways to find every point's nearest centre and to skip what bounds rule out: all give the same labels."""

# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compiled import (
    kernel,
    nearest_centers,
    nearest_in_block,
    reassign,
    recentre,
    relabel,
    squared_norms,
    start_partition,
    to_tuple,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from compiled import Dims, Partition, Points
    from icsys.color import kernels

    Labels = NDArray[np.int32]
    Centers = NDArray[np.float32]
    Assign = Callable[[Centers, Labels], object]

_RGB = (0, 0, 0)
# Bounds on distances add up rounding errors of some 1e-12; distances of colours are up to 3,600.
_MARGIN = 1e-6


@kernel
def brute_force(points: Points, centers: Centers, k: int, dims: Dims, labels: Labels) -> None:
    """Compare every point with every centre, a block of points at a time: nothing is skipped, all vectorises."""
    blocks, _, m = points.x.shape
    norms = squared_norms(centers, k, dims)
    candidates = np.arange(k).astype(np.int32)
    best = np.empty(m, np.float32)
    for b in range(blocks):
        nearest_in_block(points.x[b], centers, norms, candidates, k, dims, best, labels[b])


@kernel
def squared_distance(x: NDArray[np.float32], i: int, centers: Centers, j: int, dims: Dims) -> np.float32:
    """Return |x_i - c_j|^2 of point i of a block: exact for colours."""
    total = np.float32(0)
    for f in range(len(dims)):
        total += (x[f, i] - centers[f, j]) * (x[f, i] - centers[f, j])
    return total


@kernel
def distances(x: NDArray[np.float32], i: int, centers: Centers, k: int, dims: Dims, row: NDArray[np.float32]) -> None:
    """Write |x_i - c_j|^2 of point i of a block for each of k centres: this loop vectorises."""
    for j in range(k):
        row[j] = squared_distance(x, i, centers, j, dims)


@kernel
def half_gaps(centers: Centers, k: int, dims: Dims) -> NDArray[np.float64]:
    """Return half of each centre's distance to the nearest other: a point closer than that has no nearer one."""
    half = np.full(k, np.inf)
    for j in range(k):
        for t in range(k):
            if t != j:
                half[j] = min(half[j], np.float64(squared_distance(centers, t, centers, j, dims)))
        half[j] = np.sqrt(half[j]) / 2
    return half


@kernel
def hamerly(  # noqa: C901 - compiled: a call to each step would hide the algorithm
    points: Points,
    centers: Centers,
    k: int,
    dims: Dims,
    labels: Labels,
    at: Centers,
    upper: NDArray[np.float64],
    lower: NDArray[np.float64],
) -> None:
    """Scan only points whose centre may no longer be the nearest, by one upper and one lower bound each.

    Source: Hamerly, "Making k-means even faster", SDM 2010. ``at`` are the centres that the bounds hold for; to
    begin with, those to come, with ``upper`` infinite and ``lower`` zero.
    """
    blocks, _, m = points.x.shape
    half = half_gaps(centers, k, dims)
    shift = np.empty(k)
    for j in range(k):
        shift[j] = np.sqrt(np.float64(squared_distance(at, j, centers, j, dims)))
    row = np.empty(k, np.float32)
    fastest = np.argmax(shift)
    most = shift[fastest]
    second = 0.0
    for j in range(k):
        if j != fastest:
            second = max(second, shift[j])
    at[:] = centers
    for b in range(blocks):
        for i in range(m):
            j = labels[b, i]
            upper[b, i] += shift[j]
            lower[b, i] -= second if j == fastest else most
            bound = max(lower[b, i], half[j]) - _MARGIN
            if upper[b, i] < bound:
                continue
            upper[b, i] = np.sqrt(np.float64(squared_distance(points.x[b], i, centers, j, dims)))
            if upper[b, i] < bound:
                continue
            distances(points.x[b], i, centers, k, dims, row)
            first = np.float32(np.inf)
            next_best = first
            for t in range(k):
                if row[t] < first:
                    next_best = first
                    first = row[t]
                    labels[b, i] = t
                elif row[t] < next_best:
                    next_best = row[t]
            upper[b, i] = np.sqrt(np.float64(first))
            lower[b, i] = np.sqrt(np.float64(next_best))


@kernel
def sort_means(points: Points, centers: Centers, k: int, dims: Dims, labels: Labels) -> None:  # noqa: C901 - as above
    """From a centre that is near go through the others by their distance to it, until they are too far.

    Source: Phillips, "Acceleration of k-means and related clustering algorithms", ALENEX 2002. It begins at the
    point's last label or that of the point before, whichever is nearer.
    """
    blocks, _, m = points.x.shape
    gap = np.empty((k, k))
    order = np.empty((k, k), np.int32)
    row = np.empty(k)
    for p in range(k):
        for t in range(k):
            row[t] = squared_distance(centers, t, centers, p, dims)
        order[p] = np.argsort(row)
        for q in range(k):
            gap[p, q] = row[order[p, q]]
    near = labels[0, 0]
    for b in range(blocks):
        for i in range(m):
            p = labels[b, i]
            start = squared_distance(points.x[b], i, centers, p, dims)
            if near != p:
                other = squared_distance(points.x[b], i, centers, near, dims)
                if other < start:
                    p = near
                    start = other
            best = start
            found = p
            for q in range(k):
                # At just twice the distance a centre may be as near: ties go to the lowest index.
                if gap[p, q] > 4 * start:
                    break
                t = order[p, q]
                distance = squared_distance(points.x[b], i, centers, t, dims)
                if distance < best or (distance == best and t < found):
                    best = distance
                    found = t
            labels[b, i] = found
            near = found


@kernel
def relabel_all(points: Points, part: Partition, labels: Labels, dims: Dims) -> int:
    """Bring a partition up to date with labels, and return how many points changed cluster."""
    changed = 0
    for b in range(len(labels)):
        changed += relabel(points.x[b], points.w[b], labels[b], part.labels[b], part.sums, dims)
    return changed


def _brute(points: Points, k: int) -> Assign:
    return lambda centers, labels: brute_force(points, centers, k, _RGB, labels)


def _hamerly(points: Points, k: int) -> Assign:
    at: list[Centers] = []
    upper = np.full(points.w.shape, np.inf)
    lower = np.zeros(points.w.shape)

    def assign(centers: Centers, labels: Labels) -> None:
        if not at:
            at.append(centers.copy())
        hamerly(points, centers, k, _RGB, labels, at[0], upper, lower)

    return assign


def _sort_means(points: Points, k: int) -> Assign:
    return lambda centers, labels: sort_means(points, centers, k, _RGB, labels)


BOX_FILTER = "box filter (as MKM)"
BOUNDS: dict[str, Callable[[Points, int], Assign]] = {
    "none, SIMD": _brute,
    BOX_FILTER: lambda points, k: lambda centers, labels: nearest_centers(points, centers, k, _RGB, labels),
    "Hamerly": _hamerly,
    "sort-means": _sort_means,
}


def one_pass(name: str, points: kernels.Points, centers: Centers) -> Labels:
    """Find the nearest of the centres (3, k) for every point, with nothing known before."""
    labels = np.zeros(points.w.shape, np.int32)
    BOUNDS[name](to_tuple(points), centers.shape[1])(centers, labels)
    return labels


def iterate(name: str, points: kernels.Points, start: Centers, limit: int) -> tuple[Labels, Centers]:
    """Run Lloyd's iteration from ``start`` (3, k) until no label changes, at most ``limit`` times.

    Returns labels (blocks, m) and the centres (3, k) that they are the nearest of.
    """
    k = start.shape[1]
    flat = to_tuple(points)
    assign = BOUNDS[name](flat, k)
    part = start_partition(points, k)
    centers = start.copy()
    labels = np.zeros(points.w.shape, np.int32)
    for _ in range(limit):
        used = centers.copy()
        if name == BOX_FILTER:
            changed = reassign(flat, part, centers, k, _RGB)
        else:
            assign(centers, labels)
            changed = relabel_all(flat, part, labels, _RGB)
        if not changed:
            break
        recentre(part.sums, centers, k)
    return part.labels, used
