"""Indices packed into the bits that they need: 1, 2, 4, 8 or 16 a pixel, the first in the highest bits of a byte."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS_OF_PIXELS = (1, 2, 4, 8, 16)
_BYTE = 8


def bits_for(colors: int) -> int:
    """Return the fewest bits a pixel, 1, 2, 4, 8 or 16, that number this many colours.

    Raises
    ------
    UsageError
        If there are no colours, or more than 65536.
    """
    if not 1 <= colors <= 1 << BITS_OF_PIXELS[-1]:
        raise UsageError(f"{colors} colours: expected 1 to {1 << BITS_OF_PIXELS[-1]}")
    return next(bits for bits in BITS_OF_PIXELS if colors <= 1 << bits)


def index_dtype(bits: int) -> np.dtype[Any]:
    """Return the dtype of an array of packed indices: uint16 for 16 bits a pixel, else uint8.

    Raises
    ------
    UsageError
        If the bits are not 1, 2, 4, 8 or 16.
    """
    if bits not in BITS_OF_PIXELS:
        raise UsageError(f"{bits} bits a pixel: expected 1, 2, 4, 8 or 16")
    return np.dtype(np.uint16 if bits > _BYTE else np.uint8)


def packed_width(bits: int, width: int) -> int:
    """Return how many values of :func:`index_dtype` a row of ``width`` pixels takes."""
    return width if bits >= _BYTE else -(-width * bits // _BYTE)


def pack_rows(indices: NDArray[np.uint8] | NDArray[np.uint16], bits: int) -> NDArray[Any]:
    """Pack rows of indices, each row into whole bytes.

    Parameters
    ----------
    indices
        Shape (..., W), uint8, or uint16 where there are 16 bits; every one below ``2 ** bits``.
    bits
        Bits a pixel: 1, 2, 4, 8 or 16.

    Returns
    -------
    numpy.ndarray
        Shape (..., ceil(W * bits / 8)), uint8: the first pixel lies in the highest bits of the first byte, and zeros
        fill the last byte. With 8 and 16 bits, the indices as they are.

    Raises
    ------
    UsageError
        If the dtype or the bits are others, or an index needs more bits.
    """
    if indices.dtype != index_dtype(bits):
        raise UsageError(f"indices of {indices.dtype} at {bits} bits: expected {index_dtype(bits)}")
    if bits >= _BYTE:
        return indices
    if indices.size and int(indices.max()) >= 1 << bits:
        raise UsageError(f"index {int(indices.max())} at {bits} bits: expected indices below {1 << bits}")
    *outer, width = indices.shape
    pixels = _BYTE // bits
    count = packed_width(bits, width)
    padded = np.zeros((*outer, count * pixels), np.uint8)
    padded[..., :width] = indices
    groups = padded.reshape(*outer, count, pixels)
    packed = groups[..., 0].copy()
    for place in range(1, pixels):
        packed <<= bits
        packed |= groups[..., place]
    return packed


def unpack_rows(packed: NDArray[Any], bits: int, width: int) -> NDArray[Any]:
    """Return the indices of packed rows: the inverse of :func:`pack_rows`.

    Parameters
    ----------
    packed
        Shape (..., ceil(width * bits / 8)), uint8; shape (..., width), uint16, where there are 16 bits.
    bits
        Bits a pixel: 1, 2, 4, 8 or 16.
    width
        Pixels of a row.

    Returns
    -------
    numpy.ndarray
        Shape (..., width), uint8 or uint16. With 8 and 16 bits, the indices as they are.

    Raises
    ------
    UsageError
        If dtype, bits or shape are others.
    """
    dtype = index_dtype(bits)
    if packed.dtype != dtype or not packed.ndim or packed.shape[-1] != packed_width(bits, width):
        raise UsageError(
            f"packed rows {packed.shape} of {packed.dtype}, {width} pixels of {bits} bits: "
            f"expected (..., {packed_width(bits, width)}) of {dtype}"
        )
    if bits >= _BYTE:
        return packed
    indices = np.take(_pixels_of_bytes(bits), packed, mode="clip")  # every byte is in range: nothing is checked
    return indices.view(np.uint8)[..., :width]


@lru_cache(maxsize=3)
def _pixels_of_bytes(bits: int) -> NDArray[Any]:
    """Return the indices that each byte holds, side by side in one number, shape (256,)."""
    shifts = np.arange(_BYTE - bits, -1, -bits, dtype=np.uint8)
    indices = np.arange(1 << _BYTE, dtype=np.uint8)[:, None] >> shifts & np.uint8((1 << bits) - 1)
    return indices.view(f"u{len(shifts)}")[:, 0]
