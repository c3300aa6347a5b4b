"""Correct what is odd about a JPEG and costs no pixel, so that the strict decoder takes it and finds what does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from icsys.image.jpeg.segments import START_OF_SCAN, is_one_scan, jpeg_components, jpeg_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_JPEG = b"\xff\xd8"
_END_OF_JPEG = b"\xff\xd9"
# libjpeg's warnings about what costs no pixel. It gives only the first of a file, so each may hide one about damage.
_STRAY_BYTES = re.compile("Corrupt JPEG data: .* extraneous bytes before marker")
_ODD_PROFILE = "Corrupt JPEG data: bad ICC marker"
_ODD_SCAN = "Invalid SOS parameters"
_ODD_REVISION = "Warning: unknown JFIF revision number"
_ODD_TRANSFORM = "Unknown Adobe color transform code"

_SCAN = re.compile(rb"\xff\xda\x00[\x06\x08\x0a\x0c]")
_REVISION = re.compile(rb"(\xff\xe0..JFIF\0).", re.DOTALL)
_TRANSFORM = re.compile(rb"(\xff\xee..Adobe.{6}).", re.DOTALL)
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # with a length, or the start or the end of a file
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_LEAST_PADDING = 4  # bytes
_HUFFMAN, _QUANTISATION = 0xC4, 0xDB
_TABLES = {_HUFFMAN, _QUANTISATION}  # a segment may hold several
_START, _END, _EXIF, _PROFILE, _ADOBE = 0xD8, 0xD9, 0xE1, 0xE2, 0xEE
_EXTRAS = {*range(0xE0, 0xF0), 0xFE}  # of applications, and comments
_FIRST_OF_TABLE = {*range(4), *range(0x10, 0x14)}  # class or precision, and number
_LEAST_HUFFMAN, _LEAST_QUANTISATION = 17, 65  # bytes
_LEAST_SEGMENT = 4  # bytes: a marker and a length
_SCAN_LENGTH, _COMPONENTS_OF_SCANS = 6, {b"\1", b"\2", b"\3", b"\4"}  # (ITU-T T.81, B.2.3)
_ADOBE_LENGTH = 14
_FIRST_REVISION = b"\1"
_YCBCR, _YCCK, _COMPONENTS_OF_CMYK = 1, 2, 4


def mend_jpeg(data: bytes, complaint: str) -> tuple[bytes, str | None]:
    """Correct a harmless oddity of a JPEG, whose warning would hide real damage.

    Some cameras write the scan header of another kind of JPEG, or stray bytes between headers; some files lack only
    their end marker.

    Parameters
    ----------
    complaint
        libjpeg's warning about the file.

    Returns
    -------
    mended
        The file without the oddity; the same bytes if there is none.
    note
        What was wrong; None for what is common.
    """
    note = None
    if _STRAY_BYTES.match(complaint):
        mended, place = _without_stray_bytes(data), "between the headers"
        if mended == data:
            mended, place = _without_padding(data), "behind the pixels"
        if mended != data:
            note = f"{len(data) - len(mended)} stray bytes {place} of the JPEG were passed over"
        data = mended
    elif complaint.startswith(_ODD_PROFILE):
        data = _without_segments(data, lambda kind, body: kind == _PROFILE and body.startswith(b"ICC_PROFILE\0"))
        note = "the colour profile of the JPEG is damaged"
    elif complaint.startswith(_ODD_SCAN):
        data = _with_usual_scan(data)
    elif complaint.startswith(_ODD_REVISION):
        data = _REVISION.sub(lambda segment: segment[1] + _FIRST_REVISION, data, count=1)
    elif complaint.startswith(_ODD_TRANSFORM):
        usual = _YCCK if jpeg_components(data) == _COMPONENTS_OF_CMYK else _YCBCR
        data = _TRANSFORM.sub(lambda segment: segment[1] + bytes([usual]), data, count=1)
    return with_end(data), note


def with_end(data: bytes) -> bytes:
    """Return a JPEG of one scan with an end marker, if it lacks that; others as they are."""
    return data if data.endswith(_END_OF_JPEG) or not is_one_scan(data) else data + _END_OF_JPEG


def close_jpeg(data: bytes) -> bytes:
    """Append an end marker to a JPEG that was cut off, so that a decoder returns the pixels there are."""
    if not data.startswith(_JPEG) or data.endswith(_END_OF_JPEG):
        return data
    cut = next((start for _, start, end in jpeg_segments(data) if end > len(data)), len(data))
    return data[:cut] + _END_OF_JPEG


def barer_jpegs(data: bytes) -> Iterator[bytes]:
    """Yield a JPEG without headers that hold no pixels, for a decoder that fails on one of them.

    The first lacks stray bytes, comments and all that programs have added but EXIF data, the profile and Adobe's. The
    second has only Adobe's, which decide what the components are.
    """
    data = _without_stray_bytes(data)
    for needed in ({_EXIF, _PROFILE, _ADOBE}, {_ADOBE}):
        unwanted = _EXTRAS - needed
        yield _without_segments(data, lambda kind, _, unwanted=unwanted: kind in unwanted)  # type: ignore[misc]


def _without_segments(data: bytes, is_unwanted: Callable[[int, bytes], bool]) -> bytes:
    """Return a JPEG without some of the segments before its first scan."""
    parts, at = [], 0
    for kind, start, end in jpeg_segments(data):
        if kind == START_OF_SCAN:
            break
        if is_unwanted(kind, data[start + 4 : end]):
            parts.append(data[at:start])
            at = end
    return b"".join((*parts, data[at:]))


def _without_stray_bytes(data: bytes) -> bytes:
    """Return a JPEG without the bytes before its first scan that belong to no segment.

    Bytes behind the pixels of a scan stay: such bytes are left over when pixels are damaged.
    """
    parts, at = [], 0
    for start, end in _stray_bytes(data):
        parts.append(data[at:start])
        at = end
    return b"".join((*parts, data[at:]))


def _stray_bytes(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where bytes begin and end that libjpeg skips before the first scan, and that cannot be damaged segments."""
    before, start, length = _START, len(_JPEG), 0
    while before != START_OF_SCAN and (marker := _MARKER.search(data, start)) and marker[1][0] not in {_START, _END}:
        if marker.start() > start and not _may_be_damage(data[start : marker.start() + 1], before, length):
            yield start, marker.start()
        before, length = marker[1][0], int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        start = marker.end() + length


