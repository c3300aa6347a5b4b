"""Grey levels: K-means on a line, solved exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def best_levels(counts: NDArray[np.integer], k: int) -> NDArray[np.uint8]:
    """Choose the k whole grey levels with the least squared error.

    Clusters on a line are intervals, so dynamic programming over interval ends finds the optimum
    (Bruce 1965; Wang and Song 2011). The centre of an interval is its mean rounded, the best whole level
    for it: the optimum is that of the palette as stored.

    Parameters
    ----------
    counts
        Pixels of each grey level, shape (256,).
    k
        Number of levels, at least 1.

    Returns
    -------
    levels
        In rising order, shape (n,), uint8: n is k, or the number of levels that occur if that is less.
    """
    levels = np.flatnonzero(counts)
    n = len(levels)
    if n <= k:
        return levels.astype(np.uint8)
    # Sums over the levels before each; row: first level of an interval, column: the level after its last.
    weights, firsts, seconds = (
        np.concatenate(([0], np.cumsum(counts[levels].astype(np.int64) * levels**power))) for power in range(3)
    )
    weight = weights - weights[:, None]
    first = firsts - firsts[:, None]
    center = np.rint(first / np.maximum(weight, 1)).astype(np.int64)
    cost = (seconds - seconds[:, None] - center * (2 * first - center * weight)).astype(np.float64)
    cost[np.tril_indices(n + 1)] = np.inf
    error = cost[0]
    starts = []
    for _ in range(k - 1):
        total = error[:, None] + cost
        start = total.argmin(axis=0)
        starts.append(start)
        error = total[start, np.arange(n + 1)]
    end = n
    chosen = []
    for start in reversed(starts):
        chosen.append(center[start[end], end])
        end = start[end]
    chosen.append(center[0, end])
    return np.array(chosen[::-1], np.uint8)
