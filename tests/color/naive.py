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
