"""Find damage that decoders ignore silently, so that a wrong picture is not taken for a good one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import simplejpeg

from icsys.errors import ImageError
from icsys.image.limits import is_one_scan, jpeg_segments
from icsys.image.png.chunks import chunks_of

if TYPE_CHECKING:
    from PIL import ImageFile

_JPEG = b"\xff\xd8"
_END_OF_JPEG = b"\xff\xd9"
# libjpeg's warnings about pixels that it had to invent. Its other warnings, about odd headers and kinds of JPEG that
# TurboJPEG cannot read, are no damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression")
_ODD_SCAN = "Invalid SOS parameters"
_SCAN = re.compile(rb"\xff\xda\x00[\x06\x08\x0a\x0c]")
# Pillow's errors when it stops within the pixels; the pixels before are good.
_CUT_SHORT = ("truncated", "broken data stream", "decoder error")


def find_damage(name: str, data: bytes) -> str | None:
    """Return the damage of the pixels in a file of the format ``name``; None if none is found.

    Checks JPEG and PNG. Other formats have no checksum over their pixels, or a decoder that is strict itself.
    """
    try:
        if name == "JPEG":
            check_jpeg(data)
        elif name == "PNG":
            _check_png(data)
    except ImageError as error:
        return str(error)
    return None


def check_jpeg(data: bytes) -> None:
    """Decode a JPEG at an eighth of its size and refuse it if libjpeg warns of a cut or of changed bits.

    A file that lacks only its end marker is whole.

    Raises
    ------
    ImageError
        ``corrupt``.
    """
    complaint = _complaint(data)
    if complaint:
        complaint = _complaint(mend_jpeg(data, complaint))
    damage = jpeg_damage(complaint)
    if damage:
        raise ImageError("corrupt", damage)


def jpeg_damage(complaint: str) -> str | None:
    """Return the damage that a warning of libjpeg means; None if it is not about pixels."""
    return f"damaged JPEG: {complaint}" if complaint.startswith(_JPEG_DAMAGE) else None


def mend_jpeg(data: bytes, complaint: str) -> bytes:
    """Correct two harmless oddities of a JPEG, whose warnings would hide real damage.

    Some cameras write the scan header of another kind of JPEG; some files lack only their end marker.
    """
    if complaint.startswith(_ODD_SCAN):
        data = _with_usual_scan(data)
    return data + _END_OF_JPEG if is_one_scan(data) and not data.endswith(_END_OF_JPEG) else data


def _complaint(data: bytes) -> str:
    """Return libjpeg's first warning about a JPEG; an empty text if there is none."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        return str(error)
    return ""


def _with_usual_scan(data: bytes) -> bytes:
    """Return a sequential JPEG with the scan parameters that its kind has (ITU-T T.81, B.2.3)."""
    usual = bytearray(data)
    for scan in _SCAN.finditer(data):
        end = scan.start() + 2 + data[scan.end() - 1]
        usual[end - 3 : end] = b"\0\x3f\0"
    return bytes(usual)


def close_jpeg(data: bytes) -> bytes:
    """Append an end marker to a JPEG that was cut off, so that a decoder returns the pixels there are."""
    if not data.startswith(_JPEG) or data.endswith(_END_OF_JPEG):
        return data
    cut = next((start for _, start, end in jpeg_segments(data) if end > len(data)), len(data))
    return data[:cut] + _END_OF_JPEG


def _check_png(data: bytes) -> None:
    """Check the CRC of the image data of a PNG, which Pillow skips."""
    for chunk in chunks_of(data):
        if chunk.kind == b"IDAT" and not chunk.is_sound:
            raise ImageError("corrupt", "damaged PNG: the checksum of its image data is wrong")


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
