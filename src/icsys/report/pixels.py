"""Pictures for a page: from an output's bytes to pixels, and from pixels to a picture that a page can hold."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from icsys.image.decode import decode_photo
from icsys.image.png import encode_indexed, encode_truecolor
from icsys.options import MAX_INDEXED_COLORS, Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AS_IT_IS = Options(step=1, max_pixels=2**31 - 1)
_RGB_NDIM = 3


def read_pixels(data: bytes, options: Options = _AS_IT_IS) -> NDArray[np.uint8]:
    """Decode an image file; shape (H, W, 3), uint8, grey as three equal channels."""
    pixels = decode_photo(data, options).pixels
    return pixels if pixels.ndim == _RGB_NDIM else np.repeat(pixels[..., None], 3, axis=2)


def palette_of(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.integer], NDArray[np.uint8], NDArray[np.integer]]:
    """Return the indices (H, W), the colours (n, 3) and their pixel counts (n,), the most frequent colour first."""
    packed = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    found, indices, counts = np.unique(packed, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    colors = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1).astype(np.uint8)
    return place[indices.reshape(packed.shape)], colors[order], counts[order]


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a PNG file of these pixels (H, W, 3) as a data URI: indexed where the colours are few enough."""
    indices, palette, _ = palette_of(pixels)
    if len(palette) <= MAX_INDEXED_COLORS:
        png = encode_indexed(indices.astype(np.uint8), palette)
    else:
        png = encode_truecolor(pixels)
    return "data:image/png;base64," + base64.b64encode(png).decode()
