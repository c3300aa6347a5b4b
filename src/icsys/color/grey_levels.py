"""The grey levels of an image, and K-means on a line, solved exactly."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray


_BYTE = 256


class GreyLevels:
    """The distinct levels of a grey image, like :class:`icsys.color.distinct_rgb.DistinctRGB` for colours.

    Parameters
    ----------
    pixels
        Shape (N, 1), uint8, not empty.

    Attributes
    ----------
    by_level
        Pixels of each of the 256 levels, shape (256,), int64.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels[:, 0]
        self.by_level: NDArray[np.int64] = np.bincount(self._pixels, minlength=_BYTE)
        self._levels = np.flatnonzero(self.by_level)

    def __len__(self) -> int:
        """Return the number of distinct levels."""
        return len(self._levels)

    def colors(self) -> NDArray[np.uint8]:
        """Return the distinct levels in rising order, shape (n, 1), uint8."""
        return self._levels.astype(np.uint8)[:, None]

    @property
    def counts(self) -> NDArray[np.float64]:
        """Pixels of each distinct level, shape (n,), float64."""
        return self.by_level[self._levels].astype(np.float64)

    @property
    def inverse(self) -> NDArray[np.uint32]:
        """The rank of every pixel's level, shape (N,), uint32."""
        return self.label_pixels(np.arange(len(self), dtype=np.uint32)).astype(np.uint32, copy=False)

    def reweighted(self, weights: NDArray[np.floating]) -> GreyLevels:
        """Return the levels with other weights, shape (n,), whole numbers; a level of weight 0 is left out."""
        by_level = np.zeros(_BYTE, np.int64)
        by_level[self._levels] = weights
        other = copy.copy(self)
        vars(other).update(by_level=by_level, _levels=np.flatnonzero(by_level))
        return other

    def nearest(self, palette: NDArray[np.uint8]) -> tuple[NDArray[np.integer], int]:
        """Find the entry of a palette, shape (k, 1), nearest to each distinct level, ties to the first.

        Returns
        -------
        labels
            Shape (n,).
        sse
            Squared error of all pixels.
        """
        distances = np.abs(self._levels[:, None] - palette[:, 0].astype(np.int64))
        labels = distances.argmin(axis=1)
        return labels, int(np.square(distances.min(axis=1)) @ self.by_level[self._levels])

    def label_pixels(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Give every pixel the label of its level: shape (n,) to shape (N,), of the same dtype."""
        table = np.zeros(_BYTE, labels.dtype)
        table[self._levels] = labels
        return table[self._pixels]


def best_levels(counts: NDArray[np.integer], k: int) -> NDArray[np.uint8]:
    """Choose the k whole grey levels with the least squared error.

    Clusters on a line are intervals, so dynamic programming over interval ends finds the optimum
    (Bruce 1965; Wang and Song 2011). The centre of an interval is its rounded mean, the best whole level,
    so the optimum is that of the stored palette.

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
    # Sums over the levels before each: pixels, and these times their level and times its square.
    sums = np.zeros((n + 1, 3))
    sums[1:] = np.cumsum(counts[levels].astype(np.int64)[:, None] * levels[:, None] ** np.arange(3), axis=0)
    best = np.empty(k, np.uint8)
    KERNELS.best_levels(address(sums, np.float64), n, k, address(best, np.uint8))
    return best
