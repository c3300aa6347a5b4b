"""Find damage that decoders ignore silently, so that a wrong picture is not taken for a good one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import simplejpeg

from icsys.errors import ImageError
from icsys.image.jpeg.mending import mend_jpeg
from icsys.image.png.chunks import has_sound_pixels, holds_only_pixels
from icsys.image.png.side_chunks import faults_of_side_chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageFile

# libjpeg's warnings about pixels that it had to invent. Its other warnings, about odd headers and kinds of JPEG that
# TurboJPEG cannot read, are no damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression")
# Pillow's errors when it stops within the pixels; the pixels before are good.
_CUT_SHORT = ("truncated", "broken data stream", "decoder error")


class Faults(NamedTuple):
    """What is wrong with a file.

    Parameters
    ----------
    damage
        Why pixels are missing or wrong; None if none are.
    note
        What is wrong outside the pixels; None if nothing is.
    """

    damage: str | None = None
    note: str | None = None

    @property
    def warning(self) -> str | None:
        """Both as one text; None if nothing is wrong."""
        return "; ".join(filter(None, self)) or None


def find_damage(name: str, data: bytes) -> str | None:
    """Return the damage of the pixels in a file of the format ``name``; None if none is found."""
    return find_faults(name, data).damage


def find_faults(name: str, data: bytes) -> Faults:
    """Find what is wrong with a file of the format ``name``.

    Checks JPEG and PNG. Other formats have no checksum over their pixels, or a decoder that is strict itself.
    """
    if name == "JPEG":
        return jpeg_faults(data)
    return _png_faults(data) if name == "PNG" else Faults()


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


def _png_faults(data: bytes) -> Faults:
    """Check the CRC of the image data of a PNG, which Pillow skips, and the chunks beside them."""
    damage = None if has_sound_pixels(data) else "damaged PNG: the checksum of its image data is wrong"
    return Faults(damage, None if holds_only_pixels(data) else faults_of_side_chunks(data))


def load_pixels(image: ImageFile.ImageFile, *, keep: bool) -> str | None:
    """Decode the pixels of an opened image.

    Parameters
    ----------
    keep
        Keep the pixels of a file that ends or breaks within them; the missing ones stay black.

    Returns
    -------
    str or None
        The damage of an image that was kept.

    Raises
    ------
    ImageError
        ``corrupt`` for an image that ``keep`` would have kept.
    OSError
        If there is nothing to keep.
    """
    failure: OSError | None = None
    try:
        image.load()
    except OSError as error:
        failure = error
        if not is_cut_short(error):
            raise
        image.tile = []
        image.load()  # raises again if no memory for pixels was taken yet
    messages = getattr(image, "complaints", None)  # from a decoder that goes on after damage
    if not messages and failure is None:
        return None
    reason = f"damaged {image.format}: {messages[0] if messages else failure}"
    if not keep:
        raise ImageError("corrupt", reason) from failure
    return reason


def is_cut_short(error: OSError) -> bool:
    """Return whether a decoder of Pillow stopped within the pixels, so that those before are good."""
    return any(words in str(error) for words in _CUT_SHORT)
