"""Measure the quality of a picture of few colours against the picture before the reduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icsys.color.quality_metrics import (
    ciede2000,
    luma_of,
    mean_of_windows,
    psnr_of,
    similarity_of_windows,
    to_lab,
    window_radius,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_BAND = 2**19  # pixels measured at once


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of one picture after the colour reduction.

    Attributes
    ----------
    mse
        Mean over pixels of the squared error summed over R, G and B.
    psnr
        Peak signal-to-noise ratio in decibels, of the error per channel (``mse / 3``); None if the pictures are equal.
    ssim
        Mean structural similarity of the luma, at most 1.
    delta_e
        Mean over pixels of the colour difference CIEDE2000; about 1 is just visible.
    """

    mse: float
    psnr: float | None
    ssim: float
    delta_e: float


def measure(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> Quality:
    """Compare two pictures.

    Parameters
    ----------
    reference, shown
        Shape (H, W, 3), uint8, sRGB, both alike.
    """
    if np.array_equal(reference, shown):
        return Quality(0.0, None, 1.0, 0.0)
    mse = _mean(_squared_error, reference, shown)
    return Quality(mse, psnr_of(mse), _ssim(reference, shown), _mean(_ciede2000, reference, shown))


def _bands(height: int, width: int, overlap: int = 0) -> Iterator[slice]:
    """Divide rows into bands, so that memory for intermediate results is bounded; each also has rows of the next."""
    step = max(1, _BAND // width)
    return (slice(top, top + step + overlap) for top in range(0, height - overlap, step))


def _mean(
    measure_band: Callable[[NDArray[np.uint8], NDArray[np.uint8]], float],
    reference: NDArray[np.uint8],
    shown: NDArray[np.uint8],
) -> float:
    """Return the mean of a measure over pixels, from its means over bands of rows."""
    total = 0.0
    for rows in _bands(*reference.shape[:2]):
        total += len(reference[rows]) * measure_band(reference[rows], shown[rows])
    return total / len(reference)


def _ssim(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean structural similarity of the luma, from sums over bands of rows."""
    height, width = reference.shape[:2]
    radius = window_radius(height, width)
    total = 0.0
    for rows in _bands(height, width, 2 * radius):
        total += similarity_of_windows(_luma(reference[rows]), _luma(shown[rows]), radius)
    return mean_of_windows(total, height, width)


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma of a picture, shape (H, W), float32."""
    return luma_of(pixels.reshape(-1, 3)).reshape(pixels.shape[:2])


def _squared_error(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean over pixels of the squared error summed over channels."""
    return 3 * float(np.square(reference.astype(np.int32) - shown).mean())


def _ciede2000(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean difference; each pair of colours is computed once."""
    packed = _pack(reference) << 24 | _pack(shown)
    pairs, counts = np.unique(packed, return_counts=True)
    differences = ciede2000(to_lab(_unpack(pairs >> 24)), to_lab(_unpack(pairs)))
    return float(np.average(differences, weights=counts))


def _pack(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Pack each colour into one number, R in the highest bits."""
    return pixels.reshape(-1, 3).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _unpack(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Unpack the lower 24 bits of numbers to colours, shape (n, 3)."""
    return np.stack([numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], axis=-1).astype(np.uint8)
