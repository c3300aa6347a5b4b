"""The pages of a TIFF: find the one that is the picture, and refuse camera raw by its name."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.tiff.camera_raw import refused_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REDUCED, _MASK = 1, 4  # bits of NewSubfileType (TIFF 6.0, section 8)
_OLD_REDUCED = 2  # SubfileType
_TRANSPARENCY_MASK, _DEPTH_MAP, _PHOTOMETRIC_MASK = 4, 51177, 52527  # PhotometricInterpretation of what is no picture
_NO_PICTURE = {_TRANSPARENCY_MASK, _DEPTH_MAP, _PHOTOMETRIC_MASK}
_SENSOR_DATA = {32803: "CFA", 34892: "LinearRaw"}  # PhotometricInterpretation (DNG specification)
_FULL = {0, 2}  # NewSubfileType of a picture, and of one of several pages
_NOT_SHOWN = {*_NO_PICTURE, *_SENSOR_DATA}
_RAW_COMPRESSIONS = {32767: "ARW", 34713: "NEF", 65000: "DCR", 65535: "PEF"}
_RAW_BY_MAKE = {
    "NIKON": "NEF", "SONY": "ARW", "PENTAX": "PEF", "RICOH": "PEF", "SAMSUNG": "SRW", "HASSELBLAD": "3FR",
    "SEIKO EPSON": "ERF", "EASTMAN KODAK": "DCR", "KODAK": "DCR", "MAMIYA": "MEF", "LEAF": "MOS", "PHASE ONE": "IIQ",
    "CANON": "CR2", "OLYMPUS": "ORF", "PANASONIC": "RW2", "LEICA": "RWL",
}  # fmt: skip
_MOST = 64  # directories that are searched for the picture
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # BYTE, SHORT, LONG, IFD, LONG8, IFD8
_ASCII = 2
_TYPES = {**_INTEGERS, 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d", 17: "q"}  # numbers
_CLASSIC_ROOM, _BIG_ROOM = 4, 8  # bytes for a value in a directory
_WANTED = frozenset(
    {*(Base.NewSubfileType, Base.SubfileType, Base.ImageWidth, Base.ImageLength, Base.Compression, Base.Make),
     *(Base.PhotometricInterpretation, Base.SubIFDs, Base.DNGVersion)}
)  # fmt: skip


class _Layout(NamedTuple):
    """How a file writes numbers: its byte order, and whether it is a BigTIFF."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """Format of a place in the file."""
        return self.order + ("Q" if self.big else "I")


class _Page(NamedTuple):
    """A directory: its place, the tags that are wanted here, and the place of the next one."""

    place: int
    tags: dict[int, tuple[int, ...]]
    make: str
    following: int

    def first(self, tag: int) -> int:
        """Return the first value of a tag, 0 if there is none."""
        return next(iter(self.tags.get(tag, ())), 0)

    @property
    def is_full(self) -> bool:
        """Whether this is a picture in its full size, and no mask."""
        reduced = self.first(Base.NewSubfileType) & _REDUCED or self.first(Base.SubfileType) == _OLD_REDUCED
        return not reduced and not self.is_mask

    @property
    def is_mask(self) -> bool:
        """Whether this holds transparency or distances."""
        photometric = self.first(Base.PhotometricInterpretation)
        return bool(self.first(Base.NewSubfileType) & _MASK) or photometric in _NO_PICTURE

    @property
    def is_raw(self) -> bool:
        """Whether these are the values of a sensor."""
        return (
            self.first(Base.PhotometricInterpretation) in _SENSOR_DATA
            or self.first(Base.Compression) in _RAW_COMPRESSIONS
        )

    @property
    def is_plain(self) -> bool:
        """Whether nothing tells of other pages that count more than this one."""
        tags = self.tags
        return self.is_full and not self.is_raw and Base.SubIFDs not in tags and Base.DNGVersion not in tags


def at_picture(data: bytes) -> bytes:
    """Return a TIFF whose first page is its picture: ``data`` itself unless the first page is a smaller copy or a mask.

    Pages that are marked as reduced (``NewSubfileType``, ``SubfileType``) or hold a mask are passed over. The pages
    below the first one count before those after it. If all are reduced, the largest is the picture.

    Raises
    ------
    ImageError
        ``unsupported`` for camera raw, which holds values of a sensor.
    """
    layout = _Layout("<" if data[:2] == b"II" else ">", data[2:4] in {b"+\0", b"\0+"})
    try:
        (place,) = struct.unpack_from(layout.offset, data, 8 if layout.big else 4)
        first = _page(data, place, layout)
    except struct.error:
        return data
    chosen = first if first.is_plain else _chosen(data, first, layout)
    if layout == _Layout(">", big=True):
        return _as_classic(data, chosen.place, layout)
    if chosen.place == first.place:
        return data
    start = 8 if layout.big else 4
    end = start + struct.calcsize(layout.offset)
    return data[:start] + struct.pack(layout.offset, chosen.place) + data[end:]


def _chosen(data: bytes, first: _Page, layout: _Layout) -> _Page:
    """Return the page that is the picture, or refuse camera raw."""
    pages = list(_pages(data, first, layout))
    raw = next((page for page in pages if page.is_raw), None)
    if raw:
        raise refused_raw(_raw_name(first, raw))
    full = next((page for page in pages if page.is_full), None)
    pictures = [page for page in pages if not page.is_mask] or [first]
    return full or max(pictures, key=lambda page: page.first(Base.ImageWidth) * page.first(Base.ImageLength))


def _as_classic(data: bytes, place: int, layout: _Layout) -> bytes:
    """Return a BigTIFF as a TIFF with a copy of one directory, because Pillow reads no BigTIFF of this byte order.

    Raises
    ------
    ImageError
        ``too_large`` for places beyond 4 GiB.
    """
    order = layout.order
    (count,) = struct.unpack_from(f"{order}Q", data, place)
    rows = []
    for position in range(place + 8, place + 8 + 20 * count, 20):
        tag, kind, number, value = struct.unpack_from(f"{order}HHQQ", data, position)
        room = number * struct.calcsize(order + _TYPES.get(kind, "B"))
        if room <= _CLASSIC_ROOM:
            word = data[position + 12 : position + 12 + _CLASSIC_ROOM]
        else:
            word = _long(order, position + 12 if room <= _BIG_ROOM else value)
        rows.append(struct.pack(f"{order}HH", tag, kind) + _long(order, number) + word)
    directory = struct.pack(f"{order}H", count) + b"".join(rows) + bytes(_CLASSIC_ROOM)
    end = bytes(len(data) % 2)
    return b"MM\0*" + _long(order, len(data) + len(end)) + data[8:] + end + directory


def _long(order: str, number: int) -> bytes:
    """Return a number in 4 bytes."""
    if number >= 1 << 32:
        raise ImageError(
            "too_large", f"a BigTIFF of high byte first with the number {number}: expected less than 4 GiB"
        )
    return struct.pack(f"{order}I", number)


def is_picture(tags: Mapping[int, Any]) -> bool:
    """Return whether the tags of a first page tell of no other page that counts more: the quick test for most files."""
    return not (
        Base.SubIFDs in tags
        or Base.DNGVersion in tags
        or tags.get(Base.NewSubfileType, 0) not in _FULL
        or tags.get(Base.SubfileType, 1) == _OLD_REDUCED
        or tags.get(Base.PhotometricInterpretation, 1) in _NOT_SHOWN
        or tags.get(Base.Compression, 1) in _RAW_COMPRESSIONS
    )


def _raw_name(first: _Page, raw: _Page) -> str:
    """Return the usual suffix of a kind of camera raw."""
    if Base.DNGVersion in first.tags:
        return "DNG"
    by_compression = _RAW_COMPRESSIONS.get(raw.first(Base.Compression))
    make = first.make.upper()
    by_make = next((name for start, name in _RAW_BY_MAKE.items() if make.startswith(start)), None)
    return by_make or by_compression or _SENSOR_DATA[raw.first(Base.PhotometricInterpretation)]


def _pages(data: bytes, first: _Page, layout: _Layout) -> Iterator[_Page]:
    """Yield the pages, each followed by those below it, up to a loop, damage or :data:`_MOST`."""
    seen: set[int] = set()
    page: _Page | None = first
    while page is not None and page.place not in seen and len(seen) < _MOST:
        seen.add(page.place)
        yield page
        for place in page.tags.get(Base.SubIFDs, ()):
            below = _readable(data, place, layout)
            if below is not None and place not in seen and len(seen) < _MOST:
                seen.add(place)
                yield below
        page = _readable(data, page.following, layout) if page.following else None


def _readable(data: bytes, place: int, layout: _Layout) -> _Page | None:
    """Return the directory at a place; None if it is damaged."""
    try:
        return _page(data, place, layout)
    except struct.error:
        return None


def _page(data: bytes, place: int, layout: _Layout) -> _Page:
    """Read a directory (TIFF 6.0, section 2).

    Raises
    ------
    struct.error
        If it extends beyond the file.
    """
    order, big = layout
    if place > len(data):
        raise struct.error("the directory lies beyond the file")
    count_format, entry_format, room = (f"{order}Q", f"{order}HHQ", 8) if big else (f"{order}H", f"{order}HHI", 4)
    (count,) = struct.unpack_from(count_format, data, place)
    start, size = place + struct.calcsize(count_format), struct.calcsize(entry_format) + room
    if start + count * size > len(data):
        raise struct.error("the directory extends beyond the file")
    tags: dict[int, tuple[int, ...]] = {}
    make = ""
    for position in range(start, start + count * size, size):
        tag, kind, number = struct.unpack_from(entry_format, data, position)
        if tag not in _WANTED:
            continue
        number, value = min(number, _MOST), position + size - room
        width = struct.calcsize(order + _INTEGERS.get(kind, "B"))
        if number * width > room:
            (value,) = struct.unpack_from(layout.offset, data, value)
            value = min(value, len(data))
        if kind in _INTEGERS:
            tags[tag] = struct.unpack_from(f"{order}{number}{_INTEGERS[kind]}", data, value)
        elif kind == _ASCII and tag == Base.Make:
            make = data[value : value + number].decode("latin-1").strip("\0 ")
    end = start + count * size
    following = struct.unpack_from(layout.offset, data, end)[0] if end + room <= len(data) else 0
    return _Page(place, tags, make, following)
