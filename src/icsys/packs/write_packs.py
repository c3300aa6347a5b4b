"""Writes new packs into the staging folder, beside the packs that count."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack, closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from icsys.files.atomic import whole_file
from icsys.layout import STAGED_PACKS, UNPACKED
from icsys.packs.assignment import Stopped, assigned_rows
from icsys.packs.formats import PACK_FORMATS, member_name
from icsys.packs.install_packs import remove_staged
from icsys.packs.packed_image import REPEATED_COLUMNS, PackedImage
from icsys.records.label import from_columns
from icsys.records.pack_index import Pack

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

    from icsys.files.held_folder import HeldFolder
    from icsys.files.rooted_path import RootedPath
    from icsys.packs.assignment import Assignment
    from icsys.packs.formats import PackFormat
    from icsys.records.classes import Classes
    from icsys.records.pack_index import PackIndex


def write_packs(
    destination: RootedPath,
    before: PackIndex,
    after: PackIndex,
    assignment: Assignment,
    *,
    stop: threading.Event,
    on_pack: Callable[[], object],
) -> list[Pack]:
    """Write all packs into the staging folder; return them in order.

    Parameters
    ----------
    before, after
        The index of the packs that count now, and the index of the new ones.
    on_pack
        Called before each pack.

    Raises
    ------
    Stopped
        If ``stop`` is set before the end.
    OSError
        If a pack cannot be written, or an image is not at its place in the manifest.
    """
    pack_format, stage = PACK_FORMATS[after.format], destination / STAGED_PACKS
    remove_staged(destination)
    stage.make_folders()
    packs: list[Pack] = []
    with closing(_ImageFinder(destination, pack_format, before)) as finder:
        for split in assignment.splits:
            rows = assigned_rows(destination, after, split if len(assignment.splits) > 1 else None)
            for name, group in groupby(rows, key=itemgetter(1)):
                on_pack()
                staged = stage / name.rpartition("/")[2]
                with whole_file(staged) as file:
                    images = _images(map(itemgetter(0), group), pack_format, finder, assignment.classes, stop)
                    pack_format.write(file, images, assignment.classes)
                written = staged.status()
                assert written is not None  # noqa: S101 - it was written in the line above
                packs.append(Pack(name, assignment.counts[name], written.st_size, _sha256(staged)))
    return packs


def _images(
    rows: Iterable[dict[str, Any]],
    pack_format: PackFormat,
    finder: _ImageFinder,
    classes: Classes,
    stop: threading.Event,
) -> Iterator[PackedImage]:
    """Yield the images of manifest rows, with their bytes, classes and facts."""
    numbers = classes.numbering()
    for row in rows:
        if stop.is_set():
            raise Stopped
        info = {name: row.get(name) for name in REPEATED_COLUMNS}
        name, number = from_columns(row)
        number = numbers[name] if number is None and name is not None else number
        yield PackedImage(member_name(row, pack_format), finder.find(row), name, info, number)


class _ImageFinder:
    """Finds the bytes of images: in files of their own, or in earlier packs.

    It holds the folder of the last image open, and reads each earlier pack once, because images come folder by folder
    and in the order of the packs.
    """

    def __init__(self, destination: RootedPath, pack_format: PackFormat, before: PackIndex) -> None:
        self._destination, self._format = destination, pack_format
        self._known = {pack.name for pack in before.packs}
        self._pack, self._folder_name = "", ""
        self._folder: HeldFolder | None = None  # None where images have no files
        self._held, self._opened = ExitStack(), ExitStack()
        self._images: Iterator[tuple[str, bytes]] | None = None

    def find(self, row: dict[str, Any]) -> bytes:
        """Return the bytes of the image of a manifest row; OSError if their hash is not the one in the row."""
        name, pack = row["file_name"], row.get("shard") or ""
        try:
            data = self._from_file(name)
        except FileNotFoundError:
            member = row.get("member") or member_name(row, self._format)
            data = self._from_pack(pack, member) if pack in self._known else b""
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            place = f"the pack {pack!r}" if pack else f"the folder {UNPACKED!r}"
            raise OSError(
                f"{place} does not hold {name!r} as recorded in the manifest: run again with --overwrite always"
            )
        return data

    def _from_file(self, name: str) -> bytes:
        """Return the bytes of an image from its own file; FileNotFoundError if it has none."""
        above, _, base = name.rpartition("/")
        if self._folder is None or above != self._folder_name:
            self._held.close()
            self._folder = None
            self._folder = self._held.enter_context((self._destination / UNPACKED).at(above).held())
            self._folder_name = above
        descriptor = self._folder.descriptor(base)
        try:
            size = os.fstat(descriptor).st_size  # the row may be forged, and memory is taken for this size
            data = os.read(descriptor, size)
            while len(data) < size and (more := os.read(descriptor, size - len(data))):
                data += more
        finally:
            os.close(descriptor)
        return data

    def _from_pack(self, pack: str, member: str) -> bytes:
        if pack != self._pack or self._images is None:
            self._opened.close()
            self._images = None
            file = self._opened.enter_context((self._destination / pack).open())
            self._pack, self._images = pack, self._opened.enter_context(closing(self._format.read(file)))
        return next((data for name, data in self._images if name == member), b"")

    def close(self) -> None:
        """Close the folder and the pack that are open."""
        self._held.close()
        self._opened.close()


def _sha256(path: RootedPath) -> str:
    """Return the hash of a file; an empty text if it cannot be read."""
    try:
        return path.sha256()
    except OSError:
        return ""
