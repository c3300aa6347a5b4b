"""The value of a mask outside its picture, in the depth that the mask has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import ImageError

if TYPE_CHECKING:
    from icsys.image.masks.stored_mask import StoredMask

_BYTE = 8
_MOST_OF_BYTE = 255
_SHOWN = {2: 85, 4: 17}  # what readers multiply grey of few bits by
# Colours for entries that a palette lacks. One that it has would look like a class to those who see colours.
_NEW_COLORS = (b"\xff\xff\xff", b"\xe0\xe0\xc0", *(bytes([level] * 3) for level in range(1, _MOST_OF_BYTE)))


def padded_mask(mask: StoredMask, pad: int) -> tuple[StoredMask, int]:
    """Return a mask that can hold the value ``pad``, as its readers see it, and that value as it is stored.

    Raises
    ------
    ImageError
        ``mask_pad`` if its depth cannot hold it.
    """
    if mask.depth == 1 and mask.palette is None:
        return mask, int(pad > 0)
    most = (1 << max(mask.depth, _BYTE)) - 1
    if pad > most:
        raise ImageError(
            "mask_pad", f"--mask-pad {pad} for a mask of {mask.depth} bits: expected a value from 0 to {most}"
        )
    if mask.palette is not None:
        return _with_pad(mask, mask.palette, pad), pad
    factor = _SHOWN.get(mask.depth, 1)
    if pad % factor == 0:
        return mask, pad // factor
    clear = mask.transparency
    shown = None if clear is None else (int.from_bytes(clear[:2], "big") * factor).to_bytes(2, "big")
    return mask._replace(values=mask.values * np.uint8(factor), depth=_BYTE, transparency=shown), pad


def with_entries(mask: StoredMask) -> StoredMask:
    """Return a mask whose palette has an entry for each of its values; decoders show one that is lacking as black."""
    if mask.palette is None:
        return mask
    lacking = int(mask.values.max()) + 1 - len(mask.palette) // 3
    return mask._replace(palette=mask.palette + bytes(3) * lacking)


def _with_pad(mask: StoredMask, palette: bytes, pad: int) -> StoredMask:
    """Return a mask whose palette has an entry for the padding; entries that are added have a new colour."""
    entries = {palette[at : at + 3] for at in range(0, len(palette), 3)}
    color = next(color for color in _NEW_COLORS if color not in entries)
    depth = mask.depth if pad < 1 << mask.depth else _BYTE
    return mask._replace(palette=palette + color * (pad + 1 - len(palette) // 3), depth=depth)
