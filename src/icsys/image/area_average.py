"""Average pixels over areas: each source pixel is weighted by the share that an output pixel covers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from icsys.image.color_conversion import channels, plain_mode, to_plain
from icsys.image.geometry import BAND_PIXELS
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Edges = NDArray[np.float64]

# Colours are weighted with their alpha, so transparent pixels add nothing.
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}


def average_areas(
    pixels: NDArray[np.uint8], x: Edges, y: Edges, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Average pixels over rectangles.

    Parameters
    ----------
    pixels
        Shape (H, W, channels) with 1 to 4 channels, uint8, C-contiguous.
    x, y
        Rising edges between output columns and between output rows, shapes (w + 1,) and (h + 1,), from 0 to W and
        to H, in pixels.
    out
        Array to write to and return, shape (h, w, channels), uint8, C-contiguous; a new one if left out.
    """
    height, width, depth = pixels.shape
    columns, rows = len(x) - 1, len(y) - 1
    if out is None:
        out = np.empty((rows, columns, depth), np.uint8)
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    inside = 0 <= x[0] <= x[-1] <= width and 0 <= y[0] <= y[-1] <= height
    if out.shape != (rows, columns, depth) or not inside:
        raise ValueError(f"edges {x[[0, -1]]} and {y[[0, -1]]}, out {out.shape}: expected within {pixels.shape}")
    source, target = address(pixels, np.uint8), address(out, np.uint8)
    edges = address(x, np.float64), columns, address(y, np.float64), rows
    KERNELS.average_area(source, width * depth, width, depth, *edges, target)
    return out


def average_image(image: Image.Image, x: Edges, y: Edges) -> Image.Image:
    """Average a picture over rectangles.

    Parameters
    ----------
    image
        Any mode that :func:`~icsys.image.color_conversion.to_plain` takes.
    x, y
        As for :func:`average_areas`.

    Returns
    -------
    PIL.Image.Image
        Mode L, LA, RGB, RGBA or CMYK.
    """
    plain = plain_mode(image)
    mode = _PREMULTIPLIED.get(plain, plain)
    out = np.empty((len(y) - 1, len(x) - 1, channels(image)), np.uint8)
    left, right = math.floor(x[0]), math.ceil(x[-1])
    rows_per_band = max(1, int(BAND_PIXELS / (right - left) * len(out) / (y[-1] - y[0])))
    for first in range(0, len(out), rows_per_band):
        edges = y[first : first + rows_per_band + 1]
        top, bottom = math.floor(edges[0]), math.ceil(edges[-1])
        band = to_plain(image, (left, top, right, bottom))
        pixels = np.asarray(band if band.mode == mode else band.convert(mode))
        pixels = pixels.reshape(bottom - top, right - left, -1)
        average_areas(pixels, x - left, edges - top, out[first : first + rows_per_band])
    small = Image.frombytes(mode, (len(x) - 1, len(y) - 1), out)
    return small if mode == plain else small.convert(plain)
