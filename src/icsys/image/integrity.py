"""Damage that a decoder passes over in silence: found here, so that no wrong picture is taken for a good one."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

import simplejpeg

from icsys.errors import ImageError
from icsys.image.limits import is_one_scan, jpeg_segments

if TYPE_CHECKING:
    from PIL import ImageFile

_JPEG = b"\xff\xd8"
_END_OF_JPEG = b"\xff\xd9"
# What libjpeg says of pixels that it had to make up; what it says of odd headers, and of kinds that TurboJPEG does
# not know, is no damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end", "Inconsistent progression")
_ODD_SCAN = "Invalid SOS parameters"
_SCAN = re.compile(rb"\xff\xda\x00[\x06\x08\x0a\x0c]")
# What Pillow says when it stops within the pixels; those that it has are good.
_CUT_SHORT = ("truncated", "broken data stream", "decoder error")


def find_damage(name: str, data: bytes) -> str | None:
    """Say what is wrong with the pixels of a file of the format ``name``, where that can be told; None if nothing is.

    The other formats have no checksum over their pixels, or a decoder that is strict itself.
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
    """Decode a JPEG at an eighth of its size and refuse what libjpeg warns of: a cut, or bits that were changed.

    A file that lacks its end marker and nothing else is whole.

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
    """Return what is wrong with pixels that libjpeg complains about; None where it complains of something else."""
    return f"damaged JPEG: {complaint}" if complaint.startswith(_JPEG_DAMAGE) else None


def mend_jpeg(data: bytes, complaint: str) -> bytes:
    """Return a JPEG without two oddities that decoders need not mind, so that they hide no damage.

    Some cameras write a scan header of another kind of JPEG; some files lack their end marker and nothing else.
    """
    if complaint.startswith(_ODD_SCAN):
        data = _with_usual_scan(data)
    return data + _END_OF_JPEG if is_one_scan(data) and not data.endswith(_END_OF_JPEG) else data


def _complaint(data: bytes) -> str:
    """Return what libjpeg says of a JPEG first, and nothing if it has nothing to say."""
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
    """Return a JPEG that was cut off as one that ends, so that a decoder gives what is there; others as they are."""
    if not data.startswith(_JPEG) or data.endswith(_END_OF_JPEG):
        return data
    cut = next((start for _, start, end in jpeg_segments(data) if end > len(data)), len(data))
    return data[:cut] + _END_OF_JPEG


def _check_png(data: bytes) -> None:
    """Check the CRC of the image data of a PNG, which Pillow skips."""
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind, end = data[position + 4 : position + 8], position + 8 + length
        if kind == b"IEND":
            return
        if kind == b"IDAT" and end + 4 <= len(data):
            (expected,) = struct.unpack_from(">I", data, end)
            if zlib.crc32(memoryview(data)[position + 4 : end]) != expected:
                raise ImageError("corrupt", "damaged PNG: the checksum of its image data is wrong")
        position = end + 4


def load_pixels(image: ImageFile.ImageFile, *, keep: bool) -> str | None:
    """Decode the pixels of an opened image.

    Parameters
    ----------
    keep
        Keep the pixels of a file that ends or breaks among them; what it lacks stays black.

    Returns
    -------
    str or None
        What was wrong with an image that was kept.

    Raises
    ------
    ImageError
        ``corrupt`` for what ``keep`` would have kept.
    OSError
        If there is nothing to keep.
    """
    failure: OSError | None = None
    try:
        image.load()
    except OSError as error:
        failure = error
        if not any(words in str(error) for words in _CUT_SHORT):
            raise
        image.tile = []
        image.load()  # raises again where no memory for pixels was taken yet
    said = getattr(image, "complaints", None)  # of a decoder that may go on as if nothing were wrong
    if not said and failure is None:
        return None
    reason = f"damaged {image.format}: {said[0] if said else failure}"
    if not keep:
        raise ImageError("corrupt", reason) from failure
    return reason
