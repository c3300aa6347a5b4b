"""The headers of a plain JPEG in one pass, without Pillow: most photos of a dataset are such files."""

from __future__ import annotations

import struct
from typing import NamedTuple

from icsys.image.jpeg.application_data import exif_orientation_in, has_whole_resources

_HEAD = struct.Struct(">HH")  # marker and length of a segment
_FRAME = struct.Struct(">BHHB")  # bits, height, width and components (ITU-T T.81, B.2.2)
_START, _SCAN, _TABLES = b"\xff\xd8\xff", 0xFFDA, 0xFFDB
_FRAMES, _PROGRESSIVE = frozenset({0xFFC0, 0xFFC1, 0xFFC2}), 0xFFC2
_JFIF, _APP1, _PROFILE, _PHOTOSHOP, _ADOBE = 0xFFE0, 0xFFE1, 0xFFE2, 0xFFED, 0xFFEE
# Nothing in them decides how the picture is read: Huffman codes, restarts, comments and data of applications.
_PASSED_OVER = frozenset({0xFFC4, 0xFFDD, 0xFFFE, *range(0xFFE3, 0xFFED), 0xFFEF})
_MODES = {1: "L", 3: "RGB"}
_BITS = 8
_TABLE, _LONG_TABLE = 65, 129  # bytes of a table of quantisation with values of 8 and of 16 bits
_BEFORE_EXIF = b"Exif\0\0"
_BEFORE_PROFILE = b"ICC_PROFILE\0\1\1"  # the first part of one
_LEAST_NAMED = 9  # bytes up to the numbers behind "JFIF" and "Adobe"


class JpegHeader(NamedTuple):
    """What the headers of a JPEG say of its picture.

    Attributes
    ----------
    mode
        Pillow's name of the pixels: "L" or "RGB".
    size
        Width and height as stored, in pixels.
    orientation
        EXIF orientation, 1 to 8.
    profile
        ICC profile; None if it has none.
    progressive
        Whether the decoder holds the coefficients of the whole picture.
    one_scan
        Whether the first scan is certainly the only one.
    """

    mode: str
    size: tuple[int, int]
    orientation: int = 1
    profile: bytes | None = None
    progressive: bool = False
    one_scan: bool = False


def plain_header(data: bytes) -> JpegHeader | None:
    """Return what the headers of a plain JPEG say, exactly as Pillow reads them.

    A plain JPEG is whole up to its first scan, has one frame of 8 bits in grey or colour, and holds nothing odd, no
    further pictures and no profile in parts. None for any other file: Pillow opens it.
    """
    try:
        return _read(data) if data.startswith(_START) else None
    except (struct.error, IndexError):  # the file ends within its headers
        return None


def _read(data: bytes) -> JpegHeader | None:
    """Walk over the segments up to the first scan."""
    found, position, last = _Found(), 2, len(data)
    while True:
        kind, size = _HEAD.unpack_from(data, position)
        body, end = position + 4, position + 2 + size
        if not body <= end <= last:
            return None
        if kind == _SCAN:
            return found.header(data[body])
        if kind not in _PASSED_OVER and not found.takes(kind, data, body, end):
            return None
        position = end


class _Found:
    """What the segments before a scan say of the picture."""

    __slots__ = ("frame", "orientation", "profile")

    def __init__(self) -> None:
        self.frame: tuple[str, tuple[int, int], bytes | None, bool] | None = None
        self.profile: bytes | None = None
        self.orientation: int | None = None

    def header(self, components: int) -> JpegHeader | None:
        """Return the header of a picture whose first scan has so many components; None without a frame."""
        if self.frame is None:
            return None
        mode, size, profile, progressive = self.frame
        one_scan = not progressive and components == len(mode)
        return JpegHeader(mode, size, self.orientation or 1, profile, progressive, one_scan)

    def takes(self, kind: int, data: bytes, body: int, end: int) -> bool:
        """Read a segment; return whether it is plain."""
        if kind == _TABLES:
            return _has_whole_tables(data, body, end)
        if kind in _FRAMES:
            return self._takes_frame(kind, data, body, end)
        if kind == _APP1 and data.startswith(_BEFORE_EXIF, body, end):
            is_first = self.orientation is None
            self.orientation = exif_orientation_in(data[body + len(_BEFORE_EXIF) : end])
            return is_first and self.orientation is not None
        # Pillow takes up a profile when it meets the frame.
        may_have = self.frame is None and self.profile is None
        if kind == _PROFILE and may_have and data.startswith(_BEFORE_PROFILE, body, end):
            self.profile = data[body + len(_BEFORE_PROFILE) : end]
            return True
        return _is_passed_over(kind, data, body, end)

    def _takes_frame(self, kind: int, data: bytes, body: int, end: int) -> bool:
        bits, height, width, components = _FRAME.unpack_from(data, body)
        mode = _MODES.get(components)
        fits = end - body == _FRAME.size + 3 * components and width > 0 and height > 0 and bits == _BITS
        if self.frame is not None or mode is None or not fits:
            return False
        self.frame = mode, (width, height), self.profile, kind == _PROGRESSIVE
        return True


def _has_whole_tables(data: bytes, body: int, end: int) -> bool:
    """Return whether a segment ends with a table of quantisation."""
    while body < end:
        body += _LONG_TABLE if data[body] >> 4 else _TABLE
    return body == end


def _is_passed_over(kind: int, data: bytes, body: int, end: int) -> bool:
    """Return whether a segment of an application needs no more than a look."""
    if kind == _JFIF:
        return end - body >= _LEAST_NAMED or not data.startswith(b"JFIF", body, end)
    if kind == _ADOBE:
        return end - body >= _LEAST_NAMED or not data.startswith(b"Adobe", body, end)
    if kind == _PROFILE:
        return not data.startswith((b"ICC_PROFILE\0", b"MPF\0"), body, end)
    if kind == _PHOTOSHOP:
        return not data.startswith(b"Photoshop 3.0\0", body, end) or has_whole_resources(data[body:end])
    return kind == _APP1
