"""JPEG files to pixels, made smaller inside the decoder and checked by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simplejpeg

from icsys.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODES = {"L": "GRAY", "RGB": "RGB"}
"""Pillow's names of the modes that are decoded here; CMYK is left to Pillow."""
# Smaller sides have one length at several of the decoder's scales.
_LEAST_SIDE = 64


def can_shrink(width: int, height: int, shrink: int) -> bool:
    """Tell whether the decoder can make an image of this size smaller by ``shrink`` (1, 2, 4 or 8)."""
    return shrink == 1 or min(width, height) >= _LEAST_SIDE


def decode_jpeg(data: bytes, mode: str, size: tuple[int, int], shrink: int) -> NDArray[np.uint8]:
    """Decode a JPEG, scaled by the discrete cosine transform.

    Parameters
    ----------
    data
        The file.
    mode
        "L" or "RGB".
    size
        Width and height that its header tells.
    shrink
        1, 2, 4 or 8, see :func:`can_shrink`.

    Returns
    -------
    numpy.ndarray
        Shape (H, W, channels), uint8, each side divided by ``shrink`` and rounded up; as stored, not turned upright.

    Raises
    ------
    ImageError
        ``broken`` for a file whose data are damaged or end early, also where a decoder could guess the rest.
    """
    width, height = (-(-side // shrink) for side in size)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, MODES[mode], min_width=width, min_height=height)
    except ValueError as error:
        raise ImageError("broken", f"damaged JPEG: {error}") from error
    if pixels.shape[:2] != (height, width):
        raise ImageError(
            "broken", f"damaged JPEG: it holds {pixels.shape[1]}x{pixels.shape[0]} pixels, not {width}x{height}"
        )
    return pixels
