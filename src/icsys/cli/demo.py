"""Where a demo puts the sample photos and what becomes of them: into no folder that holds anything else."""

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
from icsys.records.manifest import FAILED, from_line
from icsys.records.pack_index import load_pack_index
from icsys.records.palette_files import check_palette_files, load_palettes
from icsys.records.pending_outputs import WrittenHashes, is_own_output, load_pending
from icsys.records.run_json import read_run
from icsys.shards.state import shards_in, state_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from icsys.files.held_folder import DirectoryEntry

OWN = "ics-demo"
_MOST = 1000


def choose_folders(source: str, destination: str) -> tuple[str, str]:
    """Return the folders of a demo: those named, or two of these names in the first ``ics-demo`` that can be used.

    Folders are used that are missing, or hold nothing but what a demo has put there: the source sample photos byte for
    byte, the destination what came of them. A link is none of that. After ``ics-demo`` come ``ics-demo-2``,
    ``ics-demo-3`` and so on.

    Raises
    ------
    UsageError
        If none can be used.
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
            continue  # what nobody can look into is not the demo's
    raise UsageError(
        f"{source}, {destination} and all folders from {OWN} to {OWN}-{_MOST - 1} hold other files or cannot be read: "
        "run ics demo in an empty folder"
    )


def _entries(folder: RootedPath) -> list[DirectoryEntry]:
    """Return what is in a folder; nothing where there is none.

    Raises
    ------
    OSError
        If it is a link or no folder.
    """
    try:
        if is_link(os.lstat(str(folder))):
            raise NotADirectoryError(str(folder))
    except FileNotFoundError:
        return []
    return folder.entries()


def _holds_samples(folder: RootedPath, samples: Mapping[str, str]) -> bool:
    """Tell whether a folder holds nothing but samples, and the beginning of one where a demo was killed."""
    return all(
        entry.is_file and (is_temporary(entry.name) or samples.get(entry.name, "") == (folder / entry.name).sha256())
        for entry in _entries(folder)
    )


class _Outputs:
    """What came of samples, by the books of a folder, which an earlier demo has kept.

    Parameters
    ----------
    samples
        Hashes of the sample photos by their names.
    """

    def __init__(self, folder: RootedPath, samples: Mapping[str, str]) -> None:
        self._folder, self._samples = folder, samples
        self._files: dict[str, set[str]] = {}  # hashes: an output that was done again has more than one
        self._shards: set[str] = set()
        self._palettes: set[str] = set()
        self._claims: dict[str, set[str]] = {}  # hashes of what was written, by name

    def are_all(self) -> bool:
        """Tell whether the folder holds nothing else; OSError or UsageError if nobody can tell."""
        entries = list(_entries(self._folder))
        if not all(entry.is_file or entry.is_folder for entry in entries):
            return False  # a link leads to what is somebody's, and nobody waits for a pipe
        books = [self._folder, *(state_folder_of(self._folder, shard) for shard in shards_in(self._folder))]
        rows = (row for place in books for name in (MANIFEST, FAILURES) for row in _rows(place / name))
        return all(map(self._take, rows)) and all(map(self._take_pending, books)) and all(map(self._is_own, entries))

    def _take(self, row: dict[str, Any] | None) -> bool:
        """Note what a line tells of an output; False if it is not a sample's."""
        if row is None or row["source_path"] not in self._samples:
            return False
        if row["status"] == FAILED:
            return True
        self._files.setdefault(row["file_name"], set()).add(row["sha256"])
        self._shards.add(row.get("shard") or "")
        self._palettes.add(row.get("palette") or "")
        return row["source_sha256"] == self._samples[row["source_path"]] and "/" not in row["file_name"]

    def _take_pending(self, books: RootedPath) -> bool:
        """Note what was about to be written; False if a sample has no output of such a name."""
        claims, written = load_pending(books), WrittenHashes(books).load()
        for name in claims:
            self._claims.setdefault(name, set()).update(written.get(name, ()))
        stems = {*self._samples, *(Path(name).stem for name in self._samples)}
        return all(re.fullmatch(r"(.+)\.\w+", name) and name.rpartition(".")[0] in stems for name in claims)

    def _is_own(self, entry: DirectoryEntry) -> bool:
        name, path = entry.name, self._folder / entry.name
        if name.startswith(OWN_PREFIX):
            return True
        if name == PACKS:
            return all(map(self._is_shard, _entries(path)))
        if not entry.is_file:
            return False
        if name in {MANIFEST, FAILURES}:
            return bool(path.read_bytes(1)) or bool(self._claims)  # each of their lines was looked at
        looks: dict[str, Callable[[RootedPath], bool]] = {
            RUN: lambda file: bool(read_run(file.parent)),
            PACK_INDEX: lambda file: load_pack_index(file.parent) is not None,
            PALETTE: self._is_palette,
            GIMP_PALETTE: self._is_palette,
        }
        return looks.get(name, _is_page if name.endswith(".html") else self._is_output)(path)

    def _is_output(self, path: RootedPath) -> bool:
        """Tell whether a file is what a line tells of, or was written in the moment before a demo was killed."""
        claimed = path.name in self._claims and is_own_output(path.read_bytes(), self._claims[path.name])
        return claimed or (path.name in self._files and path.sha256() in self._files[path.name])

    def _is_shard(self, entry: DirectoryEntry) -> bool:
        """Tell whether a file of many images is one that was packed of samples."""
        index = load_pack_index(self._folder)
        name = f"{PACKS}/{entry.name}"
        if index is None or not entry.is_file:
            return False
        if index.state != "complete":  # a demo was killed while they took their places
            return name in {*self._shards, *index.old}
        return name in self._shards and any(
            shard.name == name and shard.sha256 == (self._folder / name).sha256() for shard in index.shards
        )

    def _is_palette(self, file: RootedPath) -> bool:
        """Tell whether the palette beside the outputs is theirs, or was found from no more images than samples are."""
        check_palette_files(file.parent, Options(palette="dataset"))
        palettes = load_palettes(file.parent / PALETTE)
        return palettes.hash in self._palettes or (
            palettes.images.keys() == palettes.colors.keys() and sum(palettes.images.values()) <= len(self._samples)
        )


def _is_page(file: RootedPath) -> bool:
    """Tell whether a file is a page of a run; UsageError if it is not."""
    from icsys.report.html import check_target  # noqa: PLC0415 - seldom needed

    check_target(file)
    return True


def _rows(path: RootedPath) -> Iterator[dict[str, Any] | None]:
    """Draw the lines of a file, None for one that is none of ours; of a file that is missing there are none."""
    try:
        with path.open() as file:
            yield from map(from_line, file)
    except FileNotFoundError:
        return
