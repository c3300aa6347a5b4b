"""What describes the colours of a file: an ICC profile, a description by numbers, or nothing, which means sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.image.color_conversion import is_profile
from icsys.image.described.light import WHITE_NITS, changes_nothing
from icsys.image.described.profile_numbers import described_by_hdr_profile, described_by_linear_profile

if TYPE_CHECKING:
    from icsys.image.described.description import ColorDescription


class SourceColors(NamedTuple):
    """What is to be applied to the pixels of a file: one of the two, or neither for sRGB."""

    description: ColorDescription | None = None
    profile: bytes | None = None


def source_colors(
    described: ColorDescription | None, profile: bytes | None, *, deep: bool = False, grey: bool = False
) -> SourceColors:
    """Return what is to be applied to the pixels of a file.

    Parameters
    ----------
    described
        What the file describes by numbers; it comes before the profile.
    profile
        The ICC profile of the file.
    deep
        Whether the pixels have 16 bits per channel here, so that a profile of linear light can be applied by its
        numbers.
    grey
        Whether the picture is grey.
    """
    if described is None and profile and is_profile(profile):
        described = described_by_hdr_profile(profile)
        if described is None and deep:
            described = described_by_linear_profile(profile, grey=grey)
    if described is None:
        return SourceColors(None, profile)
    return SourceColors() if changes_nothing(described) else SourceColors(described)


def hdr_warning(description: ColorDescription | None) -> str | None:
    """Return the warning of a picture whose light is brighter than sRGB holds; None for other pictures."""
    if description is None or description.hdr is None:
        return None
    return f"HDR ({description.hdr}) was converted to sRGB: {WHITE_NITS:g} nits are white, brighter light is clipped"
