"""What programs add to a JPEG's headers, as far as it is plain enough to be read without Pillow."""

from __future__ import annotations

import struct

_ORIENTATION, _RESOLUTION, _RESOLUTION_UNIT = 0x112, 0x11A, 0x128
_SHORT, _RATIONAL = 3, 5
# Tags whose value Pillow reads when it opens a file, with the type that it must have here.
_READ = {_ORIENTATION: _SHORT, _RESOLUTION: _RATIONAL, _RESOLUTION_UNIT: _SHORT}
_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # TIFF 6.0, section 2
_ENTRY, _INSIDE_ENTRY = 12, 4  # bytes of an entry, and of a value that stands in it
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATIONS = range(1, 9)


def exif_orientation_in(tiff: bytes) -> int | None:
    """Return the orientation, 1 to 8, in the TIFF structure of EXIF data, as Pillow finds it.

    1 where there is none. None for a structure with anything odd, which Pillow may read in part: an entry of an unknown
    type, one that occurs twice, values that lie outside.

    Raises
    ------
    struct.error
        If the structure ends within its header or its directory.
    """
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return None
    (start,) = struct.unpack_from(order + "L", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    first, end = start + 2, start + 2 + _ENTRY * count
    if end + 4 > len(tiff):  # the place of the next directory follows
        return None
    orientation, held, tags = 1, 0, set()
    for at, entry in zip(range(first, end, _ENTRY), struct.iter_unpack(order + "HHLL", tiff[first:end]), strict=True):
        tag, kind, values, place = entry
        tags.add(tag)
        size = values * _BYTES_OF_TYPE.get(kind, 0)
        if size > _INSIDE_ENTRY:
            held += size
            if place + size > len(tiff):
                return None
        if kind not in _BYTES_OF_TYPE or (tag in _READ and (kind, values) != (_READ[tag], 1)):
            return None
        if tag == _ORIENTATION:
            (orientation,) = struct.unpack_from(order + "H", tiff, at + _ENTRY - _INSIDE_ENTRY)
    if held > len(tiff) or len(tags) < count:
        return None
    return orientation if orientation in _ORIENTATIONS else 1


def has_whole_resources(block: bytes) -> bool:
    """Return whether Pillow passes over the resources of Photoshop in a segment; it fails where a name is missing."""
    at = 14  # behind the name of the program
    while block.startswith(b"8BIM", at):
        at += 6
        if at >= len(block):
            return at > len(block)
        at += 1 + block[at]
        at += at & 1
        at += 4 + int.from_bytes(block[at : at + 4], "big")
        at += at & 1
    return True
