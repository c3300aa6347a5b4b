"""YCbCr in a TIFF: units of several luma samples with one pair of chroma samples, and the way to RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.ExifTags import Base

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from icsys.image.tiff.kinds import Kind
    from icsys.image.tiff.sample_bytes import Layout

_COEFFICIENTS = (0.299, 0.587, 0.114)  # of ITU-R BT.601, the default (TIFF 6.0, section 21)
_RANGES = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)  # ReferenceBlackWhite of full range, as JPEG has it
_CHROMA = 127.0


def whole_pixels(rows: NDArray[np.uint8], kind: Kind, layout: Layout) -> NDArray[np.uint8]:
    """Return rows of units as pixels, shape (rows * units down, width, 3); each chroma sample is repeated."""
    across, down = kind.subsampling
    luma = across * down
    units = rows.reshape(len(rows), -1, luma + kind.samples - 1)
    pixels = np.empty((len(rows) * down, units.shape[1] * across, 3), np.uint8)
    pixels[..., 0] = (
        units[..., :luma].reshape(len(rows), -1, down, across).transpose(0, 2, 1, 3).reshape(pixels.shape[:2])
    )
    pixels[..., 1:] = units[..., luma : luma + 2].repeat(down, axis=0).repeat(across, axis=1)
    return pixels[:, : layout.width]


def to_rgb(colors: NDArray[np.uint8], tags: Mapping[int, Any]) -> NDArray[np.uint8]:
    """Convert YCbCr to RGB with the coefficients and the range in the tags (TIFF 6.0, sections 20 and 21)."""
    red, green, blue = _fractions(tags, Base.YCbCrCoefficients, _COEFFICIENTS)
    ranges = _fractions(tags, Base.ReferenceBlackWhite, _RANGES)
    if green == 0 or any(white == black for black, white in zip(ranges[::2], ranges[1::2], strict=True)):
        raise ImageError("broken", "YCbCr with a coefficient or a range of zero")
    scaled = [
        (colors[..., index].astype(np.float64) - ranges[2 * index])
        * ((255.0 if index == 0 else _CHROMA) / (ranges[2 * index + 1] - ranges[2 * index]))
        for index in range(3)
    ]
    luma, cb, cr = scaled
    pixels = np.empty(colors.shape, np.float64)
    pixels[..., 0] = luma + cr * (2 - 2 * red)
    pixels[..., 2] = luma + cb * (2 - 2 * blue)
    pixels[..., 1] = (luma - red * pixels[..., 0] - blue * pixels[..., 2]) / green
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _fractions(tags: Mapping[int, Any], tag: int, default: tuple[float, ...]) -> tuple[float, ...]:
    """Return the fractions of a tag, as many as the default has."""
    try:
        values = tuple(float(value) for value in tags.get(tag, default))
    except (TypeError, ValueError, ZeroDivisionError):
        values = ()
    if len(values) != len(default) or not np.isfinite(values).all():
        raise ImageError("broken", f"a TIFF whose tag {int(tag)} holds no {len(default)} fractions")
    return values
