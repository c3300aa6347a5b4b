"""The colours of many images in bounded memory: exact while there are few, then means of the cells of a grid.

A table has a row for each colour or cell, and rows are sums of whole numbers. So the result depends neither on the
order of the images nor on their division among workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color.distinct_rgb import DistinctRGB, weighted_colors
from icsys.color.scratch import thread_scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RGB = 3
_EXACT_BITS = 8
_MOST_EXACT = 1 << 18  # distinct colours
_MOST_WAITING = 1 << 16  # rows that wait before they are merged
# Bits of a channel that number the cells of the grid: 8 MB of memory, or 64 MB for so many colours that cells four
# levels wide would hide as much error as K-means leaves.
_GRID_BITS, _FINE_GRID_BITS = 6, 7
_MOST_FOR_GRID = 64
_AT_ONCE = 1 << 14  # cells whose means are taken
_MOST_WEIGHT_BITS = 32  # of all pixels together, so that float64 holds all sums exactly, see kernels.py


class ColorCounts(NamedTuple):
    """A table of colours and their numbers of pixels.

    Attributes
    ----------
    codes
        Morton codes of the colours, or of cells of a grid, in rising order, shape (n,), uint32.
    sums
        For each: its number of pixels, and the sums of their R, G and B; shape (n, 4), int64.
    bits
        Bits of a channel in a code; 8 for colours.
    """

    codes: NDArray[np.uint32]
    sums: NDArray[np.int64]
    bits: int


def grid_bits(n_colors: int) -> int:
    """Return the bits of a channel in the grid of a pool, by the number of colours to find."""
    return _GRID_BITS if n_colors <= _MOST_FOR_GRID else _FINE_GRID_BITS


def count_colors(pixels: NDArray[np.uint8], bits: int = _EXACT_BITS) -> ColorCounts:
    """Count the colours of an image, shape (H, W, 3) or (H, W), uint8, or the pixels in each cell of a grid."""
    colors = DistinctRGB(as_rgb(pixels).reshape(-1, _RGB), thread_scratch())
    counts = colors.counts.astype(np.int64)[:, None]
    table = ColorCounts(colors.codes.copy(), np.concatenate([counts, counts * colors.colors()], axis=1), _EXACT_BITS)
    return _coarsen(table, bits)


def as_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels, shape (H, W, 3) or (H, W) for grey, as (H, W, 3)."""
    return pixels if pixels.ndim == _RGB else np.repeat(pixels[..., None], _RGB, axis=2)


class PooledColors:
    """The colours of many images.

    Parameters
    ----------
    n_colors
        Number of colours to find among them.
    """

    def __init__(self, n_colors: int) -> None:
        self.images = 0
        self._grid_bits = grid_bits(n_colors)
        self._exact = ColorCounts(np.empty(0, np.uint32), np.empty((0, 1 + _RGB), np.int64), _EXACT_BITS)
        self._waiting: list[ColorCounts] = []
        self._rows = 0
        self._grid: NDArray[np.int64] | None = None

    @property
    def bits(self) -> int:
        """Bits of a channel that further tables need: 8 while all colours are held."""
        return _EXACT_BITS if self._grid is None else self._grid_bits

    def add(self, table: ColorCounts) -> None:
        """Add an image: a table of :func:`count_colors`, as fine as the pool or finer."""
        self.images += 1
        if self._grid is None:
            self._waiting.append(table)
            self._rows += len(table.codes)
            if table.bits < _EXACT_BITS or self._rows > _MOST_WAITING:
                self._merge()
        else:
            self._add_to_grid(table)

    def _merge(self) -> None:
        """Merge the waiting tables; switch to the grid if there are too many colours."""
        tables = [self._exact, *self._waiting]
        self._waiting, self._rows = [], 0
        if all(table.bits == _EXACT_BITS for table in tables):
            codes = np.concatenate([table.codes for table in tables])
            order = np.argsort(codes, kind="stable")
            self._exact = _merge_equal(codes[order], np.concatenate([table.sums for table in tables])[order], 8)
            tables = [self._exact]
            if len(self._exact.codes) <= _MOST_EXACT:
                return
        self._grid = np.zeros((1 << _RGB * self._grid_bits, 1 + _RGB), np.int64)
        for table in tables:
            self._add_to_grid(table)
        del self._exact

    def _add_to_grid(self, table: ColorCounts) -> None:
        assert self._grid is not None  # noqa: S101 - callers check
        cells = _coarsen(table, self._grid_bits)
        self._grid[cells.codes] += cells.sums  # a table has each cell once

    def distinct(self) -> DistinctRGB:
        """Return the colours with their pixels as counts; a cell counts as the rounded mean of its pixels.

        Raises
        ------
        ValueError
            If nothing was added.
        """
        if self._grid is None and self._waiting:
            self._merge()
        sums = self._exact.sums if self._grid is None else self._grid
        found = [_rounded_means(sums[start : start + _AT_ONCE]) for start in range(0, len(sums), _AT_ONCE)]
        if not found:
            raise ValueError("a pool without colours")
        colors, counts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        excess = max(0, int(counts.sum()).bit_length() - _MOST_WEIGHT_BITS)
        return weighted_colors(colors, np.maximum(counts >> excess, 1))


def _rounded_means(sums: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the mean colours of the cells that have pixels, and their numbers of pixels."""
    sums = sums[sums[:, 0] > 0]
    counts = sums[:, :1]
    # Cells are whole levels wide, so rounded means stay in their cells and are distinct.
    return ((2 * sums[:, 1:] + counts) // (2 * counts)).astype(np.uint8), sums[:, 0]


def _coarsen(table: ColorCounts, bits: int) -> ColorCounts:
    """Merge colours that fall into one cell of a grid."""
    if table.bits <= bits:
        return table
    # A Morton code interleaves the bits of the channels, so its first bits are the code of the cell.
    return _merge_equal(table.codes >> np.uint32(_RGB * (table.bits - bits)), table.sums, bits)


def _merge_equal(codes: NDArray[np.uint32], sums: NDArray[np.int64], bits: int) -> ColorCounts:
    """Add up neighbouring rows of equal codes."""
    if not len(codes):
        return ColorCounts(codes, sums, bits)
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    return ColorCounts(codes[starts], np.add.reduceat(sums, starts, axis=0), bits)
