"""Find damage that decoders ignore silently, so that a wrong picture is not taken for a good one."""

from __future__ import annotations

from icsys.image.faults import Faults
from icsys.image.jpeg.integrity import jpeg_faults
from icsys.image.png.integrity import png_faults

# Other formats have no checksum over their pixels, or a decoder that is strict itself.
_CHECKS = {"JPEG": jpeg_faults, "PNG": png_faults}


def find_damage(name: str, data: bytes) -> str | None:
    """Return the damage of the pixels in a file of the format ``name``; None if none is found."""
    return find_faults(name, data).damage


def find_faults(name: str, data: bytes) -> Faults:
    """Find what is wrong with a file of the format ``name``."""
    check = _CHECKS.get(name)
    return check(data) if check else Faults()
