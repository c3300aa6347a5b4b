"""The members of a tar archive, read forwards to its last byte; damage is noted, and the members behind it are found.

Python's ``tarfile`` stops at a header with a wrong checksum. This reader looks for the next header with a right one.
"""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, BinaryIO, Protocol

from icsys.errors import ICSError
from icsys.sources.archives.decompress import BACK, MAGICS, DecompressedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = tarfile.BLOCKSIZE
_ZEROS = bytes(_BLOCK)
_END = 2  # blocks of zeros
_LONGEST_HEADER = 2**20  # bytes; tarfile would read a name of any length
_FARTHEST = 2**62  # bytes; no file is longer, whatever a header states
_WINDOW = 2**16  # bytes that are searched at once
_MAGIC = re.compile(rb"(?=ustar[\0 ])")
_MAGIC_AT = 257
_SUM = re.compile(rb" *[0-7]+[\0 ]")
_SUM_AT = 148
_TYPE, _PREFIX = 156, slice(345, 500)
_LONGEST_NAME = tarfile.LENGTH_NAME
_SIZE_PLACE, _TIME_PLACE, _SUM_PLACE = slice(124, 135), slice(136, 147), slice(148, 156)
_BLANK_SUM = b" " * 8  # as which the sum counts its own field
_PLAIN = re.compile(  # owner, target and device may be anything; a prefix would be a part of the name
    rb".{124}[0-7]{11}\0[0-7]{11}\0[0-7]{6}(?:\0 | \0|[0-7][\0 ])0.{100}ustar\x0000.{80}\0{155}", re.DOTALL
)
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_RECORD = re.compile(rb"(\d{1,9}) [^=\n]+=")


