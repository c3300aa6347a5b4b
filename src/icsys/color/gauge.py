"""What few colours cost one image, measured as a target of quality asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.quality import DIGITS, luma_of, mean_ciede2000, psnr_of, ssim, to_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.color.reduce import Distinct

    Gauge = Callable[[NDArray[np.uint8], NDArray[np.integer], float], float | None]

_ENTRIES = 256


def gauge_of(measure: str, distinct: Distinct, shape: tuple[int, int]) -> Gauge:
    """Return what measures palettes of one image, with all that does not depend on them worked out.

    Parameters
    ----------
    measure
        "psnr", "ssim" or "delta_e".
    distinct
        The colours of the image.
    shape
        Its height and width.

    Returns
    -------
    gauge
        (palette, shape (n, 3), uint8, n up to 256; indices of the pixels, shape (H, W); MSE summed over R, G and B) to
        the measure, rounded; None for the PSNR of no error.
    """
    return {"psnr": _psnr, "ssim": _ssim, "delta_e": _delta_e}[measure](distinct, shape)


def _psnr(_distinct: Distinct, _shape: tuple[int, int]) -> Gauge:
    def gauge(_palette: NDArray[np.uint8], _indices: NDArray[np.integer], mse: float) -> float | None:
        psnr = psnr_of(mse)
        return None if psnr is None else round(psnr, DIGITS)

    return gauge


def _ssim(distinct: Distinct, shape: tuple[int, int]) -> Gauge:
    reference = luma_of(distinct.colors())[distinct.inverse].reshape(shape)

    def gauge(palette: NDArray[np.uint8], indices: NDArray[np.integer], mse: float) -> float:
        return ssim(reference, luma_of(palette)[indices]) if mse else 1.0

    return gauge


def _delta_e(distinct: Distinct, _shape: tuple[int, int]) -> Gauge:
    lab, ranks = to_lab(distinct.colors()), distinct.inverse

    def gauge(palette: NDArray[np.uint8], indices: NDArray[np.integer], mse: float) -> float:
        if not mse:
            return 0.0
        # Each pair of a colour and its entry once; dithering gives a colour several entries.
        pairs, counts = _pairs(ranks, len(lab), indices.reshape(-1))
        return mean_ciede2000(lab[pairs // _ENTRIES], to_lab(palette)[pairs % _ENTRIES], counts)

    return gauge


def _pairs(
    ranks: NDArray[np.uint32], n: int, indices: NDArray[np.integer]
) -> tuple[NDArray[np.uint64], NDArray[np.integer]]:
    """Return the pairs of a colour's rank and an entry that occur, as rank * 256 + entry, and how often."""
    labels = np.empty(n, np.uint64)
    labels[ranks] = indices
    if np.array_equal(labels[ranks], indices):
        return np.arange(n, dtype=np.uint64) * _ENTRIES + labels, np.bincount(ranks, minlength=n)
    pairs, counts = np.unique(ranks * np.uint64(_ENTRIES) + indices, return_counts=True)
    return pairs, counts
