"""Find damage of a PNG that Pillow skips, and what is wrong beside its pixels."""

from __future__ import annotations

from icsys.image.faults import Faults
from icsys.image.png.chunks import has_sound_pixels, holds_only_pixels
from icsys.image.png.side_chunks import faults_of_side_chunks


def png_faults(data: bytes) -> Faults:
    """Check the CRC of the image data of a PNG, which Pillow skips, and the chunks beside them."""
    damage = None if has_sound_pixels(data) else "damaged PNG: the checksum of its image data is wrong"
    return Faults(damage, None if holds_only_pixels(data) else faults_of_side_chunks(data))
