"""Find damage of a PNG that Pillow skips."""

from __future__ import annotations

from icsys.image.faults import Faults
from icsys.image.png.chunks import has_sound_pixels


def png_faults(data: bytes) -> Faults:
    """Check the CRC of the image data of a PNG. What is wrong beside them is noted when the file is opened."""
    return Faults(None if has_sound_pixels(data) else "damaged PNG: the checksum of its image data is wrong")
