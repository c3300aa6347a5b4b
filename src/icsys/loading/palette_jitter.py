"""Brightness, contrast, saturation and hue changed in palettes: some colours instead of all pixels of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_CHANNELS = 3
_HIGHEST, _MIDDLE = np.float32(255), np.float32(127.5)
# Luma of R, G and B as torchvision's rgb_to_grayscale has it (ITU-R BT.601).
_LUMA = np.array((0.2989, 0.587, 0.114), np.float32)
_SIXTHS = np.float32(6)  # of the circle of hues: from one primary or secondary colour to the next
_TINY = np.float32(1e-6)


def jitter_palettes(
    palettes: NDArray[np.uint8],
    brightness: ArrayLike | None = None,
    contrast: ArrayLike | None = None,
    saturation: ArrayLike | None = None,
    hue: ArrayLike | None = None,
) -> NDArray[np.uint8]:
    """Return palettes with other colours, as torchvision's ``adjust_…`` functions change those of images.

    The changes follow one another in the order of the parameters, each clipped to the levels that there are; the levels
    are rounded once, at the end. Factors of 1 and a hue of 0 leave a palette as it is.

    Parameters
    ----------
    palettes
        Shape (n, K, 3), uint8.
    brightness
        Factors of all levels, shape (n,), from 0 on; None for no change, as with the others.
    contrast
        Factors of the distance from middle grey, 127.5, shape (n,), from 0 on. torchvision takes the mean of the image
        instead, which only a pass over its pixels would tell.
    saturation
        Factors of the distance from the grey of the same luma, shape (n,), from 0 on.
    hue
        Turns of the circle of hues of HSV, shape (n,), from -0.5 to 0.5.

    Returns
    -------
    numpy.ndarray
        Shape (n, K, 3), uint8.

    Raises
    ------
    UsageError
        If a shape, a type or a number is another.

    Notes
    -----
    Hue keeps the highest and the lowest of the three levels, as value and chroma of HSV stay: A. R. Smith, "Color gamut
    transform pairs", SIGGRAPH 1978.
    """
    if palettes.ndim != _CHANNELS or palettes.shape[2] != _CHANNELS or palettes.dtype != np.uint8:
        raise UsageError(f"palettes {palettes.shape} of {palettes.dtype}: expected (n, K, 3) of uint8")
    count = len(palettes)
    # One plane a channel: every step below runs over memory in order.
    levels = np.ascontiguousarray(np.moveaxis(palettes, 2, 0), np.float32)
    if brightness is not None:
        levels *= _factors("brightness", brightness, count)
        np.minimum(levels, _HIGHEST, out=levels)
    if contrast is not None:
        levels -= _MIDDLE
        levels *= _factors("contrast", contrast, count)
        levels += _MIDDLE
        levels.clip(0, _HIGHEST, out=levels)
    if saturation is not None:
        grey = np.einsum("c,cnk->nk", _LUMA, levels)
        levels -= grey
        levels *= _factors("saturation", saturation, count)
        levels += grey
        levels.clip(0, _HIGHEST, out=levels)
    if hue is not None:
        _turn_hues(levels, _factors("hue", hue, count, -0.5, 0.5))
    changed = np.empty_like(palettes, order="C")
    np.rint(levels, out=levels)
    changed[...] = np.moveaxis(levels, 0, 2)
    return changed


def _turn_hues(levels: NDArray[np.float32], turns: NDArray[np.float32]) -> None:
    """Turn the hues of colours, shape (3, n, K), in place."""
    red, green, blue = levels
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    chroma = highest - lowest
    scale = 1 / np.maximum(chroma, _TINY)  # greys have no hue: whatever it is, chroma 0 hides it
    sixths = np.where(
        highest == red,
        (green - blue) * scale,
        np.where(highest == green, (blue - red) * scale + 2, (red - green) * scale + 4),
    )
    sixths += turns * _SIXTHS
    sixths -= _SIXTHS * np.floor(sixths / _SIXTHS)
    # How much of the chroma each channel has, from 0 to 1, rises and falls along the circle.
    for channel, (middle, above) in enumerate(((3, True), (2, False), (4, False))):
        part = np.abs(sixths - middle)
        part = part - 1 if above else 2 - part
        part.clip(0, 1, out=part)
        part *= chroma
        np.add(part, lowest, out=levels[channel])


def _factors(name: str, values: ArrayLike, count: int, low: float = 0, high: float = np.inf) -> NDArray[np.float32]:
    """Return a number for each palette, shape (n, 1)."""
    try:
        numbers = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        numbers = np.empty(0, np.float32)
    if numbers.shape != (count,):
        raise UsageError(f"{name} of shape {np.shape(values)}: expected ({count},), a number for each palette")
    wrong = ~((numbers >= low) & (numbers <= high) & np.isfinite(numbers))
    if wrong.any():
        expected = f"numbers from {low:g} to {high:g}" if np.isfinite(high) else f"finite numbers from {low:g} on"
        raise UsageError(f"{name}={numbers[wrong][0]:g}: expected {expected}")
    return numbers[:, None]
