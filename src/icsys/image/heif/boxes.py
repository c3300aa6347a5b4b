"""The properties of the picture in an AVIF or HEIC file (ISO/IEC 14496-12 and 23008-12), found without decoding it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = 4  # bytes of version and flags
_SAMPLE_ENTRY = 78  # bytes of a visual sample entry before its boxes
_NCLX, _CODES = b"nclx", 10  # bytes of the kind of colours, two codes and the matrix
_APERTURE = struct.Struct(">8i")


class Box(NamedTuple):
    """One box: its kind, and where its content begins and ends in the file."""

    kind: bytes
    start: int
    end: int


class PictureProperties(NamedTuple):
    """What a file holds on its main picture.

    Attributes
    ----------
    size
        Width and height as coded, before it is cropped and turned; None if the file lacks them.
    codes
        Primaries and transfer function, codes of ITU-T H.273; None if the file lacks them.
    clean_aperture
        Width and height of the part that is shown, and the offset of its centre, as four pairs of a numerator and a
        denominator; None if all is shown.
    aperture_at
        Where these numbers begin in the file.
    cropped_size
        Width and height of what is cropped: turned, if it is turned before.
    """

    size: tuple[int, int] | None = None
    codes: tuple[int, int] | None = None
    clean_aperture: tuple[int, ...] | None = None
    aperture_at: int = 0
    cropped_size: tuple[int, int] = (0, 0)


def picture_properties(data: bytes) -> PictureProperties:
    """Return the properties of the picture that decoders take: the first track of ``avis``, or the primary item."""
    boxes = list(_boxes(data, 0, len(data)))
    brand = next((data[box.start : box.start + 4] for box in boxes if box.kind == b"ftyp"), b"")
    found = _of_track(data, boxes) if brand == b"avis" else None
    return _read(data, found if found is not None else _of_primary_item(data, boxes))


def crop_box(size: tuple[int, int], clean_aperture: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of a clean aperture in a picture of ``size`` (ISO/IEC 14496-12, 12.1.4).

    None if it lies between pixels or beyond the picture, or has no area: such a one is to be ignored.
    """
    edges = _edges(size, clean_aperture)
    if edges is None or any(edge % unit for edge, unit in edges):
        return None
    left, top, right, bottom = (edge // unit for edge, unit in edges)
    return left, top, right, bottom


def without_impossible_crop(data: bytes) -> bytes:
    """Return a file whose clean aperture is the whole picture if the one that it has lies beyond it or has no area.

    libheif refuses such files, or crops them to what is left.
    """
    found = picture_properties(data)
    if found.clean_aperture is None or found.size is None or _edges(found.cropped_size, found.clean_aperture):
        return data
    width, height = found.cropped_size
    whole = struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1)
    return data[: found.aperture_at] + whole + data[found.aperture_at + len(whole) :]


