"""Measure the quality of palettes of one image, for a target of quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.quality_metrics import DIGITS, luma_of, mean_ciede2000, psnr_of, ssim, to_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.color.strategy_steps import Distinct

    PaletteMeasure = Callable[[NDArray[np.uint8], NDArray[np.integer], float], float | None]

_ENTRIES = 256
_RGBA, _OPAQUE = 4, 255


def palette_measure(measure: str, distinct: Distinct, shape: tuple[int, int]) -> PaletteMeasure:
    """Return a function that measures palettes of one image; what is the same for all palettes is computed once.

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
    measured
        (palette, shape (n, 3), or (n, 4) with alpha, uint8, n up to 256; indices of the pixels, shape (H, W); MSE
        summed over R, G and B) to the measure, rounded; None for the PSNR of no error. With alpha, SSIM and CIEDE2000
        are the worse of the values over black and over white, and PSNR is computed from the mean MSE of both.
    """
    return {"psnr": _psnr, "ssim": _ssim, "delta_e": _delta_e}[measure](distinct, shape)


def _psnr(_distinct: Distinct, _shape: tuple[int, int]) -> PaletteMeasure:
    def measured(_palette: NDArray[np.uint8], _indices: NDArray[np.integer], mse: float) -> float | None:
        psnr = psnr_of(mse)
        return None if psnr is None else round(psnr, DIGITS)

    return measured


def _ssim(distinct: Distinct, shape: tuple[int, int]) -> PaletteMeasure:
    references = [luma_of(colors)[distinct.inverse].reshape(shape) for colors in _shown(distinct.colors())]

    def measured(palette: NDArray[np.uint8], indices: NDArray[np.integer], mse: float) -> float:
        if not mse:
            return 1.0
        shown = [luma_of(entries)[indices] for entries in _shown(palette)]
        return min(ssim(reference, few) for reference, few in zip(references, shown, strict=True))

    return measured


def _delta_e(distinct: Distinct, _shape: tuple[int, int]) -> PaletteMeasure:
    labs, ranks = [to_lab(colors) for colors in _shown(distinct.colors())], distinct.inverse

    def measured(palette: NDArray[np.uint8], indices: NDArray[np.integer], mse: float) -> float:
        if not mse:
            return 0.0
        # Each pair of a colour and an entry is measured once; dithering gives a colour several entries.
        pairs, counts = _pairs(ranks, len(distinct), indices.reshape(-1))
        entries = [to_lab(colors) for colors in _shown(palette)]
        return max(
            mean_ciede2000(lab[pairs // _ENTRIES], few[pairs % _ENTRIES], counts)
            for lab, few in zip(labs, entries, strict=True)
        )

    return measured


def _shown(colors: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return the visible colours: opaque ones unchanged, others over black and over white."""
    if colors.shape[1] < _RGBA:
        return [colors]
    alpha = colors[:, 3:].astype(np.uint32)
    black = (colors[:, :3] * alpha + _OPAQUE // 2) // _OPAQUE
    return [black.astype(np.uint8), (black + _OPAQUE - alpha).astype(np.uint8)]


def _pairs(
    ranks: NDArray[np.uint32], n: int, indices: NDArray[np.integer]
) -> tuple[NDArray[np.uint64], NDArray[np.integer]]:
    """Return the pairs of a colour's rank and its entry, as rank * 256 + entry, with their numbers of pixels."""
    labels = np.empty(n, np.uint64)
    labels[ranks] = indices
    if np.array_equal(labels[ranks], indices):
        return np.arange(n, dtype=np.uint64) * _ENTRIES + labels, np.bincount(ranks, minlength=n)
    pairs, counts = np.unique(ranks * np.uint64(_ENTRIES) + indices, return_counts=True)
    return pairs, counts
