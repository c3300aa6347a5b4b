"""Slow and obvious twins of what the kernels do, in exact whole numbers or float64."""

import itertools

import numpy as np


def nearest(pixels, palette):
    """Return the index of the nearest palette entry, the lowest of equals, and the summed squared error."""
    difference = pixels.astype(np.int64)[:, None] - palette.astype(np.int64)[None]
    distances = np.square(difference).reshape(len(pixels), len(palette), -1).sum(axis=2)
    return distances.argmin(axis=1), int(distances.min(axis=1).sum())


def distances(points, centers):
    """Return all squared distances in float64; shape (n, k)."""
    return np.square(points.astype(np.float64)[:, None] - centers.astype(np.float64)[None]).sum(axis=2)


def weighted_error(points, weights, centers):
    """Return the weighted squared error of points to their nearest centres."""
    return float(distances(points, centers).min(axis=1) @ weights)


def cluster_sums(points, weights, labels, k):
    """Return weight, weighted coordinates and weighted products of coordinates of each cluster."""
    products = [points[:, f] * points[:, g] for f in range(points.shape[1]) for g in range(f + 1)]
    columns = np.column_stack([np.ones(len(points)), points, *products]).astype(np.float64)
    return np.stack([weights[labels == j] @ columns[labels == j] for j in range(k)])


def lloyd_step(points, weights, centers):
    """Return the means of the clusters of the nearest centres; a centre without points stays."""
    labels = distances(points, centers).argmin(axis=1)
    means = centers.astype(np.float64).copy()
    for j in range(len(centers)):
        if weights[labels == j].sum() > 0:
            means[j] = np.average(points[labels == j], axis=0, weights=weights[labels == j])
    return means


def best_levels_error(counts, k):
    """Return the least squared error that any k whole levels reach, by trying all of them."""
    levels = np.arange(len(counts))
    return min(
        int(np.square(levels[:, None] - np.array(chosen)).min(axis=1) @ counts)
        for chosen in itertools.combinations(range(len(counts)), k)
    )


def best_levels(counts, k):
    """Return the levels of the least squared error, the first division of equals: all intervals as whole matrices."""
    levels = np.flatnonzero(counts)
    n = len(levels)
    if n <= k:
        return levels
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
    return np.array(chosen[::-1])
