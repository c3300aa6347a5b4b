"""Tar archives, compressed or not, and WebDataset shards, which are tar archives of samples.

A plain one is read from the middle. A compressed one is read twice from its beginning to its end: for the names, and
for the images.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, cast

from icsys.dataset.catalogue import Member, Slot
from icsys.dataset.labels import UNLABELLED, Label, in_class_folder, label_from, label_from_text
from icsys.dataset.members import is_image_name, safe_path
from icsys.dataset.names import restored
from icsys.dataset.parsing import from_json
from icsys.dataset.source import Ignored, Place, Unreadable
from icsys.errors import ImageError
from icsys.image.decode import sniff
from icsys.image.limits import check_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.dataset.store import Store
    from icsys.options import Options

_MAGICS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_HEAD = 64  # bytes
_LONGEST_HEADER = 2**20  # bytes; a header may announce a name of any length, and tarfile would read all of it
_LONGEST_NOTE = 2**16  # bytes of a .cls or .json
_MOST_OF_A_SAMPLE = 100  # files


class _Bounded:
    """A file that gives tarfile no more at once than a header can need."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)


class _Tar:
    """An open archive that is read forwards."""

    def __init__(self, file: IO[bytes], path: str, *, streamed: bool) -> None:
        self.file = file
        self.slot = Slot(None, None, file=path, streamed=streamed)
        self._tar = tarfile.open(  # noqa: SIM115 - it holds nothing but the file, which its opener closes
            fileobj=cast("IO[bytes]", _Bounded(file)),
            mode="r:",
            encoding="utf-8",
            errors="surrogateescape",
        )
        self.number = self._end = -1

    def next(self) -> tarfile.TarInfo | None:
        """Go to the next member, and forget the one before."""
        info = self._tar.next()
        self._tar.members.clear()  # type: ignore[attr-defined] # it would keep all of them
        self.number += 1
        if info is not None and (info.size < 0 or self._tar.offset <= self._end):
            raise tarfile.ReadError("a member that ends before it begins")
        self._end = self._tar.offset
        return info

    def read(self, info: tarfile.TarInfo, size: int) -> bytes:
        """Return the first bytes of the member that was come to last."""
        self.file.seek(info.offset_data)
        return self.file.read(min(size, info.size))


@contextmanager
def _opened(store: Store, path: str) -> Iterator[_Tar]:
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(store.open(path))
        head = file.read(max(map(len, _MAGICS)))
        file.seek(0)
        unpack = next((unpack for magic, unpack in _MAGICS.items() if head.startswith(magic)), None)
        if unpack:
            file = stack.enter_context(unpack(file))
        yield _Tar(file, path, streamed=unpack is not None)


def find(store: Store, path: str, known: Place) -> Iterator[Member | Ignored | Unreadable]:
    """List the images of an archive in their order, sample by sample."""
    with _opened(store, path) as tar:
        tar.slot = replace(tar.slot, mtime_ns=known.mtime_ns)
        sample = _Sample("")
        damage: Exception | None = None
        try:
            while (info := tar.next()) is not None:
                name = safe_path(info.name)
                if info.isreg() and sample.is_other(name):
                    yield from sample.images()
                    sample = _Sample(name)
                if not info.isdir():
                    yield from _look(name, info, tar, sample)
        except Exception as error:  # noqa: BLE001 - what was found before is told first
            damage = error
        yield from sample.images()
        if damage is not None:
            raise damage


def _look(name: str, info: tarfile.TarInfo, tar: _Tar, sample: _Sample) -> Iterator[Ignored | Unreadable]:
    """Take a member into its sample if it is an image or tells of one; what else it is comes at once."""
    if info.sparse is not None:
        yield Unreadable(name, "unsupported", "a file with holes in a tar archive: expected a whole one")
    elif not info.isreg() or sample.takes_note(name, info, tar) or not _is_image(name, info, tar):
        yield Ignored(name or ".")
    else:
        slot = replace(tar.slot, size=info.size, number=tar.number, start=info.offset_data, length=info.size)
        sample.add(Member(name, slot))


class _Sample:
    """Files that follow one another and share a key: the path up to the first dot of the name.

    What ``.cls`` or ``.json`` tells of the class is its label, and no folder says anything against that.
    """

    def __init__(self, name: str) -> None:
        self._key = _key(name)
        self._images: list[Member] = []
        self._number: Label | None = None
        self._name: Label | None = None
        self._is_ours = False

    def is_other(self, name: str) -> bool:
        """Tell whether a file belongs to another sample."""
        return _key(name) != self._key or len(self._images) >= _MOST_OF_A_SAMPLE

    def add(self, image: Member) -> None:
        self._images.append(image)

    def takes_note(self, name: str, info: tarfile.TarInfo, tar: _Tar) -> bool:
        """Read what is told of the sample, if that is what a file is for."""
        suffix = name.rpartition(".")[2]
        if suffix not in {"cls", "json"}:
            return False
        if info.size > _LONGEST_NOTE:
            return True
        text = tar.read(info, info.size)
        if suffix == "cls":
            self._number = label_from_text(text)
            return True
        try:
            told = from_json(text)
        except ValueError:
            return True
        if isinstance(told, dict):
            self._is_ours = {"source_path", "source_sha256", "sha256"} <= told.keys()
            if told.get("label") is not None or self._is_ours:
                self._name = label_from(told.get("label"))
        return True

    def _label(self) -> Label | None:
        """Return the name that ``.json`` tells with the number that ``.cls`` does, or either of them."""
        if self._name is None or self._number is None:
            return self._number if self._name is None else self._name
        is_text = self._name.name is not None and self._name.number is None
        return self._name._replace(number=self._number.number) if is_text else self._name

    def images(self) -> Iterator[Member]:
        """Return the images by the paths that they are to have."""
        label = self._label()
        for image in self._images:
            path = image.path
            if self._is_ours:  # see webdataset.member
                path = restored(path)
            yield Member(in_class_folder(path, label or UNLABELLED), image.slot, label)


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _is_image(name: str, info: tarfile.TarInfo, tar: _Tar) -> bool:
    by_name = is_image_name(name)
    return sniff(tar.read(info, _HEAD)) is not None if by_name is None else by_name


def cut(store: Store, slot: Slot, options: Options) -> bytes:
    """Read an image out of an archive that is not compressed."""
    check_bytes(slot.length, options)
    return _whole(store.cut(slot.file, slot.start, slot.length, slot), slot.length)


@contextmanager
def unroll(store: Store, path: str) -> Iterator[_Roll]:
    """Open a compressed archive."""
    with _opened(store, path) as tar:
        yield _Roll(tar)


class _Roll:
    """A compressed archive whose images are read in the order in which they lie there."""

    def __init__(self, tar: _Tar) -> None:
        self._tar = tar

    def read(self, slot: Slot, options: Options) -> bytes:
        """Go on to an image and read it."""
        info = None
        while self._tar.number < slot.number and (info := self._tar.next()) is not None:
            pass
        if info is None or info.size != slot.size:
            raise ImageError("changed", "the archive changed after it was listed: run again when it holds still")
        check_bytes(info.size, options)
        return _whole(self._tar.read(info, info.size), info.size)


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ImageError("broken", f"the archive ends after {len(data)} of its {size} bytes")
    return data
