"""The distinct RGB colours of an image, as weighted points, and cells that merge near ones.

A colour's Morton code interleaves the bits of R, G and B. In its order the colours of every octree node, and
so of every cell, are neighbours, and any 64 in a row fill a small box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.kernels import BLOCK, Points, bound, nearest_centers
from icsys.color.scratch import Scratch
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Colours are held as eighths of a level about mid-grey, see kernels.
SCALE = 8
CENTER = 128
# Morton codes: in 64-bit words, and in groups of 64 words.
_WORDS, _GROUPS = 1 << 18, 1 << 12
# Weight, weighted coordinates and weighted squared norm of a cell.
_CELL_SUMS = 5
# Rounding error of float32 in a difference of squared distances, as a share of the largest squared norm.
_SLACK = 1e-6


def kernel_points(coordinates: NDArray[np.floating], weights: NDArray[np.floating]) -> Points:
    """Lay out any points for the kernels.

    Parameters
    ----------
    coordinates
        Shape (n, d), n at least 1, d 3 or 4, centred about their mean so that float32 holds them well.
    weights
        Shape (n,).
    """
    n, d = coordinates.shape
    rows = np.empty((-(-n // BLOCK) * BLOCK, d), np.float32)
    rows[:n] = coordinates
    rows[n:] = rows[n - 1]
    points = Points(n, d, _SLACK * float(np.square(rows, dtype=np.float64).sum(axis=1).max()))
    points.x[:] = rows.reshape(-1, BLOCK, d).transpose(0, 2, 1)
    points.w.reshape(-1)[:n] = weights
    points.w.reshape(-1)[n:] = 0
    bound(points)
    return points


def to_centers(palette: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert palette colours, shape (k, 3), to the kernels' layout of centres: shape (3, k)."""
    return np.ascontiguousarray((palette.T.astype(np.float32) - CENTER) * SCALE)


class DistinctRGB:
    """The distinct RGB colours of an image, each with its number of pixels.

    Parameters
    ----------
    pixels
        Shape (N, 3), uint8, C-contiguous, N below 2^32.
    scratch
        Memory for the arrays, which are valid until the scratch serves another image; new memory if left out.

    Attributes
    ----------
    points
        The colours with their counts, in the order of their codes.
    inverse
        The rank of every pixel's colour, shape (N,), uint32.
    """

    def __init__(self, pixels: NDArray[np.uint8], scratch: Scratch | None = None) -> None:
        scratch = scratch or Scratch()
        groups = scratch.empty("groups", (_GROUPS,), np.uint8)
        bits, ranks = scratch.empty("bits", (_WORDS,), np.uint64), scratch.empty("ranks", (_WORDS,), np.uint32)
        which = address(groups, np.uint8), address(bits, np.uint64), address(ranks, np.uint32)
        self.inverse: NDArray[np.uint32] = scratch.empty("inverse", (len(pixels),), np.uint32)
        inverse = address(self.inverse, np.uint32)
        n = KERNELS.mark_colors(address(pixels, np.uint8), len(pixels), inverse, *which)
        # Each code with the count of its pixels.
        self._listed: NDArray[np.uint32] = scratch.empty("colors", (n, 2), np.uint32)
        self.points = Points(n, 3, scratch=scratch)
        listed = address(self._listed, np.uint32)
        KERNELS.count_colors(inverse, len(pixels), *which[1:], listed, n, *self.points.addresses)

    def __len__(self) -> int:
        """Return the number of distinct colours."""
        return len(self._listed)

    @property
    def codes(self) -> NDArray[np.uint32]:
        """Their Morton codes in rising order, shape (n,), uint32."""
        return self._listed[:, 0]

    def colors(self) -> NDArray[np.uint8]:
        """Return the distinct colours, shape (n, 3), uint8."""
        rows = self.points.x.transpose(0, 2, 1).reshape(-1, 3)[: len(self)]
        return (rows / SCALE + CENTER).astype(np.uint8)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Pixels of each distinct colour, shape (n,), float64."""
        return self.points.w.reshape(-1)[: len(self)]

    def reweighted(self, weights: NDArray[np.floating]) -> DistinctRGB:
        """Return the colours with other weights, shape (n,), whole numbers; a colour of weight 0 is left out.

        Their ``inverse`` is of no image.
        """
        held = weights > 0
        return weighted_colors(self.colors()[held], weights[held])

    def nearest(self, palette: NDArray[np.uint8]) -> tuple[NDArray[np.uint16], int]:
        """Find the entry of a palette, shape (k, 3), nearest to each distinct colour in sRGB, ties to the first.

        Returns
        -------
        labels
            Shape (n,), uint16.
        sse
            Squared error of all pixels, summed over R, G and B.
        """
        labels = np.empty(self.points.w.shape, np.uint16)
        error = nearest_centers(self.points, to_centers(palette), labels)
        return labels.reshape(-1)[: len(self)], round(error / SCALE**2)

    def cells(self, fineness: float, k: int) -> tuple[Points, float]:
        """Merge near colours into cells of squared error at most V / (3 k^2 fineness), V the error of all pixels.

        Returns
        -------
        cells
            Their means with their weights.
        hidden
            The squared error of all colours about the means of their cells.
        """
        total = self.points.total
        squares = total[[4, 6, 9]].sum()
        error = squares - np.square(total[1:4]).sum() / total[0]
        sums = np.empty((len(self) + 1, _CELL_SUMS))
        cells = address(sums, np.float64)
        colors = address(self._listed, np.uint32), len(self), *self.points.addresses[:2]
        n = KERNELS.merge_colors(*colors, error / (3 * k * k * fineness), cells)
        points = Points(n, 3)
        explained = KERNELS.place_cells(cells, n, *points.addresses)
        return points, float(squares - explained)

    def label_pixels(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Give every pixel the label of its colour.

        Parameters
        ----------
        labels
            Of the distinct colours, shape (n,), uint8 or uint16.

        Returns
        -------
        labels
            Of the pixels, shape (N,), of the same dtype.
        """
        out = np.empty(len(self.inverse), labels.dtype)
        ranks = address(self.inverse, np.uint32)
        KERNELS.map_ranks(ranks, len(out), address(labels, labels.dtype), address(out, out.dtype), out.itemsize)
        return out


def weighted_colors(colors: NDArray[np.uint8], counts: NDArray[np.integer] | NDArray[np.floating]) -> DistinctRGB:
    """Return distinct colours, shape (n, 3), with the number of their pixels, shape (n,), each at least 1."""
    found = DistinctRGB(np.ascontiguousarray(colors))
    found.points.w.reshape(-1)[found.inverse] = counts
    bound(found.points)
    return found
