"""Ways to choose the first centres of K-means: ours, and three that are known to be good or simple."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cluster import kmeans_plusplus

from icsys.color.distinct_rgb import CENTER, SCALE
from icsys.color.kernels import Partition, grow

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.color.kernels import Points

    Seeding = Callable[[Points, int], NDArray[np.float32]]

_CHANNELS = 3
# As MKM grows: clusters split that gain this share of the best, and so many iterations of Lloyd's follow.
_GROWTH = {"share": 0.3, "limit": 2}
# Wu's histogram has 32 bins a channel, 8 levels wide.
_BINS, _WIDTH = 32, 8


def rows(points: Points) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the points that have weight as coordinates (n, 3) and weights (n,)."""
    weights = points.w.reshape(-1)
    coordinates = points.x.transpose(0, 2, 1).reshape(-1, points.x.shape[1])
    return coordinates[weights > 0], weights[weights > 0]


def growth(points: Points, k: int) -> NDArray[np.float32]:
    """Grow from one centre to k by splits, as MKM does."""
    centers = np.zeros((_CHANNELS, k), np.float32)
    n = grow(points, Partition(points, k), centers, k, snap=True, **_GROWTH)
    return np.ascontiguousarray(centers[:, :n])


def wu(points: Points, k: int) -> NDArray[np.float32]:
    """Cut the box of largest squared error where both halves together have the least, until there are k.

    Source: Wu, "Efficient statistical computations for optimal color quantization", Graphics Gems II, 1991: sums over
    any box of a histogram come from eight cumulative ones at its corners.
    """
    moments = _cumulative_moments(points)
    boxes = [np.array([[0, _BINS]] * _CHANNELS)]
    errors = [_error(_box_sums(moments, boxes[0]))]
    while len(boxes) < k and max(errors) > 0:
        widest = int(np.argmax(errors))
        halves = _cut(moments, boxes[widest])
        if halves is None:
            errors[widest] = 0.0
            continue
        boxes[widest] = halves[0]
        boxes.append(halves[1])
        errors[widest] = _error(_box_sums(moments, halves[0]))
        errors.append(_error(_box_sums(moments, halves[1])))
    sums = np.concatenate([_box_sums(moments, box) for box in boxes], axis=1)
    return np.ascontiguousarray(np.rint(sums[1:4] / sums[0]), np.float32)


def plus_plus(points: Points, k: int) -> NDArray[np.float32]:
    """Draw each centre with odds by squared distance, the best of 2 + log k trials: scikit-learn's k-means++."""
    coordinates, weights = rows(points)
    centers, _ = kmeans_plusplus(coordinates, k, sample_weight=weights, random_state=0)
    return np.ascontiguousarray(centers.T, np.float32)


def random_colors(points: Points, k: int) -> NDArray[np.float32]:
    """Draw k different points with odds by weight: the colours of random pixels."""
    coordinates, weights = rows(points)
    drawn = np.random.default_rng(0).choice(len(weights), k, replace=False, p=weights / weights.sum())
    return np.ascontiguousarray(coordinates[drawn].T)


SEEDINGS: dict[str, Seeding] = {
    "growth by splits (MKM)": growth,
    "Wu's cuts": wu,
    "greedy k-means++": plus_plus,
    "random colours": random_colors,
}


def _cumulative_moments(points: Points) -> NDArray[np.float64]:
    """Return weight, weighted coordinates and weighted squared norm of all bins below each corner, (5, 33, 33, 33)."""
    coordinates, weights = rows(points)
    bins = 1 + ((coordinates / SCALE + CENTER) // _WIDTH).astype(np.intp)
    side = _BINS + 1
    flat = np.ravel_multi_index(tuple(bins.T), (side,) * 3)
    squares = np.square(coordinates, dtype=np.float64).sum(axis=1)
    features = [weights, *(weights * coordinates.T), weights * squares]
    moments = np.array([np.bincount(flat, feature, side**3) for feature in features]).reshape(5, side, side, side)
    return moments.cumsum(axis=1).cumsum(axis=2).cumsum(axis=3)


def _box_sums(moments: NDArray[np.float64], box: list[list[Any]] | NDArray[np.intp]) -> NDArray[np.float64]:
    """Add up a box, rows (low, high) for each axis, or the n boxes that it makes where a bound is an array; (5, n)."""
    total: NDArray[np.float64] = np.zeros((5, 1))
    for r, g, b in product((0, 1), repeat=3):
        total = total + (-1) ** (1 + r + g + b) * moments[:, np.atleast_1d(box[0][r]), box[1][g], box[2][b]]
    return total


def _explained(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |sum|^2 / weight: the larger, the less error is left about the mean; 0 without weight."""
    return np.square(sums[1:4]).sum(axis=0) / np.maximum(sums[0], 1)


def _error(sums: NDArray[np.float64]) -> float:
    return float((sums[4] - _explained(sums))[0])


def _cut(moments: NDArray[np.float64], box: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Cut a box in two where least error is left; None where no plane has points on both sides."""
    whole = _box_sums(moments, box)
    best = -np.inf
    halves = None
    for axis, (low, high) in enumerate(box):
        if high - low < 2:  # noqa: PLR2004 - one bin cannot be cut
            continue
        planes = np.arange(low + 1, high)
        bounds = [list(one) for one in box]
        bounds[axis][1] = planes
        left = _box_sums(moments, bounds)
        right = whole - left
        explained = np.where((left[0] > 0) & (right[0] > 0), _explained(left) + _explained(right), -np.inf)
        at = int(explained.argmax())
        if explained[at] > best:
            best = float(explained[at])
            halves = box.copy(), box.copy()
            halves[0][axis, 1] = halves[1][axis, 0] = planes[at]
    return halves
