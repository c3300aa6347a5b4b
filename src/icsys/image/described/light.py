"""Described colours to sRGB: to linear light, from their primaries to those of sRGB, and back to numbers.

A display shows sRGB white at 203 candela per square metre, the diffuse white of HDR pictures (ITU-R BT.2408). Brighter
light, and colours outside sRGB, are clipped in linear light.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from icsys.image.described.description import SRGB_PRIMARIES, Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.image.described.description import Chromaticities, ColorDescription

WHITE_NITS = 203.0
"""Candela per square metre that become white in sRGB (ITU-R BT.2408, 3.1)."""

_PQ_NITS = 10_000.0
_HLG_NITS = 1000.0  # of the display that HLG is shown on; its exponent is 1.2 (ITU-R BT.2100, table 5)
_HLG_EXPONENT = 1.2
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_FINE = 65536  # distinct levels of linear light
_STILL = 2  # levels of sRGB: two steps of rounding
_NARROW_BLACK, _NARROW_WHITE = 16 / 255, 235 / 255


def to_srgb_levels(values: NDArray[np.unsignedinteger], description: ColorDescription) -> NDArray[np.uint8]:
    """Convert described colours to sRGB.

    Parameters
    ----------
    values
        (..., 3) uint8 or uint16 array that uses the whole range of its type.
    description
        What the numbers mean.

    Returns
    -------
    numpy.ndarray
        sRGB levels of the same shape, uint8.
    """
    table, matrix = _light_table(description, values.dtype.itemsize), _to_srgb_matrix(description.chromaticities)
    red, green, blue = (table[values[..., i]] for i in range(3))
    if description.transfer is Curve.HLG:
        a, b, c = _rgb_to_xyz(description.chromaticities)[1].astype(np.float32)
        luminance = (a * red + b * green + c * blue).clip(0)  # a white beside its primaries has colours below 0
        gain = luminance ** np.float32(_HLG_EXPONENT - 1) * np.float32(_HLG_NITS / WHITE_NITS)
        red, green, blue = red * gain, green * gain, blue * gain
    levels = np.empty(values.shape, np.uint8)
    encode = _encode_table()
    for i, (a, b, c) in enumerate(matrix):
        light = a * red + b * green + c * blue
        levels[..., i] = encode[(light.clip(0, 1) * np.float32(_FINE - 1) + np.float32(0.5)).astype(np.uint16)]
    return levels


@lru_cache(maxsize=16)
def grey_levels_of(description: ColorDescription, item_bytes: int) -> NDArray[np.uint8]:
    """Return the sRGB level of each grey value, 256 or 65536; its own white and sRGB's look alike."""
    values = np.arange(256**item_bytes).astype(np.uint8 if item_bytes == 1 else np.uint16)
    levels = to_srgb_levels(np.stack([values] * 3, axis=-1), description)
    return np.rint(levels.mean(axis=-1)).astype(np.uint8)


@lru_cache(maxsize=16)
def changes_nothing(description: ColorDescription) -> bool:
    """Return whether a grid of colours keeps its levels but for rounding."""
    if description.is_srgb:
        return True
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    return int(np.abs(to_srgb_levels(grid, description).astype(int) - grid).max()) <= _STILL


def has_matrix(given: Chromaticities) -> bool:
    """Return whether white and primaries span a space of colours, so that there is a way to XYZ and back."""
    try:
        matrix = _to_srgb_matrix(given)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return False
    return bool(np.isfinite(matrix).all()) and float(np.abs(matrix).max()) < _PQ_NITS


@lru_cache(maxsize=32)
def _light_table(description: ColorDescription, item_bytes: int) -> NDArray[np.float32]:
    """Return the linear light of each value of one or two bytes; 1 is white."""
    values = np.arange(256**item_bytes) / (256**item_bytes - 1)
    if description.narrow:
        values = ((values - _NARROW_BLACK) / (_NARROW_WHITE - _NARROW_BLACK)).clip(0, 1)
    transfer = description.transfer
    with np.errstate(over="ignore", under="ignore"):
        light = _CURVES[transfer](values) if isinstance(transfer, Curve) else values**transfer
    return light.astype(np.float32)


def _from_srgb(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - IEC 61966-2-1


def _from_pq(value: NDArray[np.float64]) -> NDArray[np.float64]:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # SMPTE ST 2084
    power = value ** (1 / m2)
    return ((power - c1).clip(0) / (c2 - c3 * power)) ** (1 / m1) * (_PQ_NITS / WHITE_NITS)


def _from_hlg(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the light of the scene; what a display makes of it depends on all three channels."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073  # ITU-R BT.2100, table 5
    return np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)  # noqa: PLR2004


def _from_smpte_240m(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(value <= 4 * 0.0228, value / 4, ((value + 0.1115) / 1.1115) ** (1 / 0.45))


def _from_smpte_428(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return value**2.6 * (52.37 / 48)


_CURVES = {
    Curve.SRGB: _from_srgb,
    Curve.PQ: _from_pq,
    Curve.HLG: _from_hlg,
    Curve.SMPTE_240M: _from_smpte_240m,
    Curve.SMPTE_428: _from_smpte_428,
}


@lru_cache(maxsize=1)
def _encode_table() -> NDArray[np.uint8]:
    """Return the sRGB level of each of the fine levels of linear light."""
    light = np.arange(_FINE) / (_FINE - 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return np.rint(value * 255).astype(np.uint8)


@lru_cache(maxsize=32)
def _to_srgb_matrix(given: Chromaticities) -> NDArray[np.float32]:
    """Return the matrix from linear RGB of these primaries to linear sRGB; another white is adapted (Bradford)."""
    own, srgb = _BRADFORD @ _xyz(given.white), _BRADFORD @ _xyz(SRGB_PRIMARIES.white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(srgb / own) @ _BRADFORD
    matrix = np.linalg.inv(_rgb_to_xyz(SRGB_PRIMARIES)) @ adapted @ _rgb_to_xyz(given)
    return matrix.astype(np.float32)


def _rgb_to_xyz(given: Chromaticities) -> NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ; white has Y = 1 (SMPTE RP 177)."""
    x, y = np.array([given.red, given.green, given.blue]).T
    primaries = np.array([x, y, 1 - x - y])
    return primaries * np.linalg.solve(primaries, _xyz(given.white))


def _xyz(chromaticity: tuple[float, float]) -> NDArray[np.float64]:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])
