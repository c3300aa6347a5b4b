"""ICC profiles that are converted by their numbers: those of nearly linear light, and those of HDR.

8 bits, which LittleCMS gets, are too few for dark tones of linear light. HDR has one rule, however a file describes it.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from icsys.image.described.description import SRGB_PRIMARIES, Chromaticities, ColorDescription, described_by_codes
from icsys.image.described.light import has_matrix

_COLOR_SPACE, _TAGS = slice(16, 20), 128  # places in the header (ICC.1:2022, 7.2 and 7.3)
_TABLES = {b"A2B0", b"A2B1", b"D2B0", b"D2B1"}  # count more than curves and colorants
_CODES_END = 12  # of the tag cicp: its name, four bytes of zero, four codes
_ONE = 65536  # of s15Fixed16Number
_MOST_EXPONENT = 1.25  # neighbours of 8 bits are up to 3 levels of sRGB apart; with 1.0 they are up to 13


@lru_cache(maxsize=16)
def described_by_linear_profile(profile: bytes, *, grey: bool) -> ColorDescription | None:
    """Return what a profile of three colorants, or of grey, and one power up to 1.25 describes; None for all others.

    Parameters
    ----------
    profile
        An ICC profile.
    grey
        Whether the picture is grey; a profile of grey describes no colours.
    """
    try:
        tags = _tags(profile)
        if _TABLES & set(tags):
            return None
        if grey and profile[_COLOR_SPACE] == b"GRAY":
            exponents, chromaticities = {_exponent(tags[b"kTRC"])}, SRGB_PRIMARIES
        elif profile[_COLOR_SPACE] == b"RGB ":
            exponents = {_exponent(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")}
            chromaticities = _chromaticities([tags[name] for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
        else:
            return None
    except (KeyError, struct.error, ZeroDivisionError):
        return None
    exponent = exponents.pop()
    if exponents or exponent is None or not 1 / _MOST_EXPONENT < exponent < _MOST_EXPONENT:
        return None
    return ColorDescription(chromaticities, exponent) if has_matrix(chromaticities) else None


@lru_cache(maxsize=16)
def described_by_hdr_profile(profile: bytes) -> ColorDescription | None:
    """Return what the codes in a profile describe if they are of HDR (ICC.1:2022, 9.2.17); None for others."""
    try:
        content = _tags(profile).get(b"cicp", b"")
    except struct.error:
        return None
    if content[:4] != b"cicp" or len(content) < _CODES_END:
        return None
    primaries, transfer, _, full_range = content[_CODES_END - 4 : _CODES_END]
    description = described_by_codes(primaries, transfer, narrow=not full_range)
    return description if description and description.hdr else None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the contents of the tags of a profile by their names."""
    (count,) = struct.unpack_from(">I", profile, _TAGS)
    entries = (struct.unpack_from(">4sII", profile, _TAGS + 4 + 12 * i) for i in range(min(count, len(profile) // 12)))
    return {name: profile[start : start + size] for name, start, size in entries}


def _exponent(curve: bytes) -> float | None:
    """Return the exponent of a curve that is a plain power (ICC.1:2022, 10.6 and 10.18); None for others."""
    if curve[:4] == b"curv":
        (count,) = struct.unpack_from(">I", curve, 8)
        return {0: 1.0, 1: struct.unpack_from(">H", curve + bytes(2), 12)[0] / 256}.get(count)
    if curve[:4] == b"para" and struct.unpack_from(">H", curve, 8) == (0,):
        exponent: int = struct.unpack_from(">i", curve, 12)[0]
        return exponent / _ONE
    return None


def _chromaticities(colorants: list[bytes]) -> Chromaticities:
    """Return the chromaticities of three colorants and of the white that they add up to."""
    colors = [struct.unpack_from(">3i", colorant, 8) for colorant in colorants]
    white = tuple(map(sum, zip(*colors, strict=True)))
    return Chromaticities(*((x / (x + y + z), y / (x + y + z)) for x, y, z in (white, *colors)))
