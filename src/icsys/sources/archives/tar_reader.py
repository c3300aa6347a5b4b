"""A tar archive read forwards, to the last of its bytes, whatever is wrong in it.

Python's ``tarfile`` takes a header with a wrong checksum for the end, and reads nothing behind the end. Here the search
goes on for the next header whose checksum is right, and what is wrong is noted.
"""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, BinaryIO, Protocol

from icsys.errors import ICSError
from icsys.sources.archives.decompress import BACK, MAGICS, Unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = tarfile.BLOCKSIZE
_ZEROS = bytes(_BLOCK)
_END = 2  # blocks of zeros
_LONGEST_HEADER = 2**20  # bytes; a header may announce a name of any length, and tarfile would read all of it
_FARTHEST = 2**62  # bytes; a header may announce more than any file has
_WINDOW = 2**16  # bytes that are searched at once
_MAGIC = re.compile(rb"(?=ustar[\0 ])")
_MAGIC_AT = 257
_SUM = re.compile(rb" *[0-7]+[\0 ]")
_SUM_AT = 148
_TYPE, _PREFIX = 156, slice(345, 500)
_PAX = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
_RECORD = re.compile(rb"(\d{1,9}) [^=\n]+=")


class _File(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def seek(self, position: int, /) -> int: ...
    def tell(self) -> int: ...


class _Bounded:
    """A file that gives tarfile no more at once than a header can need."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


class TarReader:
    """An open archive, plain or compressed.

    Attributes
    ----------
    packed
        Whether it is compressed, so that it can only be read forwards.
    number
        Which member :meth:`next` came to last, counted from 0.
    damage
        The first thing that is wrong with what was read so far; empty where nothing is.
    """

    def __init__(self, file: BinaryIO, *, ignore_zeros: bool = False) -> None:
        head = file.read(max(map(len, MAGICS)))
        file.seek(0)
        magic = next((magic for magic in MAGICS if head.startswith(magic)), None)
        self._unpacked = Unpacked(file, magic) if magic else None
        self._file: _File = self._unpacked or file
        self._ignore_zeros = ignore_zeros
        # One that has come to its end: it would read the first member at once, and raise what is wrong with that.
        self._tar = tarfile.TarFile(
            fileobj=io.BytesIO(_ZEROS * _END), encoding="utf-8", errors="surrogateescape"
        )  # it has nothing that would have to be closed
        self._tar.fileobj = _Bounded(self._file)  # type: ignore[assignment]
        self._at = 0  # where the next header begins
        self._data: int | None = None  # where the bytes of the last member begin
        self.packed = magic is not None
        self.number = -1
        self.damage = ""

    def next(self) -> tarfile.TarInfo | None:
        """Go to the next member; None once the last byte of the archive was looked at."""
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
                    "something lies behind the zeros that mark its end: archives put one behind the other are read "
                    "with --ignore-zeros"
                )
            info = self._header()
            if info is not None:
                self.number += 1
                return info
            zeros = 0

    def read(self, info: tarfile.TarInfo, size: int) -> bytes:
        """Return the first bytes of the member that was come to last."""
        return self.read_at(info.offset_data, min(size, info.size))

    def read_at(self, start: int, size: int) -> bytes:
        """Return bytes from anywhere in a plain archive; in a compressed one, from the member that was come to last."""
        self._file.seek(start)
        return self._file.read(size)

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def _end(self, rest: bytes, zeros: int) -> None:
        """Look at what the last bytes say of the end."""
        if self._unpacked and self._unpacked.damage:
            self._note(self._unpacked.damage)
        elif rest.strip(b"\0"):
            self._note(f"it ends in the middle of a block, {len(rest)} bytes behind its last member")
        elif zeros < _END:
            self._note("it ends without the blocks of zeros that mark an end: it was cut")

    def _header(self) -> tarfile.TarInfo | None:
        """Read the header at this place; if it is none, note that and go to the next that is one, or to the end."""
        start = self._at
        self._file.seek(start)
        try:
            info = tarfile.TarInfo.fromtarfile(self._tar)
            if info.size < 0 or not start < self._tar.offset < _FARTHEST:
                raise tarfile.ReadError("a member that ends before it begins, or nowhere")  # noqa: TRY301
        except (OSError, ICSError):
            raise  # the file cannot be read, which says nothing of its content
        except Exception as error:  # noqa: BLE001 - damaged bytes lead tarfile to errors of every kind
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
        """Look at what pax notes between a header and its member's bytes: tarfile leaves out what it cannot read."""
        while start + _BLOCK < end:
            self._file.seek(start)
            head = tarfile.TarInfo.frombuf(self._file.read(_BLOCK), "utf-8", "surrogateescape")
            if head.type in _PAX and not _are_records(self._file.read(head.size)):
                self._note(f"the notes at byte {start} say things that cannot be read")
            start += _BLOCK + -(-head.size // _BLOCK) * _BLOCK

    def _misread(self, start: int) -> str:
        """Return what tarfile puts before a name of GNU's format, which has times there in incremental archives."""
        self._file.seek(start)
        block = self._file.read(_BLOCK)
        if block[_MAGIC_AT:].startswith(b"ustar  \0") and block[_TYPE] not in tarfile.GNUTYPE_LONGNAME + b"KxgX":
            prefix = block[_PREFIX].partition(b"\0")[0].decode("utf-8", "surrogateescape")
            return f"{prefix}/" if prefix else ""
        return ""

    def _search_from(self, start: int) -> int:
        """Return where to look for the header that is not at ``start``.

        Where bytes are missing, it lies before that, in what seems to be the last member; but an archive in the archive
        begins with a header that is none of its own. A header that is right, but not what belongs to it, was reached.
        """
        if self._data is None or self._is_header_at(start) or self._is_header_at(self._data):
            return start + 1
        return max(self._data, start - BACK // 2)

    def _is_header_at(self, place: int) -> bool:
        return self._file.seek(place) == place and _is_header(self._file.read(_BLOCK))

    def _take_data_of_link(self, info: tarfile.TarInfo) -> None:
        """Tell whether a hard link has a size of its own, which POSIX allows, or the one of the file that it names."""
        if not info.islnk() or not info.size:
            return
        self._file.seek(self._at)
        block = self._file.read(_BLOCK)
        if block != _ZEROS and not _is_header(block):
            info.type = tarfile.REGTYPE
            self._at += -(-info.size // _BLOCK) * _BLOCK

    def _search(self, start: int, phase: int) -> int:
        """Return where the next whole header begins, or else the archive ends.

        Headers lie ``phase`` bytes behind whole blocks, unless bytes are missing or too many; then only those are found
        that say that they are one, as nearly all do.
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
    """Yield where whole headers may begin: at every block from ``first`` on, and where one says so."""
    last = len(window) - _BLOCK
    aligned = (place for place in range(first, last + 1, _BLOCK) if _SUM.match(window, place + _SUM_AT))
    named = (found.start() - _MAGIC_AT for found in _MAGIC.finditer(window))
    yield from sorted({*aligned, *(place for place in named if 0 <= place <= last)})


def _are_records(notes: bytes) -> bool:
    """Tell whether notes are what pax writes: records that begin with their lengths and end with a line."""
    at = 0
    while at < len(notes):
        found = _RECORD.match(notes, at)
        length = int(found[1]) if found else 0
        if found is None or found.end() > at + length or notes[at + length - 1 : at + length] != b"\n":
            return not notes[at:].strip(b"\0")
        at += length
    return True


def _is_header(block: bytes) -> bool:
    """Tell whether a block is a header with a right checksum."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True