def _without_padding(data: bytes) -> bytes:
    """Return a JPEG of one scan without a run of equal bytes behind its pixels.

    The rest then decodes to its very last byte. Damage leaves the last codes of the pixels over instead, or has put a
    run in the place of codes that are missing then.
    """
    scan = next((end for kind, _, end in jpeg_segments(data) if kind == START_OF_SCAN), len(data))
    marker = _AFTER_SCAN.search(data, scan)
    if marker is None or not is_one_scan(data):
        return data
    end = marker.start()
    kept = len(data[:end].rstrip(data[end - 1 : end]))
    return data[:kept] + data[end:] if end - kept >= _LEAST_PADDING else data


def _may_be_damage(stray: bytes, before: int, length: int) -> bool:
    """Return whether stray bytes may belong to the segment before them, or be segments with a damaged marker.

    Parameters
    ----------
    stray
        The bytes, and the first of the marker behind them.
    before, length
        Marker and length of the segment before them.
    """
    if not any(stray[:-1]):
        return False
    if before in _TABLES and _may_be_table(stray, before):
        return True
    if before == _ADOBE and length < _ADOBE_LENGTH:
        return True
    size, components = int.from_bytes(stray[2:4], "big"), stray[4:5]
    is_scan = components in _COMPONENTS_OF_SCANS and size == _SCAN_LENGTH + 2 * components[0]
    return is_scan or (len(stray) > _LEAST_SEGMENT and stray[2 + size : 3 + size] == b"\xff")


def _may_be_table(stray: bytes, kind: int) -> bool:
    """Return whether bytes may begin with a table of Huffman codes, or of quantisation (ITU-T T.81, B.2.4)."""
    least = _LEAST_QUANTISATION if kind == _QUANTISATION else _LEAST_HUFFMAN + sum(stray[1:_LEAST_HUFFMAN])
    return stray[0] in _FIRST_OF_TABLE and len(stray) > least


def _with_usual_scan(data: bytes) -> bytes:
    """Return a sequential JPEG with the scan parameters that its kind has (ITU-T T.81, B.2.3)."""
    usual = bytearray(data)
    for scan in _SCAN.finditer(data):
        end = scan.start() + 2 + data[scan.end() - 1]
        usual[end - 3 : end] = b"\0\x3f\0"
    return bytes(usual)
