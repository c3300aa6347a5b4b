"""How much a picture of few colours differs from the picture that its colours were reduced from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from icsys.report.extra import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_PEAK = 255
_WINDOW = 7  # pixels; that of scikit-image
_BAND = 2**20  # pixels measured at once


@dataclass(frozen=True, slots=True)
class Quality:
    """What the colour reduction cost one picture.

    Attributes
    ----------
    mse
        Mean over pixels of the squared error summed over R, G and B.
    psnr
        Peak signal-to-noise ratio in decibels, of the error per channel (``mse / 3``); None where nothing differs.
    ssim
        Mean structural similarity, at most 1.
    delta_e
        Mean over pixels of the colour difference CIEDE2000; about 1 is the least that an eye can tell.
    """

    mse: float
    psnr: float | None
    ssim: float
    delta_e: float


def psnr_of(mse: float) -> float | None:
    """Return the PSNR in decibels of a squared error that is summed over R, G and B; None for no error at all."""
    return 10 * math.log10(3 * _PEAK**2 / mse) if mse else None


def measure(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> Quality:
    """Compare two pictures.

    Parameters
    ----------
    reference, shown
        Shape (H, W, 3), uint8, sRGB, both alike.

    Returns
    -------
    Quality
        SSIM (Wang, Bovik, Sheikh and Simoncelli, 2004) and CIEDE2000 (Sharma, Wu and Dalal, 2005) are those of
        scikit-image. A side below 7 pixels makes the window of SSIM the largest of 5, 3 and 1 that fits.
    """
    if np.array_equal(reference, shown):
        return Quality(0.0, None, 1.0, 0.0)
    mse = _mean(_squared_error, reference, shown, overlap=0)
    window = min(_WINDOW, (min(reference.shape[:2]) - 1) // 2 * 2 + 1)
    ssim = _mean(partial(_ssim, window), reference, shown, overlap=window - 1)
    return Quality(mse, psnr_of(mse), ssim, _mean(_ciede2000, reference, shown, overlap=0))


def _mean(
    measure_band: Callable[[NDArray[np.uint8], NDArray[np.uint8]], float],
    reference: NDArray[np.uint8],
    shown: NDArray[np.uint8],
    *,
    overlap: int,
) -> float:
    """Return the mean of a measure over bands of rows, so that memory does not grow with the picture.

    Parameters
    ----------
    measure_band
        The mean over the windows of ``overlap`` + 1 rows that lie inside a band.
    """
    height, width = reference.shape[:2]
    windows = height - overlap
    step = max(1, _BAND // width)
    total = 0.0
    for top in range(0, windows, step):
        bottom = min(top + step, windows)
        rows = slice(top, bottom + overlap)
        total += (bottom - top) * measure_band(reference[rows], shown[rows])
    return total / windows


def _squared_error(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean over pixels of the squared error summed over channels."""
    return 3 * float(np.square(reference.astype(np.int32) - shown).mean())


def _ssim(window: int, reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    metrics = need("skimage.metrics")
    # A sample of one pixel has no sample covariance.
    sample = window > 1
    return float(
        metrics.structural_similarity(
            reference, shown, win_size=window, channel_axis=2, data_range=_PEAK, use_sample_covariance=sample
        )
    )


def _ciede2000(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> float:
    """Return the mean difference; each pair of colours is worked out once, however many pixels have it."""
    color = need("skimage.color")
    packed = _pack(reference) << 24 | _pack(shown)
    pairs, counts = np.unique(packed, return_counts=True)
    differences = color.deltaE_ciede2000(color.rgb2lab(_unpack(pairs >> 24)), color.rgb2lab(_unpack(pairs)))
    return float(np.average(differences, weights=counts))


def _pack(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return each colour as one number, R highest."""
    return pixels.reshape(-1, 3).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _unpack(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the colours, shape (n, 3), that the lower 24 bits of the numbers hold."""
    return np.stack([numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], axis=-1).astype(np.uint8)
