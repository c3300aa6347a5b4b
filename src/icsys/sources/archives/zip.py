"""Zip archives: their directory lists them, and every member can be read by itself."""

from __future__ import annotations

import bz2
import io
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.decode import sniff
from icsys.image.limits import check_bytes
from icsys.sources.archives.links import Links
from icsys.sources.archives.member_index import Listed, Member, Slot
from icsys.sources.archives.store import Disk
from icsys.sources.archives.zip_reader import FIXED, SIGNATURE, UTF8, Entry, ZipReader
from icsys.sources.base import Ignored, Place, Unreadable
from icsys.sources.recorded_labels import Book, book_in
from icsys.sources.safe_names import LONGEST_NAME, is_image_name, safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.options import Options
    from icsys.sources.archives.store import Store

_HEAD = 64  # bytes
_BLOCK = 2**20  # bytes; bzip2 unpacks none before it has a whole block, of at most 900,000
_SPARE = 1024  # bytes; extra fields are seldom longer, and then it takes a second look
_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}


def find(
    store: Store,
    path: str,
    known: Place,
    *,
    ignore_zeros: bool = False,  # noqa: ARG001 - of tar archives
    follow_links: bool = False,
) -> Iterator[Listed]:
    """List the images of an archive in the order of its directory; what is wrong with it is raised at the end."""
    with store.open(path) as file, Links(follow=follow_links) as links:
        archive = ZipReader(file, file.seek(0, io.SEEK_END), is_near=isinstance(store, Disk))
        for number, entry in enumerate(archive.entries()):
            name = safe_path(_name(entry))
            if name and entry.is_folder:
                continue
            place = Slot(
                entry.size,
                known.mtime_ns,
                file=path,
                number=number,
                start=entry.start,
                # Of what is not packed the size says enough.
                length=min(entry.length, entry.size) if entry.method == zipfile.ZIP_STORED else entry.length,
                method=entry.method,
                crc=entry.crc,
            )
            found = _told(name, entry, store, place)
            if isinstance(found, Ignored) and stat.S_IFMT(entry.mode) == stat.S_IFLNK:
                if not links.add_link(name, _target(store, place) if follow_links else ""):
                    yield found
                continue
            if isinstance(found, Ignored):
                yield from _books(name, store, place)
            if not isinstance(found, Unreadable):
                links.add_file(name, place, is_image=None)
            yield found
        yield from links.followed(lambda slot: _may_be_image(store, slot))
        if archive.damage:
            raise ImageError("broken", archive.damage)


def _books(name: str, store: Store, place: Slot) -> Iterator[Book | Unreadable]:
    try:
        book = book_in(name, place.size or 0, lambda size: _unpacked(store, place, size))
    except ImageError as error:
        book = Unreadable(name, error.code, str(error))
    if book is not None:
        yield book


def _told(name: str, entry: Entry, store: Store, place: Slot) -> Member | Ignored | Unreadable:
    """Tell what a member is; a link holds no more than a path, whatever its name."""
    is_file = stat.S_IFMT(entry.mode) in {0, stat.S_IFREG}
    if entry.trouble:
        return Unreadable(name, "broken", entry.trouble)
    if entry.flags & _ENCRYPTED or entry.method not in _METHODS:
        return Unreadable(name, "unsupported", "encrypted, or packed in a way that ics does not read")
    if is_file and is_image_name(name):
        return Member(name, place)
    try:
        return Member(name, place) if _is_image(store, place) else Ignored(name or ".")
    except ImageError as error:
        return Unreadable(name, error.code, str(error))


def _is_image(store: Store, place: Slot) -> bool:
    return sniff(_unpacked(store, place, _HEAD)) is not None


def _may_be_image(store: Store, place: Slot) -> bool:
    try:
        return _is_image(store, place)
    except ImageError:
        return True  # whoever reads it will find out what is wrong


def _target(store: Store, place: Slot) -> str:
    """Return the path that a link holds; none that leads anywhere if it cannot be read."""
    try:
        return _unpacked(store, place, LONGEST_NAME).decode("utf-8", "surrogateescape")
    except ImageError:
        return "/"


def _name(entry: Entry) -> str:
    """Return a name as its archiver meant it: macOS writes UTF-8 and does not say so."""
    if entry.flags & UTF8:
        return entry.name
    try:
        return entry.name.encode("cp437").decode()
    except UnicodeError:
        return entry.name


def cut(store: Store, slot: Slot, options: Options) -> bytes:
    """Read an image; what its directory tells of its size is checked before and after."""
    check_bytes(slot.size or 0, options)
    check_bytes(slot.length, options)
    size = slot.size or 0
    data = _unpacked(store, slot, size + 1)
    if len(data) > size or zlib.crc32(data) != slot.crc:
        raise ImageError("broken", "its bytes in the archive are damaged: size or checksum is another")
    return data


def _unpacked(store: Store, slot: Slot, size: int) -> bytes:
    """Return the first bytes of a member."""
    enough = _BLOCK if slot.method == zipfile.ZIP_BZIP2 else 2 * _HEAD
    length = slot.length if size > _HEAD else min(slot.length, enough)
    data = store.cut(slot.file, slot.start, FIXED + _SPARE + length, slot)
    if not data.startswith(SIGNATURE) or len(data) < FIXED:
        raise ImageError("broken", "the archive's directory leads to nothing")
    start = FIXED + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
    packed = data[start : start + length]
    if len(packed) < length:
        packed = store.cut(slot.file, slot.start + start, length, slot)
    try:
        if slot.method == zipfile.ZIP_DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size)
        if slot.method == zipfile.ZIP_BZIP2:
            return bz2.BZ2Decompressor().decompress(packed, size)
    except (OSError, zlib.error) as error:
        raise ImageError("broken", f"its bytes in the archive are damaged: {error}") from None
    return packed[:size]
