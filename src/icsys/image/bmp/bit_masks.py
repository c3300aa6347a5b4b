"""Pixels of a BMP whose bit masks tell where red, green, blue and alpha lie."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from icsys.errors import ImageError
from icsys.image.geometry import row_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER = struct.Struct("<IiiHHI")  # its size, width, height, planes, bits of a pixel, compression
_HEADER_AT, _OFFSET_AT, _MASKS_AT = 14, 10, 54
_MASKS, _ALPHA_MASKS = 3, 6  # Compression
_OLD_HEADER = 12  # bytes of that of OS/2
_WITH_ALPHA = 56  # bytes of the smallest header that has a mask of alpha
_NUMBERS = {16: "<u2", 32: "<u4"}
_PILLOW_READS = {
    (16, (0xF800, 0x7E0, 0x1F, 0)), (16, (0x7C00, 0x3E0, 0x1F, 0)),
    (32, (0xFF0000, 0xFF00, 0xFF, 0)), (32, (0xFF000000, 0xFF0000, 0xFF00, 0)), (32, (0xFF000000, 0xFF00, 0xFF, 0)),
    (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)), (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), (32, (0xFF000000, 0xFF00, 0xFF, 0xFF0000)), (32, (0, 0, 0, 0)),
}  # fmt: skip
_MOST_BITS = 16  # of a level; further ones cannot change it


class BitMasks(NamedTuple):
    """How the pixels of a BMP lie in the file.

    Parameters
    ----------
    width, height
        In pixels.
    upwards
        Whether the lowest row comes first.
    bits
        Of a pixel, 16 or 32.
    start
        Where the pixels begin.
    masks
        Of red, green, blue and, if there is alpha, alpha.
    """

    width: int
    height: int
    upwards: bool
    bits: int
    start: int
    masks: tuple[int, ...]


def bit_masks(data: bytes) -> BitMasks | None:
    """Return the bit masks of a BMP; None if it has none, or has masks that Pillow reads.

    Raises
    ------
    ImageError
        ``broken`` for masks with gaps, or a picture without pixels.
    """
    if len(data) < _MASKS_AT:
        return None
    size, width, height, _, bits, compression = _HEADER.unpack_from(data, _HEADER_AT)
    if size == _OLD_HEADER or compression not in {_MASKS, _ALPHA_MASKS} or bits not in _NUMBERS:
        return None
    has_alpha = compression == _ALPHA_MASKS or size >= _WITH_ALPHA
    masks = struct.unpack_from("<4I" if has_alpha else "<3I", data.ljust(_MASKS_AT + 16, b"\0"), _MASKS_AT)
    if compression == _MASKS and (bits, (*masks, 0)[:4]) in _PILLOW_READS:
        return None
    if width <= 0 or height == 0:
        raise ImageError("broken", f"a BMP of {width}x{abs(height)} pixels")
    start = int.from_bytes(data[_OFFSET_AT : _OFFSET_AT + 4], "little")
    if start < _MASKS_AT + 4 * len(masks) or not any(masks):
        raise ImageError("broken", "a BMP without the bit masks that its header announces")
    if any((mask >> _shift(mask)) & ((mask >> _shift(mask)) + 1) for mask in masks):
        raise ImageError(
            "broken", f"a BMP with the bit masks {', '.join(map(hex, masks))}: expected masks without gaps"
        )
    return BitMasks(width, abs(height), height > 0, bits, start, masks[:3] if not any(masks[3:]) else masks)


def masked_picture(data: bytes, kind: BitMasks) -> tuple[Image.Image, bool]:
    """Return the picture, RGB or RGBA, and whether the file has all of its pixels (missing ones are black).

    A level of n bits becomes round(255 * level / (2**n - 1)).
    """
    row_bytes = -(-kind.width * kind.bits // 32) * 4
    picture = Image.new("RGBA" if len(kind.masks) > 3 else "RGB", (kind.width, kind.height))  # noqa: PLR2004 - colours
    for top, bottom in row_bands(kind.width, kind.height):
        first = kind.height - bottom if kind.upwards else top
        start = kind.start + first * row_bytes
        if start >= len(data):  # as little work as the file is worth
            continue
        rows = data[start : start + (bottom - top) * row_bytes].ljust((bottom - top) * row_bytes, b"\0")
        stored = np.frombuffer(rows, np.uint8).reshape(bottom - top, row_bytes)[:, : kind.width * kind.bits // 8]
        numbers = np.ascontiguousarray(stored[::-1] if kind.upwards else stored).view(_NUMBERS[kind.bits])
        picture.paste(Image.fromarray(np.dstack([_levels(numbers, mask) for mask in kind.masks])), (0, top))
    return picture, kind.start + (kind.height - 1) * row_bytes + kind.width * kind.bits // 8 <= len(data)


def _shift(mask: int) -> int:
    """Return the zeros below a mask."""
    return (mask & -mask).bit_length() - 1 if mask else 0


def _levels(numbers: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """Return what lies below a mask, scaled to 0 to 255."""
    shift = _shift(mask)
    bits = (mask >> shift).bit_length()
    dropped = max(0, bits - _MOST_BITS)
    most = (1 << bits - dropped) - 1
    if not most:
        return np.zeros(numbers.shape, np.uint8)
    values = (numbers.astype(np.uint32) & np.uint32(mask)) >> np.uint32(shift + dropped)
    return ((values * np.uint32(255) + np.uint32(most // 2)) // np.uint32(most)).astype(np.uint8)
