"""Check the directory of a zip archive against the headers of its members, and find members missing in it.

Python's ``zipfile`` reads only the directory. This reader checks that every byte of the archive belongs to a member or
to the directory, and searches the other bytes for members.
"""

from __future__ import annotations

import bz2
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from icsys.sources.archives.decompress import Decompressor, Inflater

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIXED = 30
"""Bytes of a local header, before the name and the extra fields."""

SIGNATURE = b"PK\x03\x04"
UTF8 = 0x800
_DESCRIBED = 0x8  # sizes and checksum are behind the bytes
_LOCAL = struct.Struct("<4s5H3I2H")
_DESCRIPTOR = b"PK\x07\x08"
_DESCRIPTORS = tuple(struct.Struct(f"<{sign}{sizes}") for sign in ("4sI", "I") for sizes in ("II", "QQ"))
_LAST = struct.Struct("<4s4H2IH")
_LAST_SIGNATURE = b"PK\x05\x06"
_LAST64 = struct.Struct("<4sQ2H2I4Q")  # before it, for archives larger than its fields
_LAST64_SIGNATURE = b"PK\x06\x06"
_WHERE64 = struct.Struct("<4sIQI")
_WHERE64_SIGNATURE = b"PK\x06\x07"
_LONGEST_COMMENT = 2**16 - 1
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_FAR = 2**32 - 1
_PIECE = 2**16
_MOST = 2**18  # bytes that are unpacked at once
_DECOMPRESSORS: dict[int, Callable[[], Decompressor]] = {
    zipfile.ZIP_DEFLATED: lambda: Inflater(-zlib.MAX_WBITS),
    zipfile.ZIP_BZIP2: bz2.BZ2Decompressor,
}


class ZipEntry(NamedTuple):
    """A member.

    Attributes
    ----------
    name
        Decoded as code page 437, or as UTF-8 if ``flags`` have its bit.
    start
        Position of its local header.
    length, size
        Bytes in the archive, and unpacked.
    mode
        Its file mode on Unix; 0 if not stated.
    trouble
        Why it cannot be read; empty if it can.
    """

    name: str
    flags: int
    method: int
    crc: int
    length: int
    size: int
    start: int
    mode: int = 0
    is_folder: bool = False
    trouble: str = ""


