"""Chooses the folders of ``ics demo``: missing ones, or ones that hold nothing but an earlier demo."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.cli.demo_photos import sample_photos
from icsys.errors import UsageError
from icsys.files.atomic import is_temporary
from icsys.files.links import is_link
from icsys.files.rooted_path import RootedPath
from icsys.layout import FAILURES, GIMP_PALETTE, MANIFEST, OWN_PREFIX, PACK_INDEX, PACKS, PALETTE, RUN
from icsys.options import Options
from icsys.records.manifest import FAILED, LEFT_OUT, from_line
from icsys.records.pack_index import load_pack_index
from icsys.records.palette_files import check_palette_files, load_palettes
from icsys.records.pending_outputs import WrittenHashes, is_own_output, load_pending
from icsys.records.run_json import read_run
from icsys.shards.state_folders import shards_in, state_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from icsys.files.held_folder import DirectoryEntry

OWN = "ics-demo"
_MOST = 1000


def choose_folders(source: str, destination: str) -> tuple[str, str]:
    """Return source and destination of a demo: the given names, here or in the first suitable ``ics-demo`` folder.

    A folder is suitable if it is missing, or holds only files of an earlier demo: the source unchanged sample photos,
    the destination their outputs. A link is never suitable. After ``ics-demo`` come ``ics-demo-2``, ``ics-demo-3`` and
    so on.

    Raises
    ------
    UsageError
        If no folder is suitable.
    """
    samples = {photo.name: hashlib.sha256(photo.read_bytes()).hexdigest() for photo in sample_photos()}
    names = {source, destination}
    for place in ("", OWN, *(f"{OWN}-{number}" for number in range(2, _MOST))):
        try:
            if (
                (not place or all(entry.name in names for entry in _entries(RootedPath(place))))
                and _holds_samples(RootedPath(Path(place, source)), samples)
                and _Outputs(RootedPath(Path(place, destination)), samples).are_all()
            ):
                return str(Path(place, source)), str(Path(place, destination))
        except (OSError, UsageError):
            continue  # a folder that cannot be read may hold files of the user
    raise UsageError(
        f"{source}, {destination} and all folders from {OWN} to {OWN}-{_MOST - 1} hold other files or cannot be read: "
        "run ics demo in an empty folder"
    )


def _entries(folder: RootedPath) -> list[DirectoryEntry]:
    """Return the content of a folder; an empty list if there is no folder.

    Raises
    ------
    OSError
        If it is a link or not a folder.
    """
    try:
        if is_link(os.lstat(str(folder))):
            raise NotADirectoryError(str(folder))
    except FileNotFoundError:
        return []
    return folder.entries()


def _holds_samples(folder: RootedPath, samples: Mapping[str, str]) -> bool:
    """Return whether a folder holds only unchanged samples, and temporary files of a killed demo."""
    return all(
        entry.is_file and (is_temporary(entry.name) or samples.get(entry.name, "") == (folder / entry.name).sha256())
        for entry in _entries(folder)
    )


class _Outputs:
    """Outputs of the samples, as recorded by an earlier demo in the output folder.

    Parameters
    ----------
    samples
        Hashes of the sample photos by their names.
    """

    def __init__(self, folder: RootedPath, samples: Mapping[str, str]) -> None:
        self._folder, self._samples = folder, samples
        self._files: dict[str, set[str]] = {}  # hashes by output; several if it was made again
        self._packs: set[str] = set()
        self._palettes: set[str] = set()
        self._pending: dict[str, set[str]] = {}  # hashes by pending output

    def are_all(self) -> bool:
        """Return whether the folder holds only outputs of samples; OSError or UsageError if it cannot be read."""
        entries = list(_entries(self._folder))
        if not all(entry.is_file or entry.is_folder for entry in entries):
            return False  # a link may lead to files of the user, and reading a pipe would block
        state_folders = [self._folder, *(state_folder_of(self._folder, shard) for shard in shards_in(self._folder))]
        rows = (row for place in state_folders for name in (MANIFEST, FAILURES) for row in _rows(place / name))
        return (
            all(map(self._record, rows))
            and all(map(self._record_pending, state_folders))
            and all(map(self._is_own, entries))
        )

    def _record(self, row: dict[str, Any] | None) -> bool:
        """Record the output of a manifest row; return False if it is not the output of a sample."""
        if row is None or row["source_path"] not in self._samples:
            return False
        if row["status"] in (FAILED, LEFT_OUT):
            return True
        self._files.setdefault(row["file_name"], set()).add(row["sha256"])
        self._packs.add(row.get("shard") or "")
        self._palettes.add(row.get("palette") or "")
        return row["source_sha256"] == self._samples[row["source_path"]] and "/" not in row["file_name"]

    def _record_pending(self, state_folder: RootedPath) -> bool:
        """Record the pending outputs of a state folder; return False if a name does not come from a sample."""
        pending, written = load_pending(state_folder), WrittenHashes(state_folder).load()
        for name in pending:
            self._pending.setdefault(name, set()).update(written.get(name, ()))
        stems = {*self._samples, *(Path(name).stem for name in self._samples)}
        return all(re.fullmatch(r"(.+)\.\w+", name) and name.rpartition(".")[0] in stems for name in pending)

    def _is_own(self, entry: DirectoryEntry) -> bool:
        name, path = entry.name, self._folder / entry.name
        if name.startswith(OWN_PREFIX):
            return True
        if name == PACKS:
            return all(map(self._is_pack, _entries(path)))
        if not entry.is_file:
            return False
        if name in {MANIFEST, FAILURES}:
            return bool(path.read_bytes(1)) or bool(self._pending)  # all their rows were checked before
        checks: dict[str, Callable[[RootedPath], bool]] = {
            RUN: lambda file: bool(read_run(file.parent)),
            PACK_INDEX: lambda file: load_pack_index(file.parent) is not None,
            PALETTE: self._is_palette,
            GIMP_PALETTE: self._is_palette,
        }
        return checks.get(name, _is_page if name.endswith(".html") else self._is_output)(path)

    def _is_output(self, path: RootedPath) -> bool:
        """Return whether a file is a recorded output, or was written just before a demo was killed."""
        is_pending = path.name in self._pending and is_own_output(path.read_bytes(), self._pending[path.name])
        return is_pending or (path.name in self._files and path.sha256() in self._files[path.name])

    def _is_pack(self, entry: DirectoryEntry) -> bool:
        """Return whether a pack was made from samples."""
        index = load_pack_index(self._folder)
        name = f"{PACKS}/{entry.name}"
        if index is None or not entry.is_file:
            return False
        if index.state != "complete":  # a demo was killed while packs moved into their places
            return name in {*self._packs, *index.old}
        return name in self._packs and any(
            pack.name == name and pack.sha256 == (self._folder / name).sha256() for pack in index.packs
        )

    def _is_palette(self, file: RootedPath) -> bool:
        """Return whether a shared palette belongs to the outputs, or was made from no more images than samples."""
        check_palette_files(file.parent, Options(palette="dataset"))
        palettes = load_palettes(file.parent / PALETTE)
        return palettes.hash in self._palettes or (
            palettes.images.keys() == palettes.colors.keys() and sum(palettes.images.values()) <= len(self._samples)
        )


def _is_page(file: RootedPath) -> bool:
    """Return True for a page about a run; UsageError for another file."""
    from icsys.report.html import check_target  # noqa: PLC0415 - seldom needed

    check_target(file)
    return True


def _rows(path: RootedPath) -> Iterator[dict[str, Any] | None]:
    """Yield the rows of a manifest or failures file, None for an invalid row; no rows for a missing file."""
    try:
        with path.open() as file:
            yield from map(from_line, file)
    except FileNotFoundError:
        return
