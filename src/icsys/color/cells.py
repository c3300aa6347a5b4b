"""The distinct colours of an image in Morton order, and blocks of points for the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from icsys.color import kernels

_BLOCK = 64


def _spread() -> np.ndarray:
    v = np.arange(256, dtype=np.uint32)
    s = np.zeros(256, np.uint32)
    for bit in range(8):
        s |= ((v >> np.uint32(bit)) & np.uint32(1)) << np.uint32(3 * bit)
    return s


SPREAD = _spread()


class Distinct(NamedTuple):
    colors: np.ndarray
    counts: np.ndarray
    inverse: np.ndarray
    codes: np.ndarray


def distinct_colors(pixels: np.ndarray) -> Distinct:
    """pixels (N,3) uint8."""
    bits = np.zeros(1 << 18, np.uint64)
    starts = np.empty(1 << 18, np.int32)
    inverse = np.empty(len(pixels), np.uint32)
    kernels.mark_colors(pixels, SPREAD, bits, inverse)
    n = kernels.rank_words(bits, starts)
    counts = np.zeros(n, np.int64)
    codes = np.empty(n, np.uint32)
    kernels.count_colors(inverse, bits, starts, counts, codes)
    return Distinct(np.stack([_compact(codes >> np.uint32(s)) for s in (2, 1, 0)], 1), counts, inverse, codes)


def _compact(v: np.ndarray) -> np.ndarray:
    out = np.zeros(v.shape, np.uint8)
    for bit in range(8):
        out |= (((v >> np.uint32(3 * bit)) & np.uint32(1)) << np.uint32(bit)).astype(np.uint8)
    return out


class Blocks(NamedTuple):
    x: np.ndarray
    w: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def blocks(points: np.ndarray, weights: np.ndarray) -> Blocks:
    n, d = points.shape
    count = -(-n // _BLOCK)
    x = np.empty((count * _BLOCK, d), np.float32)
    x[:n] = points
    x[n:] = points[-1]
    w = np.zeros(count * _BLOCK)
    w[:n] = weights
    x = np.ascontiguousarray(x.reshape(count, _BLOCK, d).transpose(0, 2, 1))
    return Blocks(x, w.reshape(count, _BLOCK), x.min(2), x.max(2))


def cells(found: Distinct, bits: int) -> tuple[np.ndarray, np.ndarray]:
    code = found.codes >> np.uint32(24 - 3 * bits)
    starts = np.flatnonzero(np.concatenate(([True], code[1:] != code[:-1])))
    weights = np.add.reduceat(found.counts, starts)
    sums = np.add.reduceat(found.colors.astype(np.int64) * found.counts[:, None], starts, axis=0)
    return sums / weights[:, None], weights
