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
from icsys.sources.archives.archive_access import LocalFiles
from icsys.sources.archives.archive_items import ArchiveItem, ArchivePlace, Member
from icsys.sources.archives.check_zip_directory import FIXED, SIGNATURE, UTF8, ZipDirectory, ZipEntry
from icsys.sources.archives.decompress import Decompressor, Inflater
from icsys.sources.archives.links import Links
from icsys.sources.archives.reader import ArchiveReader
from icsys.sources.base import Ignored, Place, Unreadable
from icsys.sources.labels_from_manifest import ArchivedRecord, archived_record
from icsys.sources.safe_names import LONGEST_NAME, is_image_name, safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles

_HEAD = 64  # bytes
_BLOCK = 2**20  # bytes; bzip2 needs a whole block, of at most 900,000 bytes
_SPARE = 1024  # bytes for name and extra fields; longer ones take a second read
_ENCRYPTED = 0x1
_PLAIN = {0, stat.S_IFREG}
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_PIECE = 2**17  # bytes
_UNPACKERS: dict[int, Callable[[], Decompressor]] = {
    zipfile.ZIP_DEFLATED: lambda: Inflater(-zlib.MAX_WBITS),
    zipfile.ZIP_BZIP2: bz2.BZ2Decompressor,
}


class ZipReader(ArchiveReader):
    """Reads zip archives: the directory lists the members, and each is read by itself."""

    def list_members(self, files: ArchiveFiles, path: str, known: Place) -> Iterator[ArchiveItem]:
        """List the images in the order of the directory."""
        with files.open(path) as file, Links(follow=self.follow_links) as links:
            archive = ZipDirectory(file, file.seek(0, io.SEEK_END), is_near=isinstance(files, LocalFiles))
            for number, entry in enumerate(archive.entries()):
                name = safe_path(_name(entry))
                if name and entry.is_folder:
                    continue
                place = _place_of(entry, path, number, known)
                found = _examine(name, entry, files, place)
                if isinstance(found, Ignored) and stat.S_IFMT(entry.mode) == stat.S_IFLNK:
                    if not links.add_link(name, _target(files, place) if self.follow_links else ""):
                        yield found
                    continue
                if isinstance(found, Ignored):
                    yield from _records(name, files, place)
                    if name and stat.S_IFMT(entry.mode) in _PLAIN:
                        found = Member(name, place, is_image=False)
                if not isinstance(found, Unreadable):
                    links.add_file(name, place, is_image=None)
                yield found
            yield from links.followed(lambda place: _may_be_image(files, place))
            if archive.damage:
                raise ImageError("broken", archive.damage)

    def read_member(self, files: ArchiveFiles, place: ArchivePlace, options: Options) -> bytes:
        """Read an image; its size is checked before and after, its checksum after."""
        check_bytes(place.size or 0, options)
        check_bytes(place.length, options)
        size = place.size or 0
        data = _unpacked(files, place, size + 1)
        if len(data) > size or zlib.crc32(data) != place.crc:
            raise _damaged("size or checksum is another")
        return data

    def read_blocks(self, files: ArchiveFiles, place: ArchivePlace) -> Iterator[bytes]:
        """Read a file in blocks; its size and its checksum are checked at the end."""
        size = crc = 0
        for block in _blocks(files, place):
            size, crc = size + len(block), zlib.crc32(block, crc)
            if size > (place.size or 0):
                break
            yield block
        if (size, crc) != (place.size or 0, place.crc):
            raise _damaged("size or checksum is another")


def _place_of(entry: ZipEntry, path: str, number: int, known: Place) -> ArchivePlace:
    return ArchivePlace(
        entry.size,
        known.mtime_ns,
        file=path,
        number=number,
        start=entry.start,
        # A stored member is as long as its size, whatever else its length is.
        length=min(entry.length, entry.size) if entry.method == zipfile.ZIP_STORED else entry.length,
        method=entry.method,
        crc=entry.crc,
    )


def _records(name: str, files: ArchiveFiles, place: ArchivePlace) -> Iterator[ArchivedRecord | Unreadable]:
    try:
        record = archived_record(name, place.size or 0, lambda size: _unpacked(files, place, size))
    except ImageError as error:
        record = Unreadable(name, error.code, str(error))
    if record is not None:
        yield record


