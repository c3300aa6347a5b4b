"""Count the distinct values of a mask's pixels, and stop at too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.image.geometry import row_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREY_NDIM = 2


def count_values(values: NDArray[np.uint8] | NDArray[np.uint16], most: int) -> int | None:
    """Return the number of distinct values of pixels; None if they are more than ``most``.

    Parameters
    ----------
    values
        Shape (H, W), or (H, W, channels), where a value is that of all channels together; uint8 or uint16.
    """
    height, width = values.shape[:2]
    found: NDArray[Any] = np.empty(0, np.uint64)
    for top, bottom in row_bands(width, height):
        band = values[top:bottom]
        if band.ndim == _GREY_NDIM:
            numbers: NDArray[Any] = np.flatnonzero(np.bincount(band.ravel())).astype(np.uint64)
        else:
            numbers = np.unique(_without_runs(_as_numbers(band)))
        found = np.union1d(found, numbers)
        if len(found) > most:
            return None
    return len(found)


def _as_numbers(band: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Return all channels of each pixel as one number, shape (pixels,)."""
    bits = np.uint64(8 * band.itemsize)
    numbers = np.zeros(band.shape[:2], np.uint64)
    for channel in range(band.shape[2]):
        numbers <<= bits
        numbers |= band[..., channel]
    return numbers.ravel()


def _without_runs(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the first number of each run of equal ones: in a mask, few are left."""
    return numbers[np.concatenate([[True], numbers[1:] != numbers[:-1]])]
