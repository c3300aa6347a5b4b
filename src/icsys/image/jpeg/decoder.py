"""Decode JPEG files, scaled down and checked inside the decoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg

from icsys.errors import ImageError
from icsys.image.geometry import decoder_shrink
from icsys.image.jpeg.integrity import decode_strictly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.image.faults import Faults
    from icsys.image.geometry import ResizePlan

MODES = {"L": "GRAY", "RGB": "RGB"}
"""Pillow's names of the modes that are decoded here; Pillow decodes CMYK."""
_LAYOUTS = {**MODES, "RGBX": "RGBX"}
# A shorter side has the same length at several of the decoder's scales.
_LEAST_SIDE = 64


def can_shrink(width: int, height: int, shrink: int) -> bool:
    """Return whether the decoder can scale an image of this size down by ``shrink`` (1, 2, 4 or 8)."""
    return shrink == 1 or min(width, height) >= _LEAST_SIDE


def shrink_for(stored: tuple[int, int], plan: ResizePlan, resample: str) -> int:
    """Return the factor, 1, 2, 4 or 8, by which the decoder scales each side of a stored picture down for a resize."""
    shrink = decoder_shrink(plan, resample)
    return shrink if can_shrink(*stored, shrink) else 1


def decode_jpeg(
    data: bytes, mode: str, size: tuple[int, int], shrink: int, *, keep: bool = False
) -> tuple[NDArray[np.uint8], Faults] | None:
    """Decode a JPEG, scaled by the discrete cosine transform.

    Parameters
    ----------
    data
        The file.
    mode
        "L" or "RGB", or "RGBX": Pillow's layout of RGB, which it takes without a copy.
    size
        Width and height in its header.
    shrink
        1, 2, 4 or 8, see :func:`can_shrink`.
    keep
        Keep what can be decoded of a damaged file.

    Returns
    -------
    pixels
        Shape (H, W, channels), uint8, each side divided by ``shrink`` and rounded up; as stored, not turned upright.
    faults
        What is wrong with the file.

    Returns None instead of both if this decoder cannot read the kind of JPEG.

    Raises
    ------
    ImageError
        ``corrupt`` for a file whose data are damaged or end early, ``broken`` for one that contradicts its header.
    """
    height, width = (-(-side // shrink) for side in size[::-1])
    scaled = partial(simplejpeg.decode_jpeg, colorspace=_LAYOUTS[mode], min_width=width, min_height=height)
    pixels, faults, mended = decode_strictly(scaled, data)
    if pixels is None:
        if faults.damage is None:
            return None
        if not keep:
            raise ImageError("corrupt", faults.damage)
        # Missing pixels stay black; the decoder reports no errors then.
        black = np.zeros(height * width * len(mode), np.uint8)
        pixels = scaled(mended, strict=False, buffer=black)
    if pixels.shape[:2] != (height, width):
        rows, columns = pixels.shape[:2]
        raise ImageError("broken", f"damaged JPEG: decoded to {columns}x{rows} pixels, not to {width}x{height}")
    return pixels, faults
