"""The stored palette: rounding centres to 8 bits, and every pixel to its nearest stored colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.histogram import Histogram

# Distances held at once by the search below: 16 MiB of float32, whatever the image.
_DISTANCES = 1 << 22


def index_type(n_colors: int) -> type[np.uint8 | np.uint16]:
    """Return the smallest dtype that holds every index of a palette: one byte up to 256 colours, else two."""
    return np.uint8 if n_colors <= 256 else np.uint16  # noqa: PLR2004 - what a byte holds


def store_centers(centers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round centres, shape (n, channels), in 0 to 255, to the distinct uint8 colours that a file stores."""
    rounded = np.rint(np.clip(centers, 0, 255)).astype(np.uint8)
    return np.unique(rounded, axis=0)


def nearest(histogram: Histogram, palette: NDArray[np.uint8]) -> tuple[NDArray[np.integer], int]:
    """Map every pixel to its nearest palette entry by squared Euclidean distance, ties to the lowest index.

    Parameters
    ----------
    histogram
        The image, N pixels.
    palette
        Shape (n, channels), uint8.

    Returns
    -------
    indices
        Shape (N,), uint8 up to 256 entries and uint16 above.
    sse
        Sum over pixels and channels of the squared error, exact.
    """
    packed, counts = histogram.distinct
    colors = histogram.colors.astype(np.float32)
    centers = palette.astype(np.float32)
    labels = np.empty(len(packed), index_type(len(palette)))
    # |x-c|^2 = |x|^2 - 2xc + |c|^2; each term is a whole number below 2^24, so float32 holds it exactly.
    norms = np.square(centers).sum(axis=1)
    sse = 0
    rows = max(1, _DISTANCES // len(palette))
    for start in range(0, len(packed), rows):
        part = slice(start, start + rows)
        distances = colors[part] @ (-2 * centers.T)
        distances += norms
        best = distances.argmin(axis=1)
        labels[part] = best
        errors = np.take_along_axis(distances, best[:, None], axis=1)[:, 0]
        errors += np.square(colors[part]).sum(axis=1)
        sse += int(errors.astype(np.int64) @ counts[part])
    # A table over all packed colours: only the pages of colours that occur are ever touched.
    table = np.empty(1 << (8 * histogram.channels), labels.dtype)
    table[packed] = labels
    return table[histogram.packed], sse


def drop_unused(
    indices: NDArray[np.integer], palette: NDArray[np.uint8]
) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Remove palette entries that no pixel uses, and renumber the indices."""
    used = np.bincount(indices, minlength=len(palette)) > 0
    if used.all():
        return indices, palette
    renumber = (np.cumsum(used) - 1).astype(index_type(int(used.sum())))
    return renumber[indices], palette[used]
