"""The steps that all strategies share: find the distinct colours of an image, and map every pixel to a palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color import palette_rounding as stored
from icsys.color.distinct_rgb import DistinctRGB, kernel_points
from icsys.color.distinct_rgba import CHANNELS, DistinctRGBA
from icsys.color.grey_levels import GreyLevels
from icsys.color.kernels import nearest_centers
from icsys.color.scratch import thread_scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Distinct = DistinctRGB | GreyLevels | DistinctRGBA
    Centers = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.floating]]


class Reduced(NamedTuple):
    """The pixels of an image in few colours.

    Attributes
    ----------
    palette
        Distinct colours, all of them used, shape (n, channels), uint8: translucent ones first, then from dark to light.
        A given palette is unchanged.
    indices
        The nearest palette entry of every pixel, shape (N,), uint8 up to 256 entries and uint16 above.
    sse
        Sum over pixels and channels of the squared error in sRGB; with alpha, over R, G and B, the mean of that over
        black and over white.
    """

    palette: NDArray[np.uint8]
    indices: NDArray[np.integer]
    sse: float


def distinct_of(pixels: NDArray[np.uint8]) -> Distinct:
    """Return the distinct colours of pixels, shape (N, 3), (N, 1) for grey or (N, 4) with alpha, uint8, not empty.

    Their memory belongs to the calling thread, and is used again for the thread's next image.
    """
    if pixels.shape[1] == CHANNELS:
        return DistinctRGBA(pixels)
    return GreyLevels(pixels) if pixels.shape[1] == 1 else DistinctRGB(pixels, thread_scratch())


def reduce_to(
    distinct: Distinct, n_colors: int, fit: Callable[[Distinct], NDArray[np.uint8]], space: str = "srgb"
) -> Reduced:
    """Reduce the colours of an image to the nearest ones of a palette.

    Parameters
    ----------
    distinct
        The colours of the image.
    n_colors
        An image of no more distinct colours keeps them.
    fit
        Finds the palette of other images: distinct colours, shape (k, channels), uint8.
    space
        Colour space of distances: "srgb", exact, or "oklab", in float32. Ties go to the first entry. With alpha it is
        "srgb" over black and over white, in float32.
    """
    if len(distinct) <= n_colors:
        return keep_all(distinct)
    palette = fit(distinct)
    labels, sse = nearest_entries(distinct, palette, space)
    palette, labels = stored.tidy(palette, labels)
    return Reduced(palette, distinct.label_pixels(labels), sse)


def fit_palette(centers_of: Centers, distinct: Distinct, n_colors: int, space: str = "srgb") -> NDArray[np.uint8]:
    """Fit centres to the distinct colours of an image, and return them as a palette.

    Parameters
    ----------
    centers_of
        From points, shape (n, features), and their weights, shape (n,), to at most ``n_colors`` centres.
    distinct
        More than ``n_colors`` distinct colours.
    n_colors
        At least 1.
    space
        Colour space of distances.
    """
    colors = distinct.colors()
    points = stored.colors_to_points(colors, space)
    weights = distinct.counts.astype(points.dtype)
    clear = isinstance(distinct, DistinctRGBA) and distinct.has_clear and n_colors > 1
    if clear:
        # One centre must be exactly (0, 0, 0, 0). Nearly transparent colours may share it, so it is fitted with the
        # others, with a weight that keeps it in place: a reserved entry cost up to 7 % more error at 16 colours.
        weights[0] = max(weights[0], weights[1:].sum())
    centers = centers_of(points, weights)
    if clear:
        centers[np.square(centers - points[0]).sum(axis=1).argmin()] = points[0]
    return stored.centers_to_palette(centers, space, colors.shape[1])


def map_to(distinct: Distinct, palette: NDArray[np.uint8], space: str = "srgb") -> Reduced:
    """Map the pixels of an image to a given palette, shape (k, 3), which stays unchanged.

    ``space`` is as for :func:`reduce_to`.
    """
    labels, sse = nearest_entries(distinct, palette, space)
    return Reduced(palette, distinct.label_pixels(labels.astype(stored.index_type(len(palette)), copy=False)), sse)


def keep_all(distinct: Distinct) -> Reduced:
    """Return the pixels of an image of at most 65,536 colours with all its colours as the palette."""
    # Each colour is its own entry; a search in float32 could confuse two similar ones.
    palette, labels = stored.tidy(distinct.colors(), np.arange(len(distinct), dtype=np.uint16))
    return Reduced(palette, distinct.label_pixels(labels), 0)


def nearest_entries(distinct: Distinct, palette: NDArray[np.uint8], space: str) -> tuple[NDArray[np.integer], float]:
    """Return the nearest entry of each distinct colour, and the squared error in sRGB of all pixels."""
    return _nearest_in_oklab(distinct, palette) if space == "oklab" else distinct.nearest(palette)


def _nearest_in_oklab(distinct: Distinct, palette: NDArray[np.uint8]) -> tuple[NDArray[np.integer], float]:
    """Return the entry nearest to each distinct colour in Oklab, and the squared error in sRGB."""
    colors, counts = distinct.colors(), distinct.counts
    points = kernel_points(stored.colors_to_points(colors, "oklab"), counts)
    blocks = np.empty(points.w.shape, np.uint16)
    nearest_centers(points, np.ascontiguousarray(stored.colors_to_points(palette, "oklab").T, np.float32), blocks)
    labels = blocks.reshape(-1)[: len(colors)]
    errors = np.square(colors.astype(np.int32) - palette[labels]).sum(axis=1)
    return labels, int(errors @ counts)
