"""Dithering, for pictures that people look at; to a model it is noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRIES = 256


def floyd_steinberg(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Map pixels to a palette and spread each error over the neighbours that follow (Floyd and Steinberg, 1976).

    Parameters
    ----------
    pixels
        Shape (H, W, 3) or (H, W), uint8.
    palette
        Shape (n, 3), uint8, n up to 256.

    Returns
    -------
    indices
        Shape (H, W), uint8.
    """
    # Pillow searches all 256 entries of a palette, so unused entries repeat a colour that is ours.
    entries = np.concatenate([palette, np.repeat(palette[-1:], _ENTRIES - len(palette), axis=0)])
    shown = Image.new("P", (1, 1))
    shown.putpalette(entries.tobytes())
    image = Image.fromarray(pixels).convert("RGB")
    indices = np.asarray(image.quantize(palette=shown, dither=Image.Dither.FLOYDSTEINBERG))
    return np.minimum(indices, np.uint8(len(palette) - 1))
