"""The values that a file stores for its pixels: positions in its palette, or levels of grey."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.image.geometry import row_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_GREY_NDIM = 2
_GREY, _GREY_ALPHA, _RGB, _RGBA = 1, 2, 3, 4
_ALPHA = 3  # column of a palette
_CHANNELS = {_GREY: [0], _GREY_ALPHA: [0, _ALPHA], _RGB: [0, 1, 2], _RGBA: [0, 1, 2, _ALPHA]}


class StoredValues(NamedTuple):
    """The values of all pixels, and what they mean.

    Parameters
    ----------
    indices
        Shape (H, W), uint8.
    palette
        Shape (n, 3), or (n, 4) with alpha, uint8; n is more than the largest of the values.
    """

    indices: NDArray[np.uint8]
    palette: NDArray[np.uint8]


def palette_positions(image: Image.Image) -> StoredValues | None:
    """Return the stored values of a decoded picture with a palette; None for other pictures."""
    if image.mode != "P":
        return None
    colors = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, _RGB)
    palette = np.column_stack([colors, np.full(len(colors), 255, np.uint8)])
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        palette[: len(transparency), _ALPHA] = list(transparency)[: len(palette)]
    elif isinstance(transparency, int):
        palette[transparency : transparency + 1, _ALPHA] = 0
    palette[palette[:, _ALPHA] == 0] = 0
    return StoredValues(np.array(image), palette)


def values_to_keep(
    pixels: NDArray[np.uint8], positions: StoredValues | None, most: int, *, grey: bool
) -> StoredValues | None:
    """Return stored values that an indexed file of the same picture can have; None if there are none.

    Masks name classes by these values, so they are kept where all of them are below the requested number of colours.

    Parameters
    ----------
    pixels
        Shape (H, W), (H, W, 2), (H, W, 3) or (H, W, 4): the picture.
    positions
        Positions in the file's palette; None if it has none.
    most
        The requested number of colours.
    grey
        Whether the pixels are the levels of grey that the file stores.
    """
    if grey and pixels.ndim == _GREY_NDIM:
        levels = np.arange(int(pixels.max()) + 1, dtype=np.uint8)
        return StoredValues(pixels, levels[:, None].repeat(_RGB, 1)) if len(levels) <= most else None
    if positions is None or positions.indices.shape != pixels.shape[:_GREY_NDIM]:
        return None
    indices, palette = positions.indices, positions.palette[: int(positions.indices.max()) + 1]
    channels = _CHANNELS[pixels[0, 0].size]
    used = np.zeros(len(palette), bool)
    for top, bottom in row_bands(*pixels.shape[1::-1]):
        band = indices[top:bottom]
        if band.max() >= min(len(palette), most) or _differ(palette[:, channels][band], pixels[top:bottom]):
            return None
        used[band] = True
    if len(channels) <= _GREY_ALPHA and (palette[used, :1] != palette[used, :_RGB]).any():
        return None
    return StoredValues(indices, palette if _ALPHA in channels else palette[:, :_RGB])


def _differ(stored: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> bool:
    """Return whether pixels show anything else than the stored ones; the colours of clear pixels do not show."""
    if pixels.ndim == _GREY_NDIM:
        return bool((stored[..., 0] != pixels).any())
    different = (stored != pixels).any(axis=-1)
    if pixels.shape[-1] in {_GREY_ALPHA, _RGBA}:
        different &= (stored[..., -1] > 0) | (pixels[..., -1] > 0)
    return bool(different.any())
