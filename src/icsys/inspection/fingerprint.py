"""What is kept of each picture to find its near duplicates: a hash of 64 bits, and its luma on a small grid."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 24
"""Cells of the grid that a picture is averaged over, along each side."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of R, G and B in the luma, of ITU-R BT.601 as in JPEG."""

RGB_SHAPE = 3
"""Dimensions of an array of coloured pixels; grey pixels have two."""

_BITS = 64
_NOISE = 8.0  # of a frequency: encoding alone turns the sign of less, which smooth pictures have in most of them
_LEAST_SIDE = 3  # pixels: a Laplacian needs a neighbour on each side


class Fingerprint(NamedTuple):
    """A picture in few numbers.

    Attributes
    ----------
    hash
        Signs of the 64 lowest frequencies of its luma, the mean left out, as one whole number.
    light
        Mean luma, 0 to 255.
    contrast
        Standard deviation of the luma between the cells of the grid.
    sharpness
        Variance of the Laplacian of the luma: small for blurred and for flat pictures.
    luma
        Means of the cells of the grid, uint8, row by row.
    """

    hash: int
    light: float
    contrast: float
    sharpness: float
    luma: bytes


def fingerprint_of(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Return the fingerprint of a picture.

    The hash is that of Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010), with signs
    instead of a comparison with the median, and with the lowest frequencies of both directions together.

    Parameters
    ----------
    pixels
        (H, W) (grey) or (H, W, 3) (sRGB) uint8.
    """
    luma = pixels.astype(np.float32)
    if luma.ndim == RGB_SHAPE:
        luma = (luma.reshape(-1, 3) @ LUMA).reshape(pixels.shape[:2])
    height, width = luma.shape
    grid = cell_weights(height, GRID) @ luma @ cell_weights(width, GRID).T
    frequencies = _COSINES @ grid @ _COSINES.T
    bits = frequencies.ravel()[_LOWEST] > _NOISE
    values = grid.ravel()
    light = float(values.sum()) / values.size
    away = values - np.float32(light)
    return Fingerprint(
        int.from_bytes(np.packbits(bits).tobytes(), "big"),
        light,
        math.sqrt(float(away @ away) / away.size),
        _sharpness(luma),
        (values + np.float32(0.5)).astype(np.uint8).tobytes(),
    )


def _sharpness(luma: NDArray[np.float32]) -> float:
    """Return the variance of the Laplacian of a luma; 0 if it is too small to have one."""
    if min(luma.shape) < _LEAST_SIDE:
        return 0.0
    laplacian = luma[1:-1, 1:-1] * np.float32(-4)
    for beside in (luma[:-2, 1:-1], luma[2:, 1:-1], luma[1:-1, :-2], luma[1:-1, 2:]):
        laplacian += beside
    values = laplacian.ravel()
    mean = float(values.sum()) / values.size
    return max(float(values @ values) / values.size - mean * mean, 0.0)


@lru_cache(maxsize=1024)
def cell_weights(length: int, number: int) -> NDArray[np.float32]:
    """Return the matrix, shape (number, length), that averages values over cells of equal length.

    A pixel that lies in two cells counts in each by its part.
    """
    edges = np.linspace(0, length, number + 1)
    pixels = np.arange(length)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = (np.maximum(shared, 0) * (number / length)).astype(np.float32)
    weights.flags.writeable = False
    return weights


def _lowest_frequencies() -> NDArray[np.intp]:
    """Return the places of the 64 lowest frequencies of a cosine transform, the mean left out."""
    rows, columns = np.mgrid[:_LINES, :_LINES].reshape(2, -1)
    return np.lexsort((columns, rows, rows**2 + columns**2))[1 : _BITS + 1]


_LINES = 12  # frequencies along a side, more than the lowest 64 need
_COSINES = np.cos(np.pi / GRID * np.outer(np.arange(_LINES), np.arange(GRID) + 0.5)).astype(np.float32)
_LOWEST = _lowest_frequencies()
