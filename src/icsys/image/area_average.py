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
    return Areas(x, y, pixels.shape[1::-1]).average(pixels, out)


class Areas:
    """The rectangles that pixels of pictures of one size are averaged over.

    Parameters
    ----------
    x, y
        As for :func:`average_areas`; not to be changed any more.
    size
        Width and height of the pictures.

    Raises
    ------
    ValueError
        If the edges lie outside the pictures.
    """

    def __init__(self, x: Edges, y: Edges, size: tuple[int, ...]) -> None:
        self._x, self._y = np.ascontiguousarray(x), np.ascontiguousarray(y)  # their memory is read by its address
        self._size = self._width, self._height = size[0], size[1]
        self._columns, self._rows = len(x) - 1, len(y) - 1
        if not (0 <= x[0] <= x[-1] <= self._width and 0 <= y[0] <= y[-1] <= self._height):
            raise ValueError(f"edges {x[[0, -1]]} and {y[[0, -1]]}: expected within {self._width}x{self._height}")
        self._edges = address(self._x, np.float64), self._columns, address(self._y, np.float64), self._rows

    def average(self, pixels: NDArray[np.uint8], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Average the pixels of a picture as :func:`average_areas` does."""
        height, width, depth = pixels.shape
        shape = self._rows, self._columns, depth
        if out is None:
            out = np.empty(shape, np.uint8)
        if (width, height) != self._size or out.shape != shape:
            raise ValueError(f"pixels {pixels.shape}, out {out.shape}: expected {self._height}x{self._width}, {shape}")
        source, target = address(pixels, np.uint8), address(out, np.uint8)
        KERNELS.average_area(source, width * depth, width, depth, *self._edges, target)
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
