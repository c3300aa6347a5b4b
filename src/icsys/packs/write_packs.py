"""Writes new packs into the staging folder, beside the packs that count."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from contextlib import ExitStack, closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from icsys.files.atomic import whole_file
from icsys.layout import STAGED_PACKS, UNPACKED, staged_name
from icsys.packs.assignment import Stopped, assigned_rows
from icsys.packs.formats import FILE_FORMATS, PACK_FORMATS, member_name, read_pack
from icsys.packs.install_packs import remove_staged
from icsys.packs.packed_image import (
    BINARIES,
    IMAGES,
    REPEATED_COLUMNS,
    TEXTS,
    NotTextError,
    PackedCompanion,
    PackedImage,
)
from icsys.packs.write_arrays import ArrayWriter
from icsys.records.label import from_columns
from icsys.records.pack_index import Pack

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from icsys.files.held_folder import HeldFolder
    from icsys.files.rooted_path import RootedPath
    from icsys.packs.assignment import Assignment
    from icsys.packs.companions import Companions
    from icsys.records.dataset_json import ArrayFacts
    from icsys.records.pack_index import PackIndex

_HELD = 8  # folders: that of the images, and those of their companions


def write_packs(
    destination: RootedPath,
    before: PackIndex,
    after: PackIndex,
    assignment: Assignment,
    companions: Companions,
    *,
    arrays: ArrayFacts | None = None,
    stop: threading.Event,
    on_pack: Callable[[], object],
) -> list[Pack]:
    """Write all packs into the staging folder; return them in order.

    Parameters
    ----------
    before, after
        The index of the packs that count now, and the index of the new ones.
    companions
        Those in the manifest.
    arrays
        Of arrays, what they hold.
    on_pack
        Called before each pack.

    Raises
    ------
    Stopped
        If ``stop`` is set before the end.
    OSError
        If a pack cannot be written, or an image is not at its place in the manifest.
    """
    if arrays is not None:
        remove_staged(destination)
        (destination / STAGED_PACKS).make_folders()
        with closing(_FileFinder(destination, before)) as finder:
            return ArrayWriter(destination, after, arrays, assignment, companions, finder, stop).write(on_pack)
    columns = {name: IMAGES if is_mask else TEXTS for name, is_mask in companions.columns.items()}
    while True:  # at most once more for each column
        remove_staged(destination)
        (destination / STAGED_PACKS).make_folders()
        try:
            with closing(_FileFinder(destination, before)) as finder:
                packer = _Packer(destination, after, assignment, companions, finder, stop)
                return list(packer.write(columns, on_pack))
        except NotTextError as error:
            columns[error.column] = BINARIES


class _Packer(NamedTuple):
    """What is written into packs, and where it is found."""

    destination: RootedPath
    after: PackIndex
    assignment: Assignment
    companions: Companions
    finder: _FileFinder
    stop: threading.Event

    def write(self, columns: Mapping[str, str], on_pack: Callable[[], object]) -> Iterator[Pack]:
        """Write all packs, whose companions have these columns; yield each."""
        assignment = self.assignment
        for split in assignment.splits:
            only = split if len(assignment.splits) > 1 else None
            rows = assigned_rows(self.destination, self.after, self.companions, only)
            for name, group in groupby(rows, key=itemgetter(1)):
                on_pack()
                staged = self.destination / STAGED_PACKS / staged_name(name)
                with whole_file(staged) as file:
                    images = self._images(map(itemgetter(0), group))
                    FILE_FORMATS[self.after.format].write(file, images, assignment.classes, columns)
                written = staged.status()
                assert written is not None  # noqa: S101 - it was written in the line above
                counts = assignment.counts[name], written.st_size, _sha256(staged), assignment.companions[name]
                yield Pack(name, *counts)

    def _images(self, rows: Iterable[dict[str, Any]]) -> Iterator[PackedImage]:
        """Yield the images of manifest rows, with their bytes, classes, facts and companions."""
        numbers, pack_format = self.assignment.classes.numbering(), PACK_FORMATS[self.after.format]
        for row in rows:
            if self.stop.is_set():
                raise Stopped
            info = {name: row.get(name) for name in REPEATED_COLUMNS}
            label, number = from_columns(row)
            number = numbers[label] if number is None and label is not None else number
            member, data = member_name(row, pack_format), self.finder.find(row)
            yield PackedImage(member, data, label, info, number, list(self._companions(row, member)))

    def _companions(self, image: dict[str, Any], member: str) -> Iterator[PackedCompanion]:
        """Yield the companions of the image of a manifest row."""
        pack_format = PACK_FORMATS[self.after.format]
        for row, name in self.companions.of(image) if self.companions else ():
            data = self.finder.find(row)
            facts = row["file_name"], row["kind"], row["form"]
            yield PackedCompanion(pack_format.companion(member, name), name, *facts, data)


class _FileFinder:
    """Finds the bytes of images and companions: in files of their own, or in earlier packs.

    It holds the last folders open, and reads each earlier pack once, because images come folder by folder and in the
    order of the packs, each with its companions.
    """

    def __init__(self, destination: RootedPath, before: PackIndex) -> None:
        self._destination, self._format = destination, PACK_FORMATS[before.format]
        self._before = before
        self._known = {pack.name for pack in before.packs}
        self._single = frozenset(before.files)
        self._folders: OrderedDict[tuple[str, str], tuple[HeldFolder, ExitStack]] = OrderedDict()
        self._pack, self._opened = "", ExitStack()
        self._members: Iterator[tuple[str, bytes]] | None = None

    def find(self, row: dict[str, Any]) -> bytes:
        """Return the bytes of the file of a manifest row; OSError if their hash is not the one in the row."""
        name, pack = row["file_name"], row.get("shard") or ""
        try:
            data = self._from_file(name)
        except FileNotFoundError:
            member = row.get("member") or member_name(row, self._format)
            data = self._from_pack(pack, member) if pack in self._known else b""
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            place = f"the pack {pack!r}" if pack else f"the folder {UNPACKED!r}"
            raise _changed(place, name)
        return data

    def open(self, row: dict[str, Any]) -> BinaryIO:
        """Open the file of a companion that is in no pack; OSError if its hash is not the one in the row."""
        name = row["file_name"]
        path = self._destination / UNPACKED / name
        path = path if path.is_file() or name not in self._single else self._destination / name
        if not path.is_file() or path.sha256() != row["sha256"]:
            raise _changed(f"the folder {UNPACKED!r}", name)
        return path.open()

    def _from_file(self, name: str) -> bytes:
        """Return the bytes of a file of its own; FileNotFoundError if there is none."""
        above, _, base = name.rpartition("/")
        try:
            descriptor = self._folder(self._destination / UNPACKED, above).descriptor(base)
        except FileNotFoundError:
            if name not in self._single:
                raise
            descriptor = self._folder(self._destination, above).descriptor(base)
        try:
            size = os.fstat(descriptor).st_size  # the row may be forged, and memory is taken for this size
            data = os.read(descriptor, size)
            while len(data) < size and (more := os.read(descriptor, size - len(data))):
                data += more
        finally:
            os.close(descriptor)
        return data

    def _folder(self, root: RootedPath, name: str) -> HeldFolder:
        """Return a folder, opened; FileNotFoundError if there is none."""
        place = str(root), name
        if place not in self._folders:
            if len(self._folders) >= _HELD:
                self._folders.popitem(last=False)[1][1].close()
            with ExitStack() as stack:
                folder = stack.enter_context(root.at(name).held())
                self._folders[place] = folder, stack.pop_all()
        self._folders.move_to_end(place)
        return self._folders[place][0]

    def _from_pack(self, pack: str, member: str) -> bytes:
        """Return a file of a pack, from here on or, in another order than before, from its beginning; else nothing."""
        is_new = pack != self._pack or self._members is None
        if is_new:
            self._open(pack)
        assert self._members is not None  # noqa: S101 - as just opened
        for name, data in self._members:
            if name == member:
                return data
        self._members = None
        return b"" if is_new else self._from_pack(pack, member)

    def _open(self, pack: str) -> None:
        self._opened.close()
        self._members = None
        self._pack = pack
        self._members = self._opened.enter_context(closing(read_pack(self._destination.at, pack, self._before)))

    def close(self) -> None:
        """Close the folders and the pack that are open."""
        for _, stack in self._folders.values():
            stack.close()
        self._opened.close()


def _changed(place: str, name: str) -> OSError:
    return OSError(f"{place} does not hold {name!r} as recorded in the manifest: run again with --overwrite always")


def _sha256(path: RootedPath) -> str:
    """Return the hash of a file; an empty text if it cannot be read."""
    try:
        return path.sha256()
    except OSError:
        return ""
