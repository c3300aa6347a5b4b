"""Colours with alpha as points: their Euclidean distance is the visible difference over black and over white.

Over a background b, from 0 (black) to 255 (white) in R, G and B, a colour shows p + (1 - a / 255) b: p is its
premultiplied level a R / 255, and a its alpha. Two colours that differ by dp and da show a difference of dp over black
and of dp - da over white, in each of R, G and B. The mean of the two squares is

    (dp^2 + (dp - da)^2) / 2 = (dp - da / 2)^2 + da^2 / 4.

So the squared distance of points (p_R - a/2, p_G - a/2, p_B - a/2, sqrt(3)/2 a) is the mean over black and white of the
squared error summed over R, G and B. The first three are what shows over mid-grey, less 255/2. For opaque colours it is
the usual squared error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPAQUE = 255
_ALPHA_AXIS = 3**0.5 / 2


def rgba_to_points(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return RGBA colours, shape (n, 4), as points, shape (n, 4).

    Examples
    --------
    >>> import numpy as np
    >>> black, white, clear = rgba_to_points(np.array([[0, 0, 0, 255], [255, 255, 255, 255], [9, 9, 9, 0]], np.uint8))
    >>> np.square(white - black).sum().round() / 255**2  # everywhere, in R, G and B
    np.float64(3.0)
    >>> np.square(clear - black).sum().round(1) / 255**2  # over white alone
    np.float64(1.5)
    """
    alpha = colors[:, 3:].astype(np.float64)
    points = np.empty(colors.shape)
    points[:, :3] = colors[:, :3] * alpha / _OPAQUE - alpha / 2
    points[:, 3:] = _ALPHA_AXIS * alpha
    return points


def points_to_rgba(points: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round points to RGBA colours, shape (n, 4), uint8; a colour of alpha 0 becomes (0, 0, 0, 0)."""
    exact = points[:, 3:] / _ALPHA_AXIS
    alpha = np.clip(np.rint(exact), 0, _OPAQUE)
    # Levels are computed for the rounded alpha, so that the colour over mid-grey stays.
    shown = points[:, :3] + alpha / 2
    levels = np.rint(np.clip(shown * _OPAQUE / np.maximum(alpha, 1), 0, _OPAQUE))
    return np.concatenate([levels * (alpha > 0), alpha], axis=1).astype(np.uint8)


def squared_error(
    colors: NDArray[np.uint8], shown: NDArray[np.uint8], counts: NDArray[np.integer] | NDArray[np.floating]
) -> float:
    """Return the mean over black and white of the squared error summed over R, G and B and over pixels.

    Whole numbers are summed, so the order does not matter.

    Parameters
    ----------
    colors, shown
        Each colour and the palette entry that replaces it, RGBA, both of shape (n, 4), uint8.
    counts
        Pixels of each colour, shape (n,), whole numbers.
    """
    full, other = colors.astype(np.int64), shown.astype(np.int64)
    alpha = _OPAQUE * (full[:, 3:] - other[:, 3:])
    black = full[:, :3] * full[:, 3:] - other[:, :3] * other[:, 3:]
    errors = (np.square(black) + np.square(black - alpha)).sum(axis=1)
    return int(errors @ counts.astype(np.int64)) / (2 * _OPAQUE**2)
