"""Zip archives: their directory lists them, and every member can be read by itself."""

from __future__ import annotations

import bz2
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

from icsys.dataset.catalogue import Member, Slot
from icsys.dataset.members import is_image_name, safe_path
from icsys.dataset.source import Ignored, Place, Unreadable
from icsys.errors import ImageError
from icsys.image.decode import sniff
from icsys.image.limits import check_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.dataset.store import Store
    from icsys.options import Options

_HEAD = 64  # bytes
_FIXED = 30  # bytes of a local header, before a name and extra fields whose lengths it tells
_SPARE = 1024  # bytes; extra fields are seldom longer, and then it takes a second look
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED, _UTF8 = 0x1, 0x800
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}


def find(
    store: Store,
    path: str,
    known: Place,
    *,
    ignore_zeros: bool = False,  # noqa: ARG001 - of tar archives
) -> Iterator[Member | Ignored | Unreadable]:
    """List the images of an archive in the order of its directory."""
    with store.open(path) as file, zipfile.ZipFile(file) as archive:
        for number, info in enumerate(archive.infolist()):
            name = safe_path(_name(info))
            if name and info.is_dir():
                continue
            place = Slot(
                info.file_size,
                known.mtime_ns,
                file=path,
                number=number,
                start=info.header_offset,
                length=info.compress_size,
                method=info.compress_type,
                crc=info.CRC,
            )
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                yield Ignored(name or ".")
            elif info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
                yield Unreadable(name, "unsupported", "encrypted, or packed in a way that ics does not read")
            elif not 0 <= info.header_offset < (known.size or 0):
                yield Unreadable(name, "broken", "the archive's directory leads out of it")
            elif is_image_name(name) or sniff(_unpacked(store, place, _HEAD)):
                yield Member(name, place)
            else:
                yield Ignored(name or ".")


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name as its archiver meant it: macOS writes UTF-8 and does not say so."""
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeError:
        return name


def cut(store: Store, slot: Slot, options: Options) -> bytes:
    """Read an image; what its directory tells of its size is checked before and after."""
    check_bytes(slot.size or 0, options)
    check_bytes(slot.length, options)
    size = slot.size or 0
    data = _unpacked(store, slot, size + 1)
    if len(data) != size or zlib.crc32(data) != slot.crc:
        raise ImageError("broken", "its bytes in the archive are damaged: size or checksum is another")
    return data


def _unpacked(store: Store, slot: Slot, size: int) -> bytes:
    """Return the first bytes of a member."""
    length = slot.length if size > _HEAD else min(slot.length, 2 * _HEAD)
    data = store.cut(slot.file, slot.start, _FIXED + _SPARE + length, slot)
    if not data.startswith(_SIGNATURE) or len(data) < _FIXED:
        raise ImageError("broken", "the archive's directory leads to nothing")
    start = _FIXED + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
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
