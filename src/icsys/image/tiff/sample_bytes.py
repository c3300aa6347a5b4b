"""The bytes of a TIFF's samples: libtiff unpacks each plane as a grey picture of 8 bits."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.tiff.kinds import JPEG, UNCOMPRESSED, Colors, number, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.image.tiff.kinds import Kind

_SHORT, _LONG, _UNDEFINED, _LONG8 = 3, 4, 7, 16  # types of values (TIFF 6.0, section 2; BigTIFF)
_FORMATS = {_SHORT: "H", _LONG: "I", _UNDEFINED: "B", _LONG8: "Q"}
_BLACK_IS_ZERO = 1


class Layout(NamedTuple):
    """Where the samples of a picture lie.

    Parameters
    ----------
    width, height
        Of the picture, in pixels.
    part_width, part_height
        Of a strip or tile, in pixels.
    tiled
        Whether the parts are tiles.
    offsets, sizes
        Of the parts in the file, in bytes, plane by plane.
    """

    width: int
    height: int
    part_width: int
    part_height: int
    tiled: bool
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


def layout_of(tags: Mapping[int, Any], kind: Kind) -> Layout:
    """Return where the samples of a picture lie.

    Raises
    ------
    ImageError
        ``broken`` if tags are missing or contradict each other.
    """
    width, height = number(tags, Base.ImageWidth, 0), number(tags, Base.ImageLength, 0)
    tiled = Base.TileOffsets in tags
    if tiled:
        part_width, part_height = number(tags, Base.TileWidth, 0), number(tags, Base.TileLength, 0)
        offsets, sizes = numbers(tags, Base.TileOffsets), numbers(tags, Base.TileByteCounts)
    else:
        part_width, part_height = width, min(number(tags, Base.RowsPerStrip, height), height)
        offsets, sizes = numbers(tags, Base.StripOffsets), numbers(tags, Base.StripByteCounts)
    if min(width, height, part_width, part_height) < 1:
        raise ImageError("broken", "a TIFF without a size, or with parts of no size")
    parts = -(-width // part_width) * -(-height // part_height) * (kind.samples if kind.planar else 1)
    layout = Layout(width, height, part_width, part_height, tiled, offsets, sizes)
    if not sizes and kind.compression == UNCOMPRESSED and len(offsets) == parts:
        sizes = (row_bytes(part_width, kind) * unit_rows(part_height, kind),) * parts
    if len(offsets) < parts or len(sizes) < parts:
        raise ImageError("broken", f"a TIFF of {min(len(offsets), len(sizes))} strips or tiles: expected {parts}")
    across, down = kind.subsampling
    if (tiled and part_width % across) or (part_height % down and part_height < height):
        raise ImageError("broken", f"parts of {part_width}x{part_height} pixels cut through chroma of {across}x{down}")
    return layout._replace(sizes=sizes)


def row_bytes(width: int, kind: Kind) -> int:
    """Return the bytes of a row of one plane; of YCbCr, of a row of units, which hold the luma of several pixels."""
    if kind.photometric == Colors.YCBCR and not kind.planar:
        across, down = kind.subsampling
        return -(-width // across) * (across * down + kind.samples - 1)
    return -(-width * kind.bits * (1 if kind.planar else kind.samples) // 8)


def unit_rows(height: int, kind: Kind) -> int:
    """Return the rows of units in rows of pixels."""
    return -(-height // kind.subsampling[1])


def plane_file(data: bytes, tags: Mapping[int, Any], kind: Kind, layout: Layout, plane: int) -> bytes:
    """Return a TIFF that shows the bytes of one plane as grey pixels, in the same order.

    It is ``data`` with another header and directory before it. So every compression of bytes that libtiff has serves
    every kind of sample, within the same limits, and a cut is found as it is in any file.
    """
    big, order = data[2:4] in {b"+\0", b"\0+"}, "<" if data[:2] == b"II" else ">"
    parts = -(-layout.width // layout.part_width) * -(-layout.height // layout.part_height)
    chosen = slice(plane * parts, (plane + 1) * parts)
    place = _LONG8 if big else _LONG
    entries: dict[int, tuple[int, tuple[int, ...]]] = {
        Base.ImageWidth: (_LONG, (row_bytes(layout.width, kind),)),
        Base.ImageLength: (_LONG, (unit_rows(layout.height, kind),)),
        Base.BitsPerSample: (_SHORT, (8,)),
        Base.Compression: (_SHORT, (kind.compression,)),
        Base.PhotometricInterpretation: (_SHORT, (_BLACK_IS_ZERO,)),
        Base.FillOrder: (_SHORT, (kind.fill_order,)),
        Base.SamplesPerPixel: (_SHORT, (1,)),
    }
    rows = (_LONG, (unit_rows(layout.part_height, kind),))
    at, sizes = (Base.TileOffsets, Base.TileByteCounts) if layout.tiled else (Base.StripOffsets, Base.StripByteCounts)
    if layout.tiled:
        entries |= {Base.TileWidth: (_LONG, (row_bytes(layout.part_width, kind),)), Base.TileLength: rows}
    else:
        entries[Base.RowsPerStrip] = rows
    entries |= {at: (place, layout.offsets[chosen]), sizes: (place, layout.sizes[chosen])}
    if kind.compression == JPEG and Base.JPEGTables in tags:
        entries[Base.JPEGTables] = (_UNDEFINED, tuple(tags[Base.JPEGTables]))
    shift = len(_directory(data[:2], entries, order, big=big))
    entries[at] = (place, tuple(offset + shift for offset in layout.offsets[chosen]))
    return _directory(data[:2], entries, order, big=big) + data


def _directory(mark: bytes, entries: dict[int, tuple[int, tuple[int, ...]]], order: str, *, big: bool) -> bytes:
    """Return the header of a TIFF, one directory, and the values that do not fit into it."""
    word, count_format = ("Q", "Q") if big else ("I", "H")
    room = struct.calcsize(order + word)
    head = mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8))
    start = len(head) + struct.calcsize(f"{order}{count_format}") + len(entries) * (4 + 2 * room) + room
    values = bytearray()
    rows = []
    for tag, (kind, content) in sorted(entries.items()):
        try:
            raw = struct.pack(f"{order}{len(content)}{_FORMATS[kind]}", *content)
        except struct.error as error:
            raise ImageError("broken", f"a TIFF whose tag {int(tag)} is out of range") from error
        if len(raw) > room:
            raw, outside = struct.pack(order + word, start + len(values)), raw
            values += outside + bytes(len(outside) % 2)
        rows.append(struct.pack(f"{order}HH{word}", tag, kind, len(content)) + raw.ljust(room, b"\0"))
    return head + struct.pack(order + count_format, len(rows)) + b"".join(rows) + bytes(room) + bytes(values)
