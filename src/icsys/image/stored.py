"""Reading what :mod:`icsys.image.encode` has written: indices and palette as stored, or the pixels that they show."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from icsys.image.formats import open_image
from icsys.image.npz import SIGNATURE

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_indexed(data: bytes) -> tuple[NDArray[np.integer], NDArray[np.uint8]] | None:
    """Return the indices and the palette that a file stores.

    Returns
    -------
    indices, palette
        Shape (H, W), uint8 or uint16, and shape (n, 3), or (n, 4) where an entry is transparent, uint8; None for a file
        that stores pixels.

    Raises
    ------
    ImageError, OSError
        If the bytes are no file that ICS writes, or a damaged one.
    """
    if data.startswith(SIGNATURE):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return (arrays["indices"], arrays["palette"]) if "indices" in arrays else None
    _, image = open_image(data)
    if image.mode != "P":
        return None
    image.load()
    mode = "RGBA" if "transparency" in image.info else "RGB"
    if mode == "RGBA":
        image.apply_transparency()
    return np.array(image), np.array(image.getpalette(mode), np.uint8).reshape(-1, len(mode))


def read_pixels(data: bytes) -> NDArray[np.uint8]:
    """Return the pixels that a file shows, shape (H, W, 3), uint8; what is transparent has its colour.

    Raises
    ------
    ImageError, OSError
        As for :func:`read_indexed`.
    """
    if data.startswith(SIGNATURE):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            pixels = arrays["palette"][arrays["indices"]] if "indices" in arrays else arrays["pixels"]
            return np.repeat(pixels[..., np.newaxis], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]  # noqa: PLR2004 - grey
    return np.array(open_image(data)[1].convert("RGB"))
