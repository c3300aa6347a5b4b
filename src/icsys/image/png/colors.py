"""What describes the colours of a PNG beside an ICC profile (PNG specification, third edition, 4.3 and 11.3.2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from icsys.image.described.description import (
    SRGB,
    SRGB_PRIMARIES,
    Chromaticities,
    ColorDescription,
    described_by_codes,
    has_srgb_primaries,
)
from icsys.image.described.light import has_matrix
from icsys.image.png.chunks import chunks_of

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNKS = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}  # with the bytes that each has
_SECOND_CHUNK = slice(37, 41)  # its kind: signature and IHDR take 33 bytes
_INTENTS = {bytes([intent]) for intent in range(4)}  # of sRGB; others are reserved
_UNIT = 100_000  # of gamma and chromaticities
_SRGB_GAMMAS = range(45_000, 46_001)  # how older programs write sRGB
_GAMMAS = range(1_000, 10_000_001)  # others are mistakes: the exponents would be above 100 or below 0.01
_RGB_MATRIX = 0  # of ITU-T H.273; a PNG has no other


def png_description(data: bytes, *, has_profile: Callable[[], bool]) -> ColorDescription | None:
    """Return the description of a PNG's colours that counts; None if it has none, or its ICC profile counts.

    cICP comes before iCCP, then sRGB, then gAMA with cHRM. A chunk with a wrong checksum, length or value is passed
    over, and the first of its kind counts.

    Parameters
    ----------
    data
        The file.
    has_profile
        Returns whether the file has an ICC profile that can be applied.
    """
    found = _color_chunks(data)
    if not found:
        return None
    description = _from_cicp(found.get(b"cICP"))
    if description is not None or has_profile():
        return description
    return SRGB if found.get(b"sRGB") in _INTENTS else _from_gamma(found)


def _color_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the contents of the colour chunks before the pixels by their kinds."""
    found: dict[bytes, bytes] = {}
    if data[_SECOND_CHUNK] == b"IDAT":  # so it is in many files, which pay for no walk
        return found
    for chunk in chunks_of(data, b"IDAT"):
        if _CHUNKS.get(chunk.kind) == chunk.end - chunk.start and chunk.is_sound:
            found.setdefault(chunk.kind, chunk.content)
    return found


def _from_cicp(content: bytes | None) -> ColorDescription | None:
    if content is None:
        return None
    primaries, transfer, matrix, full_range = content
    return described_by_codes(primaries, transfer, narrow=not full_range) if matrix == _RGB_MATRIX else None


def _from_gamma(found: dict[bytes, bytes]) -> ColorDescription | None:
    """Return what gAMA and cHRM describe; cHRM counts only beside gAMA, as in browsers."""
    gamma = int.from_bytes(found.get(b"gAMA", b""), "big")
    if gamma not in _GAMMAS:
        return None
    chromaticities = SRGB_PRIMARIES
    if b"cHRM" in found:
        xs_and_ys = [value / _UNIT for value in struct.unpack(">8I", found[b"cHRM"])]
        given = Chromaticities(*zip(xs_and_ys[::2], xs_and_ys[1::2], strict=True))
        if has_matrix(given) and not has_srgb_primaries(given):
            chromaticities = given
    if gamma in _SRGB_GAMMAS and chromaticities is SRGB_PRIMARIES:
        return SRGB
    return ColorDescription(chromaticities, _UNIT / gamma)
