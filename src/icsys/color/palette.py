"""The stored palette: rounding centres to 8 bits, and every pixel to its nearest stored colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.color.oklab import DISTANCE_SCALE, from_oklab, to_oklab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.histogram import Histogram

# Distances held at once by the search below: 16 MiB of float32 or 32 of float64, whatever the image.
_DISTANCES = 1 << 22


def index_type(n_colors: int) -> type[np.uint8 | np.uint16]:
    """Return the smallest dtype that holds every index of a palette: one byte up to 256 colours, else two."""
    return np.uint8 if n_colors <= 256 else np.uint16  # noqa: PLR2004 - what a byte holds


def store_centers(centers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round centres, shape (n, channels), in 0 to 255, to the distinct uint8 colours that a file stores."""
    rounded = np.rint(np.clip(centers, 0, 255)).astype(np.uint8)
    return np.unique(rounded, axis=0)


def nearest(histogram: Histogram, palette: NDArray[np.uint8], space: str = "srgb") -> tuple[NDArray[np.integer], int]:
    """Map every pixel to its nearest palette entry by squared Euclidean distance, ties to the lowest index.

    Parameters
    ----------
    histogram
        The image, N pixels.
    palette
        Shape (n, channels), uint8.
    space
        Where the distance is measured: "srgb" or "oklab".

    Returns
    -------
    indices
        Shape (N,), uint8 up to 256 entries and uint16 above.
    sse
        Sum over pixels and channels of the squared error in sRGB, exact.
    """
    packed, counts = histogram.distinct
    colors = histogram.colors
    labels = _nearest_labels(to_points(colors, space), to_points(palette, space), index_type(len(palette)))
    errors = np.square(colors.astype(np.int32) - palette[labels]).sum(axis=1)
    # A table over all packed colours: only the pages of colours that occur are ever touched.
    table = np.empty(1 << (8 * histogram.channels), labels.dtype)
    table[packed] = labels
    return table[histogram.packed], int(errors.astype(np.int64) @ counts)


def to_points(colors: NDArray[np.uint8], space: str) -> NDArray[np.floating]:
    """Return colours, shape (n, channels), as points of the space in which distances are measured.

    sRGB levels are whole numbers below 2^8, their squared distances below 2^24: float32 is exact. Oklab is float64,
    its axes scaled to perceived differences.
    """
    if space == "oklab":
        return to_oklab(colors if colors.shape[1] > 1 else np.repeat(colors, 3, axis=1)) * DISTANCE_SCALE
    return colors.astype(np.float32)


def from_points(centers: NDArray[np.floating], space: str, channels: int) -> NDArray[np.uint8]:
    """Return the distinct uint8 colours, shape (n, channels), that centres of the space ``space`` are stored as."""
    return store_centers(from_oklab(centers / DISTANCE_SCALE)[:, :channels] if space == "oklab" else centers)


def _nearest_labels(
    points: NDArray[np.floating], centers: NDArray[np.floating], dtype: type[np.uint8 | np.uint16]
) -> NDArray[np.integer]:
    """Return the index of the nearest centre of every point, in blocks of bounded memory."""
    labels = np.empty(len(points), dtype)
    norms = np.square(centers).sum(axis=1)
    rows = max(1, _DISTANCES // len(centers))
    for start in range(0, len(points), rows):
        part = slice(start, start + rows)
        # |x-c|^2 without |x|^2, which is the same for all centres.
        distances = points[part] @ (-2 * centers.T)
        distances += norms
        labels[part] = distances.argmin(axis=1)
    return labels


def drop_unused(
    indices: NDArray[np.integer], palette: NDArray[np.uint8]
) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Remove palette entries that no pixel uses, and renumber the indices."""
    used = np.bincount(indices, minlength=len(palette)) > 0
    if used.all():
        return indices, palette
    renumber = (np.cumsum(used) - 1).astype(index_type(int(used.sum())))
    return renumber[indices], palette[used]
