"""One exact measure for all: the error of a palette when every pixel goes to its nearest entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 16_384  # rows of distances held at once: 32 MB at 256 colours


def round_palette(centers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return cluster centres on the 0 to 255 scale as stored in a file: rounded, uint8."""
    rounded: NDArray[np.uint8] = np.clip(np.rint(centers), 0, 255).astype(np.uint8)
    return rounded


def palette_mse(image: NDArray[np.uint8], palette: NDArray[np.uint8]) -> float:
    """Return the mean over pixels of the squared distance, summed over R, G and B, to the nearest palette entry.

    It is exact: distances are whole numbers far below 2**53, so float64 holds them without rounding.

    Parameters
    ----------
    image
        Shape (H, W, 3), uint8.
    palette
        Shape (n, 3), uint8.
    """
    colors, counts = distinct_colors(image)
    entries = palette.astype(np.float64)
    lengths = (entries**2).sum(axis=1)
    total = 0
    for start in range(0, len(colors), _BLOCK):
        block = colors[start : start + _BLOCK].astype(np.float64)
        distances = lengths - 2 * block @ entries.T
        nearest = distances.min(axis=1) + (block**2).sum(axis=1)
        total += int(nearest.astype(np.int64) @ counts[start : start + _BLOCK])
    return total / int(counts.sum())


def distinct_colors(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the distinct colours (n, 3) of an image (H, W, 3) and how many pixels have each, (n,)."""
    codes, counts = np.unique(pack(image), return_counts=True)
    return unpack(codes), counts.astype(np.int64)


def pack(image: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return one number per pixel, the colour as 0xRRGGBB, in a flat array."""
    pixels = image.reshape(-1, 3).astype(np.uint32)
    return (pixels @ np.array([1 << 16, 1 << 8, 1], np.uint32)).astype(np.uint32)


def unpack(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the colours (n, 3) of numbers 0xRRGGBB."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
