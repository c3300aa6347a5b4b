"""Oklab: a colour space whose Euclidean distance is close to the difference that people see.

Source: Björn Ottosson, "A perceptual color space for image processing", 2020,
https://bottosson.github.io/posts/oklab/, with the matrices published there; the sRGB transfer function is that of
IEC 61966-2-1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB_FROM_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LMS_FROM_LAB = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)

DISTANCE_SCALE = np.array([1.0, 2.0, 2.0])
"""Factors of L, a and b with which Euclidean distances match perceived differences best.

Measured by Ottosson on two sets of judged differences (2.016 and 2.045,
https://github.com/w3c/csswg-drafts/issues/6642); with 2 it is the difference that CSS Color 4 calls Delta E OK2.
"""


def _linear_levels() -> NDArray[np.float64]:
    """Return the linear light of the 256 sRGB levels."""
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - the standard's


LINEAR = _linear_levels()
"""Linear light, 0 to 1, of the 256 sRGB levels, shape (256,)."""


def to_oklab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert sRGB colours, shape (n, 3), uint8, to Oklab: L in 0 to 1, a and b about -0.4 to 0.4.

    Examples
    --------
    >>> import numpy as np
    >>> to_oklab(np.array([[255, 255, 255]], np.uint8)).round(3) + 0.0
    array([[1., 0., 0.]])
    """
    lms = np.cbrt(LINEAR[colors] @ _LMS_FROM_RGB.T)
    return lms @ _LAB_FROM_LMS.T


def from_oklab(lab: NDArray[np.floating]) -> NDArray[np.float64]:
    """Convert Oklab colours, shape (n, 3), to sRGB levels 0 to 255, not rounded, clipped to the gamut."""
    linear = np.clip(((lab @ _LMS_FROM_LAB.T) ** 3) @ _RGB_FROM_LMS.T, 0, 1)
    level = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return 255 * level
