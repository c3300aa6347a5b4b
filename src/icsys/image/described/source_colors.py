"""What describes the colours of a file: an ICC profile, a description by numbers, or nothing, which means sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.image.color_conversion import is_profile
from icsys.image.described.description import ColorDescription, described_by_codes
from icsys.image.described.light import WHITE_NITS, changes_nothing
from icsys.image.described.png_colors import png_description
from icsys.image.described.profile_numbers import described_by_hdr_profile, described_by_linear_profile

if TYPE_CHECKING:
    from PIL import Image

    from icsys.image.heif.boxes import PictureProperties

_UNSPECIFIED = 2
_PNG_DEPTH, _PNG_KIND = 24, 25  # where a PNG has its bits per channel, and its colour type
_DEEP, _GREY_KINDS = 16, {0, 4}


def source_colors(
    name: str, image: Image.Image, data: bytes, properties: PictureProperties | None
) -> ColorDescription | bytes | None:
    """Return the description or ICC profile that is to be applied to the pixels of an opened file; None for sRGB.

    Parameters
    ----------
    name
        The format of the file.
    image
        Opened, not decoded.
    data
        The file.
    properties
        Those of the picture in an AVIF or HEIC file.
    """
    profile: bytes | None = image.info.get("icc_profile")
    description = None
    if name == "PNG":
        description = png_description(data, has_profile=lambda: is_profile(profile))
    elif properties and properties.codes and not is_profile(profile):
        description = described_by_codes(*_usual(*properties.codes), camera_is_srgb=True)
    if description is None and profile and (properties or name == "PNG") and is_profile(profile):
        deep = name == "PNG" and data[_PNG_DEPTH] == _DEEP
        description = described_by_hdr_profile(profile) or (
            described_by_linear_profile(profile, grey=data[_PNG_KIND] in _GREY_KINDS) if deep else None
        )
    if description is None:
        return profile
    return None if changes_nothing(description) else description


def _usual(primaries: int, transfer: int) -> tuple[int, int]:
    """Return codes of ITU-T H.273 with those of sRGB where they are unspecified."""
    return primaries if primaries != _UNSPECIFIED else 1, transfer if transfer != _UNSPECIFIED else 13


def hdr_warning(description: ColorDescription) -> str | None:
    """Return the warning of a picture whose light is brighter than sRGB holds; None for other pictures."""
    if description.hdr is None:
        return None
    return f"HDR ({description.hdr}) was converted to sRGB: {WHITE_NITS:g} nits are white, brighter light is clipped"