class _File(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def seek(self, position: int, /) -> int: ...
    def tell(self) -> int: ...


class _Bounded:
    """A file whose reads are at most as long as a header: tarfile reads what a damaged header states."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


class TarMembers:
    """An open archive, plain or compressed.

    Attributes
    ----------
    packed
        Whether it is compressed; then it can only be read forwards.
    number
        Of the member that :meth:`next` returned last, from 0.
    damage
        The first damage in what was read so far; empty if there is none.
    """

    def __init__(self, file: BinaryIO, *, ignore_zeros: bool = False) -> None:
        head = file.read(max(map(len, MAGICS)))
        file.seek(0)
        magic = next((magic for magic in MAGICS if head.startswith(magic)), None)
        self._unpacked = DecompressedFile(file, magic) if magic else None
        self._file: _File = self._unpacked or file
        self._ignore_zeros = ignore_zeros
        # An ended archive: with the real file, TarFile would read the first member at once and raise its errors.
        self._tar = tarfile.TarFile(
            fileobj=io.BytesIO(_ZEROS * _END), encoding="utf-8", errors="surrogateescape"
        )  # it holds nothing to close
        self._tar.fileobj = _Bounded(self._file)  # type: ignore[assignment]
        self._at = 0  # where the next header begins
        self._data: int | None = None  # where the bytes of the last member begin
        self.packed = magic is not None
        self.number = -1
        self.damage = ""

    def next(self) -> tarfile.TarInfo | None:
        """Go to the next member; None at the last byte of the archive."""
        zeros = 0
        while True:
            self._file.seek(self._at)
            block = self._file.read(_BLOCK)
            if block == _ZEROS:
                zeros += 1
                self._at += _BLOCK
                continue
            if len(block) < _BLOCK:
                self._end(block, zeros)
                return None
            if zeros and not self._ignore_zeros:
                self._note(
                    "there is data behind the zeros that mark its end: for archives put one behind the other, "
                    "give --ignore-zeros"
                )
            info = self._plain_member(block) or self._header()
            if info is not None:
                self.number += 1
                return info
            zeros = 0

    def read(self, info: tarfile.TarInfo, size: int) -> bytes:
        """Return the first bytes of the member that :meth:`next` returned last."""
        return self.read_at(info.offset_data, min(size, info.size))

    def read_at(self, start: int, size: int) -> bytes:
        """Return bytes from anywhere in a plain archive, and from the current member in a compressed one."""
        self._file.seek(start)
        return self._file.read(size)

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def _end(self, rest: bytes, zeros: int) -> None:
        """Check that the archive ends as archives do."""
        if self._unpacked and self._unpacked.damage:
            self._note(self._unpacked.damage)
        elif rest.strip(b"\0"):
            self._note(f"it ends in the middle of a block, {len(rest)} bytes behind its last member")
        elif zeros < _END:
            self._note("it ends without the blocks of zeros that mark an end: it was cut")

    def _plain_member(self, block: bytes) -> tarfile.TarInfo | None:
        """Return the regular file of a header that stands alone, as ``tarfile`` would, in a tenth of its time."""
        if not _PLAIN.match(block) or self._tar.pax_headers:
            return None
        total = sum(block) - sum(block[_SUM_PLACE]) + len(_BLANK_SUM) * ord(" ")
        if int(block[_SUM_PLACE].rstrip(b"\0 "), 8) != total:
            return None
        info = tarfile.TarInfo(block[:_LONGEST_NAME].partition(b"\0")[0].decode("utf-8", "surrogateescape"))
        info.size, info.mtime = int(block[_SIZE_PLACE], 8), int(block[_TIME_PLACE], 8)
        info.offset, info.offset_data = self._at, self._at + _BLOCK
        self._data = info.offset_data
        self._at = info.offset_data + -(-info.size // _BLOCK) * _BLOCK
        return info

    def _header(self) -> tarfile.TarInfo | None:
        """Read the header at this position; if there is none, note that and go to the next header, or to the end."""
        start = self._at
        self._file.seek(start)
        try:
            info = tarfile.TarInfo.fromtarfile(self._tar)
            if info.size < 0 or not start < self._tar.offset < _FARTHEST:
                raise tarfile.ReadError("a member that ends before it begins, or nowhere")  # noqa: TRY301
        except (OSError, ICSError):
            raise  # the file cannot be read: its content may be whole
        except Exception as error:  # noqa: BLE001 - damaged bytes raise errors of every kind in tarfile
            damage = error
        else:
            self._check_notes(start, info.offset_data)
            info.name = info.name.removeprefix(self._misread(start))
            self._at = self._tar.offset
            self._take_data_of_link(info)
            self._data = info.offset_data
            return info
        self._note(f"there is no whole header at byte {start}: {damage}")
        self._at = self._search(self._search_from(start), start % _BLOCK)
        return None

    def _check_notes(self, start: int, end: int) -> None:
        """Check the pax records between a header and its member's bytes: tarfile drops the unreadable ones."""
        while start + _BLOCK < end:
            self._file.seek(start)
            head = tarfile.TarInfo.frombuf(self._file.read(_BLOCK), "utf-8", "surrogateescape")
            if head.type in _PAX and not _are_records(self._file.read(head.size)):
                self._note(f"the notes at byte {start} cannot be read")
            start += _BLOCK + -(-head.size // _BLOCK) * _BLOCK

    def _misread(self, start: int) -> str:
        """Return the prefix that tarfile adds to GNU names: in incremental archives, these bytes are times."""
        self._file.seek(start)
        block = self._file.read(_BLOCK)
        if block[_MAGIC_AT:].startswith(b"ustar  \0") and block[_TYPE] not in tarfile.GNUTYPE_LONGNAME + b"KxgX":
            prefix = block[_PREFIX].partition(b"\0")[0].decode("utf-8", "surrogateescape")
            return f"{prefix}/" if prefix else ""
        return ""

    def _search_from(self, start: int) -> int:
        """Return where to look for the header that is not at ``start``.

        Where bytes are missing, the header lies earlier, inside the apparent bytes of the last member. If that member
        begins with a header, it is an archive itself: its headers must not be found. A right header at ``start`` was
        reached, and what belongs to it is damaged.
        """
        if self._data is None or self._is_header_at(start) or self._is_header_at(self._data):
            return start + 1
        return max(self._data, start - BACK // 2)

    def _is_header_at(self, place: int) -> bool:
        return self._file.seek(place) == place and _is_header(self._file.read(_BLOCK))

    def _take_data_of_link(self, info: tarfile.TarInfo) -> None:
        """Make a hard link with bytes of its own a file: POSIX allows that; others write the size of their target."""
        if not info.islnk() or not info.size:
            return
        self._file.seek(self._at)
        block = self._file.read(_BLOCK)
        if block != _ZEROS and not _is_header(block):
            info.type = tarfile.REGTYPE
            self._at += -(-info.size // _BLOCK) * _BLOCK

    def _search(self, start: int, phase: int) -> int:
        """Return where the next whole header begins, or else the archive ends.

        Headers lie ``phase`` bytes behind whole blocks. Where bytes are missing or added, only headers with the magic
        ``ustar`` are found; nearly all have it.
        """
        start = self._file.seek(start)
        window = b""
        while piece := self._file.read(_WINDOW):
            window += piece
            for place in _candidates(window, (phase - start) % _BLOCK):
                if _is_header(window[place : place + _BLOCK]):
                    return start + place
            done = max(0, len(window) - _BLOCK + 1)
            start, window = start + done, window[done:]
        return start + len(window)


def _candidates(window: bytes, first: int) -> Iterator[int]:
    """Yield where whole headers may begin: at every block from ``first`` on, and around the magic ``ustar``."""
    last = len(window) - _BLOCK
    aligned = (place for place in range(first, last + 1, _BLOCK) if _SUM.match(window, place + _SUM_AT))
    named = (found.start() - _MAGIC_AT for found in _MAGIC.finditer(window))
    yield from sorted({*aligned, *(place for place in named if 0 <= place <= last)})


def _are_records(notes: bytes) -> bool:
    """Return whether bytes are pax records: each begins with its length and ends with a line break."""
    at = 0
    while at < len(notes):
        found = _RECORD.match(notes, at)
        length = int(found[1]) if found else 0
        if found is None or found.end() > at + length or notes[at + length - 1 : at + length] != b"\n":
            return not notes[at:].strip(b"\0")
        at += length
    return True


def _is_header(block: bytes) -> bool:
    """Return whether a block is a header with a right checksum."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True
