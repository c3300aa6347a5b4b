"""Find damage of a JPEG that other decoders ignore, and correct its oddities."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import simplejpeg

from icsys.errors import ImageError
from icsys.image.faults import Faults
from icsys.image.jpeg.mending import mend_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

# libjpeg's warnings about pixels that it had to invent. Its other warnings, about odd headers and kinds of JPEG that
# TurboJPEG cannot read, are no damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression")


def jpeg_faults(data: bytes) -> Faults:
    """Decode a JPEG at an eighth of its size and find what libjpeg warns of: a cut, changed bits, odd headers.

    A file that lacks only its end marker is whole.
    """
    eighth = partial(simplejpeg.decode_jpeg, colorspace="GRAY", min_height=1, min_width=1)
    return decode_strictly(eighth, data).faults


def check_jpeg(data: bytes) -> None:
    """Refuse a JPEG that is damaged.

    Raises
    ------
    ImageError
        ``corrupt``.
    """
    damage = jpeg_faults(data).damage
    if damage:
        raise ImageError("corrupt", damage)


class StrictlyDecoded(NamedTuple):
    """A JPEG that was decoded strictly.

    Parameters
    ----------
    pixels
        None if libjpeg warns of the file.
    faults
        Damage is None, too, if the decoder cannot read the kind of JPEG.
    mended
        The file without oddities.
    """

    pixels: NDArray[np.uint8] | None
    faults: Faults
    mended: bytes


def decode_strictly(decode: Callable[..., NDArray[np.uint8]], data: bytes) -> StrictlyDecoded:
    """Decode a JPEG with ``decode``, a function of simplejpeg, and correct the oddities that ``mend_jpeg`` can."""
    note = None
    while True:
        try:
            return StrictlyDecoded(decode(data, strict=True), Faults(None, note), data)
        except ValueError as error:
            mended, oddity = mend_jpeg(data, str(error))
            note = note or oddity
            if mended == data:
                return StrictlyDecoded(None, Faults(_jpeg_damage(str(error)), note), data)
            data = mended


def _jpeg_damage(complaint: str) -> str | None:
    """Return the damage that a warning of libjpeg means; None if it is not about pixels."""
    return f"damaged JPEG: {complaint}" if complaint.startswith(_JPEG_DAMAGE) else None
