"""Measures of quality: how much reduced colours differ from the original ones (PSNR, SSIM, CIEDE2000).

Values that decide something are rounded to :data:`DIGITS` decimals, because the last bits of sines and roots differ
between machines.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from icsys.color.oklab import LINEAR
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS = 6

_PEAK = 255
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
_SIGMA, _RADIUS = 1.5, 5  # pixels
_PAIRS = 2**13  # worked on at once, so that their data stay in the processor's cache
_LUMA = (299, 587, 114)  # thousandths
# To CIE XYZ under D65, with white at 1, 1, 1: IEC 61966-2-1.
_XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / np.array([[0.95047], [1.0], [1.08883]])


def psnr_of(mse: float) -> float | None:
    """Return the PSNR in decibels of a squared error that is summed over R, G and B; None for no error at all."""
    return 10 * math.log10(3 * _PEAK**2 / mse) if mse else None


def luma_of(colors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma (Rec. 601) of colours, shape (n, 3) or grey (n, 1), uint8, as 0 to 255, shape (n,)."""
    if colors.shape[1] == 1:
        return colors[:, 0].astype(np.float32)
    red, green, blue = (np.uint32(share) * colors[:, channel] for channel, share in enumerate(_LUMA))
    return (red + green + blue).astype(np.float32) / np.float32(1000)


def ssim(reference: NDArray[np.float32], shown: NDArray[np.float32]) -> float:
    """Return the mean structural similarity SSIM of two pictures, at most 1, rounded.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity"
    (2004): windows of 11 x 11 pixels with Gaussian weights of sigma 1.5, the mean over all that lie inside; K1 = 0.01,
    K2 = 0.03. A side below 11 pixels makes the window the largest of odd size that fits. Sums are of float32:
    the last decimal may be wrong for a picture and its reduction, and the fourth for plain black against plain white.

    Parameters
    ----------
    reference, shown
        Luma, shape (H, W), float32, C-contiguous, both alike.
    """
    radius = window_radius(*reference.shape)
    return mean_of_windows(similarity_of_windows(reference, shown, radius), *reference.shape)


def window_radius(height: int, width: int) -> int:
    """Return how many pixels the windows of :func:`ssim` reach from their middle in a picture of this size."""
    return min(_RADIUS, (min(height, width) - 1) // 2)


def mean_of_windows(total: float, height: int, width: int) -> float:
    """Return SSIM from the sum over all windows of a picture of this size, rounded."""
    radius = window_radius(height, width)
    return round(total / ((height - 2 * radius) * (width - 2 * radius)), DIGITS)


def similarity_of_windows(reference: NDArray[np.float32], shown: NDArray[np.float32], radius: int) -> float:
    """Return the sum of the structural similarity over all windows that lie inside; arguments as for :func:`ssim`.

    Each window counts by itself, so bands of rows that overlap by ``2 * radius`` add up to the whole.
    """
    height, width = reference.shape
    weights = _window(radius)
    sums = np.empty(width - 2 * radius)
    KERNELS.similarity(
        address(reference, np.float32),
        address(shown, np.float32),
        height,
        width,
        radius,
        address(weights, np.float32),
        _PEAK / 2,
        _C1,
        _C2,
        address(sums, np.float64),
    )
    return math.fsum(sums.tolist())


@cache
def _window(radius: int) -> NDArray[np.float32]:
    """Return the weights of a row of the window, from its middle to its end, shape (radius + 1,), float32."""
    weights = np.exp(-0.5 * np.square(np.arange(radius + 1) / _SIGMA))
    return (weights / (weights.sum() + weights[1:].sum())).astype(np.float32)


def to_lab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert sRGB colours, shape (n, 3) or grey (n, 1), uint8, to CIE L*a*b* under D65, shape (n, 3).

    Examples
    --------
    >>> import numpy as np
    >>> to_lab(np.array([[255, 0, 0]], np.uint8)).round(1)
    array([[53.2, 80.1, 67.2]])
    """
    xyz = LINEAR[np.broadcast_to(colors, (len(colors), 3))] @ _XYZ_FROM_RGB.T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)  # noqa: PLR2004 - the standard's
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def mean_ciede2000(first: NDArray[np.float64], second: NDArray[np.float64], counts: NDArray[np.number]) -> float:
    """Return the mean colour difference of pairs of L*a*b* colours, each shape (n, 3), that occur ``counts`` times."""
    parts = [slice(start, start + _PAIRS) for start in range(0, len(counts), _PAIRS)]
    weighted = (ciede2000(first[part], second[part]) * counts[part] for part in parts)
    total = math.fsum(value for part in weighted for value in part.tolist())
    return round(total / float(counts.sum()), DIGITS)


def ciede2000(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colour differences CIEDE2000 of pairs of L*a*b* colours, each shape (n, 3).

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations" (2005), with the weights kL, kC and kH at 1.

    Examples
    --------
    >>> import numpy as np
    >>> ciede2000(np.array([[50, 2.5, 0]]), np.array([[73, 25, -18]])).round(4)
    array([27.1492])
    """
    (l1, a1, b1), (l2, a2, b2) = first.T, second.T
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * _share_of_high(chroma)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    turn = 2 * np.pi
    h1, h2 = np.arctan2(b1, a1) % turn, np.arctan2(b2, a2) % turn
    grey = c1 * c2 == 0
    between = h2 - h1
    between -= turn * np.rint(between / turn)
    between[grey] = 0
    # The mean hue on the shorter arc; of a grey and a colour, the hue of the colour.
    hue = np.where(grey, h1 + h2, h1 + between / 2)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(hue - np.pi / 6) + 0.24 * np.cos(2 * hue)
    t += 0.32 * np.cos(3 * hue + np.pi / 30) - 0.20 * np.cos(4 * hue - 0.35 * np.pi)
    from_middle = np.square(lightness - 50)
    dl = (l2 - l1) / (1 + 0.015 * from_middle / np.sqrt(20 + from_middle))
    dc = (c2 - c1) / (1 + 0.045 * chroma)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(between / 2) / (1 + 0.015 * chroma * t)
    degrees = np.degrees(hue) % 360
    angle = (np.pi / 3) * np.exp(-np.square((degrees - 275) / 25))
    rotation = -2 * _share_of_high(chroma) * np.sin(angle)
    squared = np.square(dl) + np.square(dc) + np.square(dh) + rotation * dc * dh
    return np.sqrt(np.maximum(squared, 0))


def _share_of_high(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight, from 0 to 1, of the correction for high chroma."""
    power = chroma**7
    return np.sqrt(power / (power + 25.0**7))
