"""The numbers of a mask that ICS has written, as readers of the file see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.image.masks.stored_mask import read_mask
from icsys.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH, _KIND = 24, 25  # where a PNG has the bits of a number, and its colour type
_GREY, _PALETTE = 0, 3
_WORD = 16
_SCALES = {2: 85, 4: 17}
_PLANE = 2  # axes of an array without channels


def mask_dtype(data: bytes) -> np.dtype[Any] | None:
    """Return the type that holds the numbers of a mask, from the first bytes of its file.

    Returns
    -------
    numpy.dtype
        uint8, or uint16 for 16 bits; None if a pixel has several numbers, such as those of a colour, or it is no PNG.
    """
    if not data.startswith(_SIGNATURE) or len(data) <= _KIND or data[_KIND] not in {_GREY, _PALETTE}:
        return None
    return np.dtype(np.uint16 if data[_DEPTH] == _WORD else np.uint8)


def mask_numbers(data: bytes) -> NDArray[Any]:
    """Return the numbers of a mask for which :func:`mask_dtype` names a type, shape (H, W), uint8 or uint16.

    Of a palette they are positions. Grey of 2 and 4 bits is multiplied by 85 and 17, as Pillow, OpenCV and torchvision
    show it.

    Raises
    ------
    ImageError
        If the file cannot be read.
    """
    with read_mask(data, Options()) as mask:
        if mask.mode == "L" and mask.values.ndim == _PLANE:
            return (mask.values * np.uint8(_SCALES.get(mask.depth, 1))).astype(mask.values.dtype)
        return mask.values
