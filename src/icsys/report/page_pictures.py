"""Pictures for a page: resized sources, their palettes, and pixels as data URIs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icsys.choices import MAX_INDEXED_COLORS
from icsys.color.strategy_steps import distinct_of, keep_all
from icsys.image.decode import decode_photo
from icsys.image.png_encoder import encode_indexed, encode_truecolor
from icsys.pipeline.reduce_colors import RGB_NDIM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.options import Options

_COUNTED_AT_ONCE = 2**18  # pixels


def resized(data: bytes, options: Options) -> NDArray[np.uint8]:
    """Decode and resize a source as a run does; shape (H, W, 3), uint8, grey as three equal channels.

    Transparent pixels are laid over the background, even if the run keeps alpha.
    """
    pixels = decode_photo(data, options.replace(alpha="flatten")).pixels
    return pixels if pixels.ndim == RGB_NDIM else np.repeat(pixels[..., None], 3, axis=2)


@dataclass(frozen=True, slots=True)
class CountedPalette:
    """The colours of a picture, shape (n, 3), uint8, with their numbers of pixels, shape (n,), most frequent first."""

    colors: NDArray[np.uint8]
    counts: NDArray[np.integer]


def palette_of(pixels: NDArray[np.uint8]) -> CountedPalette:
    """Return the palette of a picture, shape (H, W, 3), uint8."""
    distinct = distinct_of(np.ascontiguousarray(pixels.reshape(-1, 3)))
    return _most_frequent_first(distinct.colors(), distinct.counts.astype(np.int64))


def palette_of_indices(indices: NDArray[np.integer], palette: NDArray[np.uint8]) -> CountedPalette:
    """Return the palette of ``palette[indices]`` without making its pixels; indices have any shape, entries (n, 3)."""
    counts = np.zeros(len(palette), np.int64)
    flat = indices.reshape(-1)
    for start in range(0, len(flat), _COUNTED_AT_ONCE):  # NumPy counts a copy of eight bytes an index
        counts += np.bincount(flat[start : start + _COUNTED_AT_ONCE], minlength=len(palette))
    used = counts > 0
    colors, places = np.unique(palette[used], axis=0, return_inverse=True)
    merged = np.zeros(len(colors), np.int64)
    np.add.at(merged, places.reshape(-1), counts[used])
    return _most_frequent_first(colors, merged)


def _most_frequent_first(colors: NDArray[np.uint8], counts: NDArray[np.int64]) -> CountedPalette:
    # Equally frequent colours are ordered by R, G and B.
    order = np.lexsort((*colors.T[::-1], -counts))
    return CountedPalette(colors[order], counts[order])


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of these pixels (H, W, 3): indexed if there are at most 256 colours."""
    distinct = distinct_of(np.ascontiguousarray(pixels.reshape(-1, 3)))
    if len(distinct) > MAX_INDEXED_COLORS:
        return encode_truecolor(pixels)
    few = keep_all(distinct)
    return encode_indexed(few.indices.astype(np.uint8, copy=False).reshape(pixels.shape[:2]), few.palette)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return a PNG file of these pixels as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png_of(pixels)).decode()
