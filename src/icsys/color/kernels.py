"""The compiled parts of K-means for NumPy arrays: points, partitions and the search for centres.

Kernels take arrays only and check nothing. Points lie in blocks of 64, shape (blocks, d, 64), and centres in
columns, shape (d, capacity), the first k in use, so that every inner loop runs over adjacent memory and
vectorises; d is 3 or 4. ``snap`` rounds centres to integers, as for colours.

Colours and their centres are whole eighths of a level, held as integers below 2^11 in size: then every distance
is an integer below 2^24, which float32 holds exactly, and every weighted sum one below 2^53, which float64 holds
exactly. No vector width and no order of summation can change a label or a sum. Other points are compared with the
precision of float32.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.color.scratch import Scratch
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 64


class _Points(ctypes.Structure):
    _fields_ = (
        ("blocks", ctypes.c_int64),
        ("d", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("x", "w", "low", "high")),
        ("slack", ctypes.c_double),
    )


class _Partition(ctypes.Structure):
    _fields_ = (
        ("stride", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("labels", "owner", "sums", "centers")),
        ("products", ctypes.c_int64),
        ("squares", ctypes.c_double),
    )


class Points:
    """Weighted points in blocks of 64; the last block is filled with copies of weight 0.

    Parameters
    ----------
    n
        Number of points.
    d
        Number of coordinates, 3 or 4.
    scratch
        Memory for the arrays; new memory if left out.

    Attributes
    ----------
    x
        Coordinates, shape (blocks, d, 64), float32. Neighbours in order should be neighbours in space.
    w
        Weights, shape (blocks, 64), float64.
    low, high
        The box around each block, shape (blocks, d), float32.
    total
        The sums of all points as one cluster, as a row of :attr:`Partition.sums`.
    slack
        Rounding error of float32 in a difference of two squared distances; 0 for colours, which are integers.
    addresses
        Memory addresses of ``x``, ``w``, ``low``, ``high`` and ``total``.
    """

    def __init__(self, n: int, d: int, slack: float = 0.0, scratch: Scratch | None = None) -> None:
        blocks = -(-n // BLOCK)
        scratch = scratch or Scratch()
        self.x: NDArray[np.float32] = scratch.empty("x", (blocks, d, BLOCK), np.float32)
        self.w: NDArray[np.float64] = scratch.empty("w", (blocks, BLOCK), np.float64)
        self.low: NDArray[np.float32] = np.empty((blocks, d), np.float32)
        self.high: NDArray[np.float32] = np.empty((blocks, d), np.float32)
        self.total: NDArray[np.float64] = np.empty(sums_of(d))
        self.slack = slack
        arrays = self.x, self.w, self.low, self.high, self.total
        self.addresses = tuple(address(array, array.dtype) for array in arrays)
        self._structure = _Points(blocks, d, *self.addresses[:-1], slack)
        self.reference = ctypes.addressof(self._structure)


class Partition:
    """The nearest centre of every point, and the sums of each cluster.

    At first all points are in one cluster.

    Parameters
    ----------
    points
        The points of the partition.
    capacity
        Most clusters that the partition can have.
    products
        Whether sums hold the products of coordinates, which :func:`grow` and :func:`improve` need to split clusters.

    Attributes
    ----------
    labels
        Shape (blocks, 64), int32.
    owner
        A centre near the middle of each block, shape (blocks,), int32.
    sums
        Of each cluster: weight, weighted coordinates, weighted products of coordinates (lower triangle);
        shape (capacity, 1 + d + d (d + 1) / 2), float64.
    centers
        The centres of the partition, shape (d, capacity), float32.
    """

    def __init__(self, points: Points, capacity: int, *, products: bool = True) -> None:
        blocks, d, _ = points.x.shape
        self.labels: NDArray[np.int32] = np.zeros((blocks, BLOCK), np.int32)
        self.owner: NDArray[np.int32] = np.zeros(blocks, np.int32)
        self.sums: NDArray[np.float64] = np.zeros((capacity, len(points.total)))
        self.centers: NDArray[np.float32] = np.zeros((d, capacity), np.float32)
        self.sums[0] = points.total
        self.centers[:, 0] = points.total[1 : 1 + d] / points.total[0]
        addresses = (address(array, array.dtype) for array in (self.labels, self.owner, self.sums, self.centers))
        # The diagonal of the triangle of products.
        squares = float(points.total[d + np.arange(1, d + 1).cumsum()].sum())
        self._structure = _Partition(capacity, *addresses, products, squares)
        self.reference = ctypes.addressof(self._structure)

    @property
    def means(self) -> NDArray[np.float64]:
        """The means of the clusters that have points, shape (n, d), float64."""
        sums = self.sums[self.sums[:, 0] > 0]
        return sums[:, 1 : 1 + len(self.centers)] / sums[:, :1]


def sums_of(d: int) -> int:
    """Return how many sums a cluster of points with ``d`` coordinates has."""
    return 1 + d + d * (d + 1) // 2


def bound(points: Points) -> None:
    """Compute the boxes and the total from coordinates and weights."""
    blocks, d, _ = points.x.shape
    coordinates, weights, *derived = points.addresses
    KERNELS.bound_points(coordinates, weights, blocks, d, *derived)


def reassign(points: Points, part: Partition, centers: NDArray[np.float32], k: int) -> int:
    """Reassign the points of a partition to the first k centres, and return how many changed cluster.

    Only blocks within reach of a centre that moved are looked at, and only points that change cluster
    touch the sums; a partition whose sums are exact stays exact.
    """
    _check_columns(part, centers)
    return KERNELS.reassign(points.reference, part.reference, address(centers, np.float32), k)


def nearest_centers(points: Points, centers: NDArray[np.float32], labels: NDArray[Any]) -> float:
    """Write the nearest centre of every point, ties to the lowest, and return the squared error.

    For points and centres of whole eighths the sum is exact, in 64ths.

    Parameters
    ----------
    points
        Points of any kind.
    centers
        Shape (d, k), float32.
    labels
        Written: shape (blocks, 64), uint16 or int32.
    """
    if labels.shape != points.w.shape or labels.dtype not in {np.dtype(np.uint16), np.dtype(np.int32)}:
        raise TypeError(f"labels of shape {labels.shape} and type {labels.dtype}: expected {points.w.shape}")
    k, error = centers.shape[1], ctypes.c_double()
    columns, out = address(centers, np.float32), address(labels, labels.dtype)
    KERNELS.nearest_centers(points.reference, columns, k, k, out, labels.itemsize, ctypes.byref(error))
    return error.value


def grow(
    points: Points, part: Partition, centers: NDArray[np.float32], k: int, *, snap: bool, share: float, limit: int
) -> int:
    """Grow from one cluster to k: in each round, split the clusters that gain at least ``share`` of the best gain.

    Each round ends with ``limit`` iterations of Lloyd's algorithm. Returns the number of clusters, fewer than k if
    nothing is left to split.
    """
    _check_columns(part, centers)
    return KERNELS.grow(points.reference, part.reference, address(centers, np.float32), k, snap, share, limit)


def lloyd(
    points: Points,
    part: Partition,
    centers: NDArray[np.float32],
    k: int,
    *,
    snap: bool,
    tolerance: float = 0.0,
    limit: int,
) -> float:
    """Alternate nearest centres and means, at most ``limit`` times, and return the squared error.

    Ends when the error falls by no more than the share ``tolerance``. ``centers`` then holds the means of the clusters
    of ``part``.
    """
    _check_columns(part, centers)
    error = ctypes.c_double()
    columns, goal = address(centers, np.float32), np.finfo(np.float64).max
    KERNELS.lloyd(points.reference, part.reference, columns, k, snap, tolerance, limit, goal, ctypes.byref(error))
    return error.value


def improve(
    points: Points,
    part: Partition,
    centers: NDArray[np.float32],
    k: int,
    error: float,
    *,
    snap: bool,
    size: int,
    patience: int,
    tolerance: float,
    limit: int,
) -> float:
    """Move centres out of a poor optimum, keep the moves that lower the error, and return the error reached.

    A move merges clusters whose merger costs little and splits others whose split gains much, then runs
    Lloyd's iteration. Moves of ``size`` centres at once come first, as in the "breathing" K-means of Fritzke (2020);
    a move that fails is followed by one of half as many. Single moves follow, as in the swaps of Fränti and
    Kivijärvi (2000), though chosen by estimate, not at random, until ``patience`` in a row have failed.
    ``tolerance`` and ``limit`` are those of :func:`lloyd` after each move.
    """
    _check_columns(part, centers)
    reached = ctypes.c_double(error)
    columns = address(centers, np.float32)
    KERNELS.improve(
        points.reference, part.reference, columns, k, snap, tolerance, limit, size, patience, ctypes.byref(reached)
    )
    return reached.value


def _check_columns(part: Partition, centers: NDArray[np.float32]) -> None:
    if centers.shape != part.centers.shape:
        raise TypeError(f"centers of shape {centers.shape}: expected {part.centers.shape}, as the partition's")
