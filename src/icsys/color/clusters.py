"""What the sums of a partition tell of its clusters: error, mean, the gain of a split, the cost of a merger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.kernels import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kernels import Index

# Two halves of a normal distribution have their means at sqrt(2/pi) = 0.8 standard deviations, and splitting
# there takes 2/pi = 0.64 of the variance along the axis; of a uniform one 0.87 and 0.75.
_HALF = 0.8
_GAIN = 0.68
_POWER_STEPS = 8


@kernel
def total_error(sums: NDArray[np.float64], k: Index, d: int) -> float:
    """Return the squared error of the first k clusters about their means, from the sums of a partition."""
    error = 0.0
    for j in range(k):
        weight = sums[j, 0]
        if weight > 0:
            p = 1 + d
            for f in range(d):
                p += f
                error += sums[j, p] - sums[j, 1 + f] * sums[j, 1 + f] / weight
                p += 1
    return error


@kernel
def put(centers: NDArray[np.float32], j: Index, f: Index, value: float, snap: bool) -> None:
    """Set coordinate f of centre j, to the nearest integer where centres live on integers."""
    centers[f, j] = np.rint(value) if snap else value


@kernel
def recentre(sums: NDArray[np.float64], centers: NDArray[np.float32], k: Index, snap: bool) -> None:
    """Move centres to the means of their clusters; one without points stays where it is."""
    for j in range(k):
        if sums[j, 0] > 0:
            for f in range(len(centers)):
                put(centers, j, f, sums[j, 1 + f] / sums[j, 0], snap)


@kernel
def scatter(sums: NDArray[np.float64], matrix: NDArray[np.float64]) -> None:
    """Write the scatter matrix of one cluster, shape (d, d): its weight times its covariance."""
    d = len(matrix)
    p = 1 + d
    for f in range(d):
        for g in range(f + 1):
            matrix[f, g] = sums[p] - sums[1 + f] * sums[1 + g] / sums[0]
            matrix[g, f] = matrix[f, g]
            p += 1


@kernel
def principal_axis(matrix: NDArray[np.float64], axis: NDArray[np.float64]) -> float:
    """Write the unit eigenvector of the largest eigenvalue of a scatter matrix, and return the eigenvalue.

    Power iteration from the row of the largest diagonal entry: a few steps tell the axis well enough.
    """
    d = len(axis)
    widest = 0
    for f in range(d):
        if matrix[f, f] > matrix[widest, widest]:
            widest = f
    image = matrix[widest].copy()
    value = 0.0
    for _ in range(_POWER_STEPS):
        square = 0.0
        for f in range(d):
            square += image[f] * image[f]
        if square <= 0:
            return 0.0
        for f in range(d):
            axis[f] = image[f] / np.sqrt(square)
        value = 0.0
        for f in range(d):
            image[f] = 0.0
            for g in range(d):
                image[f] += matrix[f, g] * axis[g]
            value += image[f] * axis[f]
    return value


@kernel
def split(sums: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Split one cluster in two across its principal axis.

    The two centres go to ``left`` and ``right``, shape (d,); returned is the decrease of the squared error to
    expect.
    """
    if sums[0] <= 0:
        return 0.0
    d = len(left)
    spread = np.empty((d, d))
    axis = np.zeros(d)
    scatter(sums, spread)
    variance = principal_axis(spread, axis)
    half = _HALF * np.sqrt(max(variance, 0.0) / sums[0])
    for f in range(d):
        left[f] = sums[1 + f] / sums[0] - half * axis[f]
        right[f] = sums[1 + f] / sums[0] + half * axis[f]
    return _GAIN * variance


@kernel
def merge_costs(
    sums: NDArray[np.float64], k: Index, d: int, cost: NDArray[np.float64], partner: NDArray[np.int64]
) -> None:
    """Work out for each of k clusters the least increase of error that merging it with another brings.

    Merging i and j adds w_i w_j / (w_i + w_j) |m_i - m_j|^2 (Ward 1963): at most what removing centre j and
    moving the others adds.
    """
    weight = np.empty(k)
    mean = np.empty((d, k))
    for j in range(k):
        weight[j] = max(sums[j, 0], 1e-300)
        for f in range(d):
            mean[f, j] = sums[j, 1 + f] / weight[j]
    row = np.empty(k)
    for j in range(k):
        for i in range(k):
            row[i] = 0.0
        for f in range(d):
            for i in range(k):
                row[i] += (mean[f, i] - mean[f, j]) * (mean[f, i] - mean[f, j])
        cost[j] = np.inf
        for i in range(k):
            row[i] *= weight[i] * weight[j] / (weight[i] + weight[j])
        for i in range(k):
            if row[i] < cost[j] and i != j:
                cost[j] = row[i]
                partner[j] = i