def _edges(size: tuple[int, int], clean_aperture: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """Return left, top, right and bottom of a clean aperture as fractions; None if it has none in the picture."""
    firsts, lasts = [], []
    sides = clean_aperture[:2] + clean_aperture[4:6], clean_aperture[2:4] + clean_aperture[6:]
    for length, (part, part_unit, offset, offset_unit) in zip(size, sides, strict=True):
        if part_unit <= 0 or offset_unit <= 0 or part < part_unit:
            return None
        unit = 2 * part_unit * offset_unit
        first = 2 * part_unit * offset + offset_unit * (length * part_unit - part)
        last = first + 2 * offset_unit * part
        if first < 0 or last > length * unit:
            return None
        firsts.append((first, unit))
        lasts.append((last, unit))
    return firsts + lasts


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes in a part of the file, up to one that does not fit into it."""
    while start + 8 <= end:
        size, content = int.from_bytes(data[start : start + 4], "big"), start + 8
        if size == 1:  # its size has 64 bits
            size, content = int.from_bytes(data[content : content + 8], "big"), content + 8
        stop = start + size if size else end
        if stop < content or stop > end:
            return
        yield Box(data[start + 4 : start + 8], content, stop)
        start = stop


def _inside(data: bytes, boxes: list[Box], *path: bytes) -> list[Box]:
    """Return the boxes below the first box of each kind in ``path``; none if one is missing."""
    for kind in path:
        box = next((box for box in boxes if box.kind == kind), None)
        if box is None:
            return []
        boxes = list(_boxes(data, box.start + (_FULL if kind == b"meta" else 0), box.end))
    return boxes


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "big")


def _of_primary_item(data: bytes, boxes: list[Box]) -> list[Box]:
    """Return the properties of the primary item, in the order of their association."""
    meta = _inside(data, boxes, b"meta")
    primary = next((box for box in meta if box.kind == b"pitm"), None)
    if primary is None:
        return []
    item = _number(data, primary.start + _FULL, 4 if _number(data, primary.start, 1) else 2)
    shared = _inside(data, meta, b"iprp", b"ipco")
    indices: list[int] = []
    for box in _inside(data, meta, b"iprp"):
        if box.kind == b"ipma":
            indices += _associations(data, box, item)
    return [shared[index - 1] for index in indices if 1 <= index <= len(shared)]


def _associations(data: bytes, box: Box, wanted: int) -> list[int]:
    """Return the numbers of the properties of an item, counted from 1, in an ``ipma`` box."""
    id_bytes, index_bytes = (4 if _number(data, box.start, 1) else 2), 1 + _number(data, box.start + 3, 1) % 2
    position, entries = box.start + _FULL + 4, _number(data, box.start + _FULL, 4)
    for _ in range(entries):
        if position + id_bytes >= box.end:
            break
        item, count = _number(data, position, id_bytes), data[position + id_bytes]
        position += id_bytes + 1
        end = position + count * index_bytes
        if item == wanted:
            mask = (1 << (8 * index_bytes - 1)) - 1  # the first bit is set for essential properties
            return [_number(data, at, index_bytes) & mask for at in range(position, min(end, box.end), index_bytes)]
        position = end
    return []


def _of_track(data: bytes, boxes: list[Box]) -> list[Box] | None:
    """Return the boxes of the first sample entry of the first track of pictures; None without such a track."""
    for track in _inside(data, boxes, b"moov"):
        media = _inside(data, [track], b"trak", b"mdia")
        handler = next((data[box.start + 8 : box.start + 12] for box in media if box.kind == b"hdlr"), b"")
        table = next((box for box in _inside(data, media, b"minf", b"stbl") if box.kind == b"stsd"), None)
        if handler == b"pict" and table:
            entry = next(_boxes(data, table.start + _FULL + 4, table.end), None)
            return list(_boxes(data, entry.start + _SAMPLE_ENTRY, entry.end)) if entry else []
    return None


def _read(data: bytes, properties: list[Box]) -> PictureProperties:
    """Return the values of properties; the first of a kind counts, and one that is cut short does not."""
    found, turned = PictureProperties(), False
    for kind, start, end in properties:
        length = end - start
        if kind == b"ispe" and length >= _FULL + 8 and found.size is None:
            found = found._replace(size=(_number(data, start + 4, 4), _number(data, start + 8, 4)))
        elif kind == b"colr" and data[start : start + 4] == _NCLX and length >= _CODES and found.codes is None:
            found = found._replace(codes=(_number(data, start + 4, 2), _number(data, start + 6, 2)))
        elif kind == b"clap" and length >= _APERTURE.size and found.clean_aperture is None:
            size = found.size or (0, 0)
            found = found._replace(
                clean_aperture=_APERTURE.unpack_from(data, start),
                aperture_at=start,
                cropped_size=size[::-1] if turned else size,
            )
        elif kind == b"irot" and length:
            turned ^= bool(data[start] & 1)  # quarter turns
    return found
