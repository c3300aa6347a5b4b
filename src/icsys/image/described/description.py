"""Descriptions of colours by primaries and transfer function, as plain data (ITU-T H.273, tables 2 and 3)."""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple


class Curve(Enum):
    """A transfer function that is no plain power."""

    SRGB = "sRGB"
    SMPTE_240M = "SMPTE 240M"
    SMPTE_428 = "SMPTE 428"
    PQ = "PQ"
    HLG = "HLG"


class Chromaticities(NamedTuple):
    """CIE 1931 x and y of the white and the three primaries."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


class ColorDescription(NamedTuple):
    """What the numbers in a file mean.

    Attributes
    ----------
    chromaticities
        Of white and primaries.
    transfer
        From numbers to light: a curve, or the exponent of a power, 1.0 for linear light.
    narrow
        Whether black is 16 and white 235 of 8 bits, as in video.
    """

    chromaticities: Chromaticities
    transfer: Curve | float
    narrow: bool = False

    @property
    def is_srgb(self) -> bool:
        """Whether the numbers mean what they mean in sRGB; chromaticities may differ by 0.001, as rounded ones do."""
        return self.transfer is Curve.SRGB and not self.narrow and has_srgb_primaries(self.chromaticities)

    @property
    def hdr(self) -> str | None:
        """The name of the curve of a picture with light brighter than white; None for other pictures."""
        return self.transfer.value if self.transfer in {Curve.PQ, Curve.HLG} else None


_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
SRGB_PRIMARIES = Chromaticities(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SRGB = ColorDescription(SRGB_PRIMARIES, Curve.SRGB)
_SMPTE_170M = Chromaticities(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: Chromaticities(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Chromaticities(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: Chromaticities(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Chromaticities(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Chromaticities((1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: Chromaticities((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: Chromaticities(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Chromaticities(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
_CAMERA_CURVES = (1, 6, 11, 14, 15)  # BT.709 and its relatives
_TRANSFERS: dict[int, Curve | float] = {
    **dict.fromkeys(_CAMERA_CURVES, 2.4),  # of the display that they are made for (ITU-R BT.1886)
    4: 2.2,
    5: 2.8,
    7: Curve.SMPTE_240M,
    8: 1.0,
    13: Curve.SRGB,
    16: Curve.PQ,
    17: Curve.SMPTE_428,
    18: Curve.HLG,
}
_SAME = 0.001


def described_by_codes(
    primaries: int, transfer: int, *, narrow: bool = False, camera_is_srgb: bool = False
) -> ColorDescription | None:
    """Return the description that two codes of ITU-T H.273 stand for; None if one is reserved or unspecified.

    Parameters
    ----------
    primaries, transfer
        The codes.
    narrow
        Whether the numbers have the narrow range of video.
    camera_is_srgb
        Whether the curves of BT.709 and its relatives are shown as sRGB, and not as on the display of a studio.
    """
    if primaries not in _PRIMARIES or transfer not in _TRANSFERS:
        return None
    curve = Curve.SRGB if camera_is_srgb and transfer in _CAMERA_CURVES else _TRANSFERS[transfer]
    return ColorDescription(_PRIMARIES[primaries], curve, narrow)


def has_srgb_primaries(given: Chromaticities) -> bool:
    """Return whether white and primaries are those of sRGB, rounded or not."""
    pairs = zip(given, SRGB_PRIMARIES, strict=True)
    return all(math.dist(one, other) <= _SAME * math.sqrt(2) for one, other in pairs)