def _examine(name: str, entry: ZipEntry, files: ArchiveFiles, place: ArchivePlace) -> Member | Ignored | Unreadable:
    """Return what a member is: an image by its name or first bytes, unless it is a link, which holds only a path."""
    is_file = stat.S_IFMT(entry.mode) in _PLAIN
    if entry.trouble:
        return Unreadable(name, "broken", entry.trouble)
    if entry.flags & _ENCRYPTED or entry.method not in _METHODS:
        return Unreadable(
            name, "unsupported", "encrypted, or compressed with an unknown method: expected stored, deflate or bzip2"
        )
    if is_file and is_image_name(name):
        return Member(name, place)
    try:
        return Member(name, place) if _is_image(files, place) else Ignored(name or ".")
    except ImageError as error:
        return Unreadable(name, error.code, str(error))


def _is_image(files: ArchiveFiles, place: ArchivePlace) -> bool:
    return sniff(_unpacked(files, place, _HEAD)) is not None


def _may_be_image(files: ArchiveFiles, place: ArchivePlace) -> bool:
    try:
        return _is_image(files, place)
    except ImageError:
        return True  # reading it will show what is wrong


def _target(files: ArchiveFiles, place: ArchivePlace) -> str:
    """Return the path in a link; one that leads nowhere if it cannot be read."""
    try:
        return _unpacked(files, place, LONGEST_NAME).decode("utf-8", "surrogateescape")
    except ImageError:
        return "/"


def _name(entry: ZipEntry) -> str:
    """Return a name in the right encoding: macOS writes UTF-8 without the flag for it."""
    if entry.flags & UTF8:
        return entry.name
    try:
        return entry.name.encode("cp437").decode()
    except UnicodeError:
        return entry.name


def _unpacked(files: ArchiveFiles, place: ArchivePlace, size: int) -> bytes:
    """Return the first bytes of a member."""
    enough = _BLOCK if place.method == zipfile.ZIP_BZIP2 else 2 * _HEAD
    length = place.length if size > _HEAD else min(place.length, enough)
    data = files.read_range(place.file, place.start, FIXED + _SPARE + length, place)
    start = _data_start(data)
    packed = data[start : start + length]
    if len(packed) < length:
        packed = files.read_range(place.file, place.start + start, length, place)
    try:
        if place.method == zipfile.ZIP_DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size)
        if place.method == zipfile.ZIP_BZIP2:
            return bz2.BZ2Decompressor().decompress(packed, size)
    except (OSError, zlib.error) as error:
        raise _damaged(str(error)) from None
    return packed[:size]


def _blocks(files: ArchiveFiles, place: ArchivePlace) -> Iterator[bytes]:
    """Yield the unpacked bytes of a member in blocks."""
    data = files.read_range(place.file, place.start, FIXED + _SPARE + min(place.length, _PIECE), place)
    start = _data_start(data)
    data, at = data[start : start + place.length], place.start + start
    left = place.length
    unpacker = _UNPACKERS[place.method]() if place.method in _UNPACKERS else None
    try:
        while left or unpacker:
            if unpacker is None or (unpacker.needs_input and left):
                data = data or files.read_range(place.file, at, min(left, _PIECE), place)
                at, left = at + len(data), left - len(data)
                if not data:
                    raise _damaged("they end too early")
            block = data if unpacker is None else unpacker.decompress(data, _PIECE)
            data = b""
            yield block
            if unpacker and (unpacker.eof or (unpacker.needs_input and not left)):
                return
    except (OSError, EOFError, zlib.error) as error:
        if getattr(error, "errno", None):  # the archive cannot be read: its content may be whole
            raise
        raise _damaged(str(error)) from None


def _data_start(head: bytes) -> int:
    """Return where the bytes of a member begin behind the start of its header."""
    if not head.startswith(SIGNATURE) or len(head) < FIXED:
        raise ImageError("broken", "the archive's directory points to no member")
    return FIXED + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")


def _damaged(why: str) -> ImageError:
    return ImageError("broken", f"its bytes in the archive are damaged: {why}")
