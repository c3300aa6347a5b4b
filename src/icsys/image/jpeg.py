"""JPEG files to pixels, made smaller inside the decoder and checked by it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from icsys.errors import ImageError
from icsys.image.integrity import jpeg_damage, mend_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MODES = {"L": "GRAY", "RGB": "RGB"}
"""Pillow's names of the modes of files that are decoded here; CMYK is left to Pillow."""
_LAYOUTS = {**MODES, "RGBX": "RGBX"}
# Smaller sides have one length at several of the decoder's scales.
_LEAST_SIDE = 64


def can_shrink(width: int, height: int, shrink: int) -> bool:
    """Tell whether the decoder can make an image of this size smaller by ``shrink`` (1, 2, 4 or 8)."""
    return shrink == 1 or min(width, height) >= _LEAST_SIDE


def decode_jpeg(
    data: bytes, mode: str, size: tuple[int, int], shrink: int, *, keep: bool = False
) -> tuple[NDArray[np.uint8], str | None] | None:
    """Decode a JPEG, scaled by the discrete cosine transform.

    Parameters
    ----------
    data
        The file.
    mode
        "L" or "RGB", or "RGBX": as Pillow holds RGB, so that it takes the pixels without a copy.
    size
        Width and height that its header tells.
    shrink
        1, 2, 4 or 8, see :func:`can_shrink`.
    keep
        Keep what can be decoded of a damaged file.

    Returns
    -------
    pixels
        Shape (H, W, channels), uint8, each side divided by ``shrink`` and rounded up; as stored, not turned upright.
    warning
        What is wrong with a damaged file that was kept; None for all others.

    None stands for both where the file is of a kind that this decoder does not know.

    Raises
    ------
    ImageError
        ``corrupt`` for a file whose data are damaged or end early, ``broken`` for one that contradicts its header.
    """
    height, width = (-(-side // shrink) for side in size[::-1])
    scaled = partial(simplejpeg.decode_jpeg, colorspace=_LAYOUTS[mode], min_width=width, min_height=height)
    warning = None
    try:
        pixels = _strictly(scaled, data)
    except ValueError as error:
        warning = jpeg_damage(str(error))
        if warning is None:
            return None
        if not keep:
            raise ImageError("corrupt", warning) from None
        # What the decoder leaves out stays black; errors it does not tell of then.
        black = np.zeros(height * width * len(mode), np.uint8)
        pixels = scaled(data, strict=False, buffer=black)
    if pixels.shape[:2] != (height, width):
        rows, columns = pixels.shape[:2]
        raise ImageError("broken", f"damaged JPEG: decoded to {columns}x{rows} pixels, not to {width}x{height}")
    return pixels, warning


def _strictly(scaled: Callable[..., NDArray[np.uint8]], data: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG that is whole but for what decoders need not mind.

    Raises
    ------
    ValueError
        For any other; its text is what libjpeg says.
    """
    try:
        return scaled(data, strict=True)
    except ValueError as error:
        return scaled(mend_jpeg(data, str(error)), strict=True)
