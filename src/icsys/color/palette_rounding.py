"""The stored palette: centres rounded to 8 bits, in the order of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.choices import MAX_COLORS
from icsys.color import alpha_points
from icsys.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_RGB = 3
_LEVELS = 255
_LUMA = np.array([299, 587, 114])
_RGBA = 4
_OPAQUE = 255


def index_type(n_colors: int) -> type[np.uint8 | np.uint16]:
    """Return the smallest dtype that holds every index of a palette: one byte up to 256 colours, else two."""
    return np.uint8 if n_colors <= 256 else np.uint16  # noqa: PLR2004 - what a byte holds


def check_palette(palette: ArrayLike) -> NDArray[np.uint8]:
    """Check a user's palette: k rows of R, G and B, whole numbers from 0 to 255, k from 1 to 65536.

    Raises
    ------
    UsageError
        If it is anything else.
    """
    expected = f"expected shape (k, 3), k from 1 to {MAX_COLORS}, whole numbers from 0 to {_LEVELS}"
    try:
        colors = np.asarray(palette)
    except ValueError:
        raise UsageError(f"palette with rows of different lengths: {expected}") from None
    if colors.ndim != 2 or colors.shape[1] != _RGB or not 1 <= len(colors) <= MAX_COLORS:  # noqa: PLR2004 - rows of colours
        raise UsageError(f"palette of shape {colors.shape}: {expected}")
    if colors.dtype.kind not in "ui" or colors.min() < 0 or colors.max() > _LEVELS:
        raise UsageError(f"palette of {colors.dtype} from {colors.min()} to {colors.max()}: {expected}")
    return np.ascontiguousarray(colors, np.uint8)


def store_centers(centers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round centres, shape (n, channels), in 0 to 255, to the distinct uint8 colours that a file stores."""
    return distinct_colors(np.rint(np.clip(centers, 0, 255)).astype(np.uint8))


def distinct_colors(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the distinct rows of colours, shape (n, channels), in rising order."""
    # Like numpy.unique, which loads modules for longer than most images take.
    channels = colors.shape[1]
    shifts = np.arange(8 * (channels - 1), -1, -8, dtype=np.uint32)
    packed = np.sort((colors.astype(np.uint32) << shifts).sum(axis=1, dtype=np.uint32))
    packed = packed[np.concatenate(([True], packed[1:] != packed[:-1]))]
    return (packed[:, None] >> shifts).astype(np.uint8)


def colors_to_points(colors: NDArray[np.uint8], space: str) -> NDArray[np.floating]:
    """Convert colours, shape (n, channels), to points of the colour space ``space``.

    sRGB levels are whole numbers below 2^8, their squared distances below 2^24: float32 is exact. Oklab is float64,
    its axes scaled to perceived differences. Colours with alpha are float64 too, see :mod:`icsys.color.alpha_points`.
    """
    if colors.shape[1] == _RGBA:
        return alpha_points.rgba_to_points(colors)
    if space == "oklab":
        from icsys.color.oklab import DISTANCE_SCALE, to_oklab  # noqa: PLC0415 - few runs need it

        return to_oklab(colors if colors.shape[1] > 1 else np.repeat(colors, 3, axis=1)) * DISTANCE_SCALE
    return colors.astype(np.float32)


def centers_to_palette(centers: NDArray[np.floating], space: str, channels: int) -> NDArray[np.uint8]:
    """Convert centres in the colour space ``space`` to distinct colours as stored, shape (n, channels), uint8."""
    if channels == _RGBA:
        return distinct_colors(alpha_points.points_to_rgba(centers))
    if space == "oklab":
        from icsys.color.oklab import DISTANCE_SCALE, from_oklab  # noqa: PLC0415 - few runs need it

        centers = from_oklab(centers / DISTANCE_SCALE)[:, :channels]
    return store_centers(centers)


def tidy(palette: NDArray[np.uint8], labels: NDArray[np.integer]) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Drop unused entries, and order the others from dark to light.

    Rows of a PNG are filtered before they are compressed, so neighbouring indices should be similar colours. Ordering
    by luma (Rec. 601) takes microseconds; chains built from the co-occurrence of neighbours (Zeng's, Battiato's) were
    measured to give from 1 % fewer to 2 % more bytes. Translucent entries come first, because a PNG stores the alpha
    of all entries up to the last translucent one; so (0, 0, 0, 0) comes before all others.

    Parameters
    ----------
    palette
        Shape (n, channels), uint8.
    labels
        Indices into it, any shape.

    Returns
    -------
    palette, labels
        The same colours in the new order, and the labels in the smallest dtype that holds them.
    """
    used = np.zeros(len(palette), np.bool_)
    used[labels] = True
    kept = np.flatnonzero(used)
    kept = kept[np.argsort(_place(palette[kept]), kind="stable")]
    rank = np.empty(len(palette), index_type(len(kept)))
    rank[kept] = np.arange(len(kept))
    return palette[kept], rank.take(labels)


def _place(palette: NDArray[np.uint8]) -> NDArray[np.integer]:
    """Return the sort key of each entry."""
    luma: NDArray[np.integer] = palette[:, :3] @ (_LUMA if palette.shape[1] > 1 else _LUMA[:1])
    if palette.shape[1] != _RGBA:
        return luma
    opacity = palette[:, 3].astype(np.int64)
    # By the luma of the stored colour. On soft edges, the luma over black gave 2 % more bytes, over
    # white 5 %.
    return ((opacity == _OPAQUE) << 32) + (luma << 8) + opacity