class ZipDirectory:
    """The directory of an open zip archive, checked against the headers of its members.

    Attributes
    ----------
    damage
        The first damage, complete at the end of :meth:`entries`; empty if there is none.
    """

    def __init__(self, file: BinaryIO, size: int, *, is_near: bool) -> None:
        self._file, self._size, self._is_near = file, size, is_near
        self.damage = ""

    def entries(self) -> Iterator[ZipEntry]:
        """List the members in the order of the directory, and then those missing in it.

        In a remote archive, headers are read only if the directory is damaged: they lie all over the archive.
        """
        listed, first, end = self._directory()
        if not self._is_near and not self.damage:
            yield from listed
            return
        taken: list[tuple[int, int]] = []
        astray: list[ZipEntry] = []
        for entry in listed:
            stop = self._stop_of(entry)
            if stop is None:
                self._note(f"its directory points to no member for {entry.name!r}")
                astray.append(entry)
            else:
                taken.append((entry.start, stop))
                yield entry
        found = set()
        for entry in self._between(taken, first, end):
            found.add(entry.name)
            yield entry
        for entry in astray:
            if entry.name not in found:
                yield entry._replace(trouble="the archive's directory points to no member")

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def _read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def _directory(self) -> tuple[Iterator[ZipEntry], int, int]:
        """Return the members in the directory, and its begin and end; it is read twice instead of kept in memory."""
        record = self._last_record()
        if record is None:
            return iter(()), self._size, self._size
        count, length, offset, last = record
        # Bytes in front of an archive, such as an unpacking program, move all positions.
        first = last - length
        moved = first - offset
        found = 0
        try:
            for _ in self._records(first, last, moved):
                found += 1
        except (ValueError, struct.error) as error:
            self._note(f"its directory cannot be read: {error}")
            return iter(()), self._size, self._size
        if count != found:
            self._note(f"it states {count} members, and its directory has {found}")
        if moved:
            self._note("its directory is not at its stated position")
        return self._records(first, last, moved), first, self._size

    def _last_record(self) -> tuple[int, int, int, int] | None:
        """Return the number of members in the last record, and length, offset and end of the directory."""
        start = max(0, self._size - _LAST.size - _LONGEST_COMMENT)
        tail = self._read(start, self._size - start)
        at = tail.rfind(_LAST_SIGNATURE)
        if at < 0 or len(tail) < at + _LAST.size:
            self._note("its directory cannot be read: the last record of it is missing")
            return None
        _, disk, first_disk, here, total, length, offset, comment = _LAST.unpack_from(tail, at)
        last = start + at
        if last + _LAST.size + comment != self._size:
            self._note("there is data behind its end, or its end was cut")
        where = self._read(last - _WHERE64.size, _WHERE64.size) if last >= _WHERE64.size else b""
        if where.startswith(_WHERE64_SIGNATURE):
            last = _WHERE64.unpack(where)[2]
            large = self._read(last, _LAST64.size) if last < self._size else b""
            if len(large) < _LAST64.size or not large.startswith(_LAST64_SIGNATURE):
                self._note("a record of its directory is missing")
                return None
            _, _, _, _, disk, first_disk, here, total, length, offset = _LAST64.unpack(large)
        if disk or first_disk or here != total:
            self._note("it states further parts in other files")
        if length > last:
            self._note("its directory cannot be read: it is longer than the archive")
            return None
        return total, length, offset, last

    def _records(self, first: int, last: int, moved: int) -> Iterator[ZipEntry]:
        """Read the directory record by record; ValueError for a damaged record."""
        at, begin, data = first, first, b""
        while at < last:
            if at + _CENTRAL.size > begin + len(data):
                begin, data = at, self._read(at, min(_PIECE, last - at))
            if len(data) - (at - begin) < _CENTRAL.size:
                raise ValueError("it ends in the middle of a record")
            fields = _CENTRAL.unpack_from(data, at - begin)
            signature, _, _, needed, _, flags, method, _, _, crc, length, size, *lengths = fields[:16]
            name_length, extra_length, comment_length = lengths[:3]
            stop = at + _CENTRAL.size + name_length + extra_length + comment_length
            if signature != _CENTRAL_SIGNATURE:
                raise ValueError("a record of it is damaged")
            if stop > last:
                self._note("its directory ends in the middle of a record")
                stop = last
            if needed > zipfile.MAX_EXTRACT_VERSION:
                raise ValueError(f"version {needed / 10} of the format")
            if stop > begin + len(data):
                begin, data = at, self._read(at, stop - at)
            text = data[at - begin + _CENTRAL.size :][: name_length + extra_length]
            name = text[:name_length].decode("utf-8" if flags & UTF8 else "cp437")
            size, length, start = _large(text[name_length:], [size, length, fields[-1]])
            is_folder = name.partition("\0")[0].endswith("/")
            yield ZipEntry(name, flags, method, crc, length, size, start + moved, fields[-2] >> 16, is_folder)
            at = stop

    def _stop_of(self, entry: ZipEntry) -> int | None:
        """Return where a listed member ends; None if there is no member at its stated position."""
        header = self._header(entry.start)
        if header is None:
            return None
        found, data = header
        if found.name != entry.name and _bytes(found) != _bytes(entry):
            self._note(f"its directory has the name {entry.name!r} for a member with the name {found.name!r}")
        facts = found.method, found.crc, found.length, found.size
        stop = data + entry.length
        if not found.flags & _DESCRIBED:
            if facts != (entry.method, entry.crc, entry.length, entry.size):
                self._note(
                    f"its directory has another size or checksum for {entry.name!r} than the header before the member"
                )
            return stop
        described = self._described(stop, entry)
        if described is None:
            self._note(
                f"its directory has another size or checksum for {entry.name!r} than the record behind the member"
            )
        return stop if described is None else described

    def _described(self, stop: int, entry: ZipEntry) -> int | None:
        """Return the end of the record of sizes and checksum behind a member; None if it differs from ``entry``."""
        data = self._read(stop, max(form.size for form in _DESCRIPTORS))
        expected = entry.crc, entry.length, entry.size
        for form in _DESCRIPTORS:
            if len(data) >= form.size and form.unpack_from(data)[-3:] == expected:
                signed = form.unpack_from(data)[0]
                if len(form.unpack_from(data)) == len(expected) or signed == _DESCRIPTOR:
                    return stop + form.size
        return None

    def _header(self, start: int) -> tuple[ZipEntry, int] | None:
        """Read a local header; return its entry and the position of its bytes, or None."""
        if not 0 <= start < self._size:
            return None
        data = self._read(start, FIXED)
        if len(data) < FIXED or not data.startswith(SIGNATURE):
            return None
        _, _, flags, method, _, _, crc, length, size, name_length, extra_length = _LOCAL.unpack(data)
        more = self._read(start + FIXED, name_length + extra_length)
        if len(more) < name_length + extra_length:
            return None
        name, extra = more[:name_length], more[name_length:]
        size, length = _large(extra, [size, length])
        text = name.decode("utf-8" if flags & UTF8 else "cp437", "replace")
        entry = ZipEntry(text, flags, method, crc, length, size, start, is_folder=text.endswith("/"))
        return entry, start + FIXED + len(more)

    def _between(self, taken: list[tuple[int, int]], first: int, end: int) -> Iterator[ZipEntry]:
        """Find members in the parts of the archive that belong to no listed member."""
        at = 0
        for start, stop in [*sorted(taken), (first, end)]:
            if start < at:
                self._note("its members overlap")
            elif start > at:
                yield from self._look_through(at, start)
            at = max(at, stop)

    def _look_through(self, at: int, end: int) -> Iterator[ZipEntry]:
        """Find members in a part of the archive."""
        while at < end:
            data = self._read(at, min(_PIECE, end - at))
            place = data.find(SIGNATURE)
            if (data[:place] if place >= 0 else data).strip(b"\0"):
                self._note("it holds data that belongs to no member of its directory")
            if place < 0:
                at += max(1, len(data) - len(SIGNATURE) + 1) if len(data) == _PIECE else max(1, len(data))
                continue
            self._note("its directory does not list all of its members")
            header = self._header(at + place)
            if header is None or not header[0].name:
                at += place + len(SIGNATURE)
                continue
            entry, start = header
            if entry.flags & _DESCRIBED and not entry.is_folder:
                entry, at = self._measured(entry, start, end)
            else:
                at = self._end_or(start, entry.length, end)
            yield entry

    def _end_or(self, start: int, length: int, end: int) -> int:
        """Return where a member ends, or ``start`` if neither a member nor zeros follow that end."""
        stop = start + length
        follows = self._read(stop, 2) if stop < end else b""
        return stop if stop == end or follows in {b"PK", b"\0\0"} else start

    def _measured(self, entry: ZipEntry, start: int, end: int) -> tuple[ZipEntry, int]:
        """Measure a member whose size is behind it, by unpacking; return it with its end."""
        measured = self._unpack(start, end, entry.method)
        if measured is None:
            return entry._replace(trouble="its end is missing in the archive"), start
        length, size = measured
        about = self._read(start + length, 8)
        crc = about[4:8] if about.startswith(_DESCRIPTOR) else about[:4]
        entry = entry._replace(length=length, size=size, crc=int.from_bytes(crc, "little"))
        return entry, self._described(start + length, entry) or start + length

    def _unpack(self, start: int, end: int, method: int) -> tuple[int, int] | None:
        """Return the bytes of a member, packed and unpacked; None if it has no end."""
        if method == zipfile.ZIP_STORED:
            return self._stored(start, end)
        if method not in _DECOMPRESSORS:
            return None
        unpacker, at, size = _DECOMPRESSORS[method](), start, 0
        try:
            while not unpacker.eof:
                data = self._read(at, min(_PIECE, end - at)) if unpacker.needs_input else b""
                if unpacker.needs_input and not data:
                    return None
                at += len(data)
                size += len(unpacker.decompress(data, _MOST))
        except (OSError, zlib.error):
            return None
        return at - len(unpacker.unused_data) - start, size

    def _stored(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the length of stored bytes, found by the record behind them."""
        at = start
        while at < end:
            data = self._read(at, min(_PIECE, end - at) + 24)
            place = data.find(_DESCRIPTOR)
            while 0 <= place < _PIECE:
                length = at + place - start
                if int.from_bytes(data[place + 8 : place + 12], "little") == length & _FAR:
                    return length, length
                place = data.find(_DESCRIPTOR, place + 1)
            at += _PIECE
        return None


def _large(extra: bytes, values: list[int]) -> list[int]:
    """Return sizes and position of a member; values too large for the header come from an extra field."""
    while len(extra) >= 4:  # noqa: PLR2004 - what it is, and its length
        kind, count = struct.unpack_from("<HH", extra)
        if kind == 1:
            numbers = iter([int.from_bytes(extra[at : at + 8], "little") for at in range(4, 4 + count, 8)])
            values = [next(numbers, value) if value == _FAR else value for value in values]
        extra = extra[4 + count :]
    return values


def _bytes(entry: ZipEntry) -> bytes:
    """Return the stored bytes of a name: directory and header may state different encodings."""
    return entry.name.encode("utf-8" if entry.flags & UTF8 else "cp437", "replace")
