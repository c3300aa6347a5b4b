"""Pictures for a page: from an output's bytes to pixels, and from pixels to a picture that a page can hold."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icsys.image.decode import decode_photo
from icsys.image.png import encode_indexed, encode_truecolor
from icsys.options import MAX_INDEXED_COLORS
from icsys.pipeline import RGB_NDIM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.options import Options


def resized(data: bytes, options: Options) -> NDArray[np.uint8]:
    """Decode a source and make it smaller as a run does; shape (H, W, 3), uint8, grey as three equal channels."""
    pixels = decode_photo(data, options).pixels
    return pixels if pixels.ndim == RGB_NDIM else np.repeat(pixels[..., None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a picture, shape (n, 3), uint8, and how many pixels have each, shape (n,): most frequent first."""

    colors: NDArray[np.uint8]
    counts: NDArray[np.integer]


def palette_of(pixels: NDArray[np.uint8]) -> Palette:
    """Return the palette of a picture, shape (H, W, 3), uint8."""
    found, counts = np.unique(_packed(pixels), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Palette(_unpacked(found[order]), counts[order])


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a PNG file of these pixels (H, W, 3) as a data URI: indexed where the colours are few enough."""
    found, indices = np.unique(_packed(pixels), return_inverse=True)
    if len(found) <= MAX_INDEXED_COLORS:
        png = encode_indexed(indices.reshape(pixels.shape[:2]).astype(np.uint8), _unpacked(found))
    else:
        png = encode_truecolor(pixels)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _packed(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return each colour as one number, R highest."""
    return pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)


def _unpacked(numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=-1).astype(np.uint8)
