"""Colours as points: the distinct ones of an image, and few cells that stand for many of them.

A colour's Morton code interleaves the bits of R, G and B. In its order the colours of every octree node, and
so of every cell, are neighbours, and any 64 in a row fill a small box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.kernels import Partition, Points, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kernels import Index

# Points to a block: 32 and 64 measured alike, 16 slower.
BLOCK = 64
# Colours are held as eighths of a level about mid-grey, see kernels.
SCALE = 8
CENTER = 128
_LEVELS = 8
_CHILDREN = 8
_WORDS = 1 << 18
# What float32 may lose in a difference of squared distances, as a share of the largest squared norm.
_SLACK = 1e-6


def _spread_bits() -> NDArray[np.uint32]:
    """Return every byte with two zero bits put between its bits."""
    values = np.arange(256, dtype=np.uint32)
    spread = np.zeros(256, np.uint32)
    for bit in range(8):
        spread |= ((values >> np.uint32(bit)) & np.uint32(1)) << np.uint32(3 * bit)
    return spread


_SPREAD = _spread_bits()


@kernel
def popcount(v: np.uint64) -> np.uint32:
    """Count the bits that are set; compilers turn this into one instruction."""
    v -= (v >> np.uint64(1)) & np.uint64(0x5555555555555555)
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.uint32((v * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def mark_colors(
    pixels: NDArray[np.uint8], spread: NDArray[np.uint32], bits: NDArray[np.uint64], codes: NDArray[np.uint32]
) -> None:
    """Write the Morton code of every pixel, and set its bit among all 2^24."""
    for i in range(len(pixels)):
        code = (spread[pixels[i, 0]] << np.uint32(2)) | (spread[pixels[i, 1]] << np.uint32(1)) | spread[pixels[i, 2]]
        codes[i] = code
        bits[code >> np.uint32(6)] |= np.uint64(1) << np.uint64(code & np.uint32(63))


@kernel
def rank_words(bits: NDArray[np.uint64], ranks: NDArray[np.uint32]) -> int:
    """Write how many bits are set before each word, and return how many are set in all."""
    n = np.uint32(0)
    for j in range(len(bits)):
        ranks[j] = n
        n += popcount(bits[j])
    return int(n)


@kernel
def count_colors(
    codes: NDArray[np.uint32],
    bits: NDArray[np.uint64],
    ranks: NDArray[np.uint32],
    distinct: NDArray[np.uint32],
    counts: NDArray[np.float64],
) -> None:
    """Replace the code of every pixel by its rank among the distinct codes, and count pixels by rank."""
    for i in range(len(codes)):
        code = codes[i]
        word = code >> np.uint32(6)
        below = (np.uint64(1) << np.uint64(code & np.uint32(63))) - np.uint64(1)
        rank = ranks[word] + popcount(bits[word] & below)
        distinct[rank] = code
        counts[rank] += 1
        codes[i] = rank


@kernel
def compact_bits(v: np.uint32) -> np.uint32:
    """Return every third bit of a 24-bit number as a byte: the inverse of spreading."""
    v &= np.uint32(0x249249)
    v = (v | (v >> np.uint32(2))) & np.uint32(0x0C30C3)
    v = (v | (v >> np.uint32(4))) & np.uint32(0x00F00F)
    return (v | (v >> np.uint32(8))) & np.uint32(0xFF)


@kernel
def decode_colors(codes: NDArray[np.uint32], x: NDArray[np.float32]) -> None:
    """Write the colours of Morton codes as points in blocks, the last one repeated to fill the last block."""
    blocks, d, m = x.shape
    for b in range(blocks):
        for f in range(d):
            shift = np.uint32(2 - f)
            for i in range(m):
                code = codes[min(b * m + i, len(codes) - 1)]
                x[b, f, i] = SCALE * (np.int32(compact_bits(code >> shift)) - CENTER)


@kernel
def bound_blocks(x: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
    """Write the box around each block."""
    blocks, d, m = x.shape
    for b in range(blocks):
        for f in range(d):
            least = x[b, f, 0]
            most = least
            for i in range(1, m):
                least = min(least, x[b, f, i])
                most = max(most, x[b, f, i])
            low[b, f] = least
            high[b, f] = most


@kernel
def sum_points(x: NDArray[np.float32], w: NDArray[np.float64], sums: NDArray[np.float64]) -> None:
    """Add up all points as one cluster; ``sums`` as a row of a partition."""
    blocks, d, m = x.shape
    for b in range(blocks):
        for i in range(m):
            sums[0] += w[b, i]
            p = 1 + d
            for f in range(d):
                v = w[b, i] * x[b, f, i]
                sums[1 + f] += v
                for g in range(f + 1):
                    sums[p] += v * x[b, g, i]
                    p += 1


@kernel
def merge_cells(cells: NDArray[np.float64], first: int, n: Index, threshold: float) -> Index:
    """Merge the cells from ``first`` if their squared error is within ``threshold``; return how many are left."""
    total = np.zeros(5)
    for c in range(first, n):
        for f in range(5):
            total[f] += cells[c, f]
    spread = total[1] * total[1] + total[2] * total[2] + total[3] * total[3]
    if total[4] - spread / total[0] > threshold:
        return n
    for f in range(5):
        cells[first, f] = total[f]
    return first + 1


@kernel
def merge_nodes(
    codes: NDArray[np.uint32],
    x: NDArray[np.float32],
    w: NDArray[np.float64],
    threshold: float,
    cells: NDArray[np.float64],
) -> Index:
    """Merge the colours of every octree node whose squared error about its mean is within ``threshold``.

    Returns the number of cells. Each has in ``cells``, shape (n + 1, 5), its weight, weighted coordinates and
    weighted squared norm.
    """
    m = x.shape[2]
    start = np.zeros(_LEVELS, np.int64)
    n: Index = np.intp(0)
    for i in range(len(codes)):
        weight = w[i // m, i % m]
        cells[n, 0] = weight
        cells[n, 4] = 0.0
        for f in range(3):
            v = x[i // m, f, i % m]
            cells[n, 1 + f] = weight * v
            cells[n, 4] += weight * v * v
        n += 1
        # The nodes that end here, from the smallest: those in which the next colour is not.
        differ = codes[i] ^ codes[i + 1] if i + 1 < len(codes) else np.uint32(0xFFFFFFFF)
        level = _LEVELS - 1
        while level >= 0 and differ >> np.uint32(24 - 3 * level):
            # More cells than children: a child is not one cell, so its parent cannot be one either.
            if 1 < n - start[level] <= _CHILDREN:
                n = merge_cells(cells, start[level], n, threshold)
            level -= 1
        for ended in range(level + 1, _LEVELS):
            start[ended] = n
    return n


@kernel
def place_cells(cells: NDArray[np.float64], x: NDArray[np.float32], w: NDArray[np.float64]) -> None:
    """Write the means of cells, on the integers, as points in blocks."""
    blocks, d, m = x.shape
    for b in range(blocks):
        for i in range(m):
            c = min(b * m + i, len(cells) - 1)
            w[b, i] = cells[c, 0] if b * m + i < len(cells) else 0.0
            for f in range(d):
                x[b, f, i] = np.rint(cells[c, 1 + f] / cells[c, 0])


def empty_points(n: Index, d: int) -> Points:
    """Return room for n points with d coordinates, weights zero."""
    blocks = int(-(-n // BLOCK))
    shape = (blocks, d)
    low, high = np.empty(shape, np.float32), np.empty(shape, np.float32)
    return Points(np.empty((*shape, BLOCK), np.float32), np.zeros((blocks, BLOCK)), low, high, np.float32(0))


def to_points(coordinates: NDArray[np.floating], weights: NDArray[np.floating]) -> Points:
    """Lay out any points for the kernels.

    Parameters
    ----------
    coordinates
        Shape (n, d), n at least 1, centred about their mean so that float32 holds them well.
    weights
        Shape (n,).
    """
    n, d = coordinates.shape
    points = empty_points(n, d)
    rows = np.empty((points.w.size, d), np.float32)
    rows[:n] = coordinates
    rows[n:] = rows[n - 1]
    points.x[:] = rows.reshape(-1, BLOCK, d).transpose(0, 2, 1)
    points.w.reshape(-1)[:n] = weights
    bound_blocks(points.x, points.low, points.high)
    slack = _SLACK * float(np.square(rows, dtype=np.float64).sum(axis=1).max())
    return points._replace(slack=np.float32(slack))


def start_partition(points: Points, k: int) -> Partition:
    """Return the partition of all points in one cluster about their mean, with room for k."""
    blocks, d, m = points.x.shape
    sums = np.zeros((k, 1 + d + d * (d + 1) // 2))
    sum_points(points.x, points.w, sums[0])
    part = Partition(np.zeros((blocks, m), np.int32), np.zeros(blocks, np.int32), sums, np.zeros((d, k), np.float32))
    part.centers[:, 0] = sums[0, 1 : 1 + d] / sums[0, 0]
    return part


class Colors:
    """The distinct colours of an image.

    Parameters
    ----------
    pixels
        Shape (N, 3), uint8.

    Attributes
    ----------
    codes
        Their Morton codes in rising order, shape (n,), uint32.
    points
        The colours with their counts, in the same order.
    inverse
        The rank of every pixel's colour, shape (N,), uint32.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        bits = np.zeros(_WORDS, np.uint64)
        ranks = np.empty(_WORDS, np.uint32)
        self.inverse = np.empty(len(pixels), np.uint32)
        mark_colors(pixels, _SPREAD, bits, self.inverse)
        n = rank_words(bits, ranks)
        self.codes = np.empty(n, np.uint32)
        self.points = empty_points(n, 3)
        count_colors(self.inverse, bits, ranks, self.codes, self.points.w.reshape(-1))
        decode_colors(self.codes, self.points.x)
        bound_blocks(self.points.x, self.points.low, self.points.high)

    def __len__(self) -> int:
        """Return the number of distinct colours."""
        return len(self.codes)

    def colors(self) -> NDArray[np.uint8]:
        """Return the distinct colours, shape (n, 3), uint8."""
        rows = self.points.x.transpose(0, 2, 1).reshape(-1, 3)[: len(self)]
        return (rows / SCALE + CENTER).astype(np.uint8)

    def cells(self, fineness: float, k: int) -> tuple[Points, float]:
        """Return cells with a squared error of at most V / (3 k^2 fineness) each, V that of all pixels.

        Returns
        -------
        cells
            Their means with their weights.
        hidden
            The squared error of all colours about the means of their cells.
        """
        total = np.zeros(10)
        sum_points(self.points.x, self.points.w, total)
        squares = total[[4, 6, 9]].sum()
        error = squares - np.square(total[1:4]).sum() / total[0]
        sums = np.empty((len(self) + 1, 5))
        n = merge_nodes(self.codes, self.points.x, self.points.w, error / (3 * k * k * fineness), sums)
        sums = sums[:n]
        cells = empty_points(n, 3)
        place_cells(sums, cells.x, cells.w)
        bound_blocks(cells.x, cells.low, cells.high)
        return cells, float(squares - (np.square(sums[:, 1:4]).sum(axis=1) / sums[:, 0]).sum())
