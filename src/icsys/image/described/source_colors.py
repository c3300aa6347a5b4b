"""What a file says of its colours: an ICC profile, a description by numbers, or nothing, which means sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.image.color_conversion import is_profile
from icsys.image.described.description import ColorDescription
from icsys.image.described.light import WHITE_NITS, changes_nothing
from icsys.image.described.png_colors import png_description

if TYPE_CHECKING:
    from PIL import Image


def source_colors(name: str, image: Image.Image, data: bytes) -> ColorDescription | bytes | None:
    """Return the description or ICC profile that is to be applied to the pixels of an opened file; None for sRGB."""
    profile: bytes | None = image.info.get("icc_profile")
    description = png_description(data, has_profile=lambda: is_profile(profile)) if name == "PNG" else None
    if description is None:
        return profile
    return None if changes_nothing(description) else description


def hdr_warning(colors: ColorDescription | bytes | None) -> str | None:
    """Return the warning of a picture whose light was brighter than sRGB holds; None for other pictures."""
    if not isinstance(colors, ColorDescription) or colors.hdr is None:
        return None
    return f"HDR ({colors.hdr}) was converted to sRGB: {WHITE_NITS:g} nits are white, brighter light is clipped"
