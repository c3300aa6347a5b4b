"""The journal of an output folder: lines are added while a run goes on, and put in order at its end.

``manifest.jsonl`` is the journal and the manifest in one. While a run goes on it takes every outcome, failures
included; at the end one line is kept for each output, and failures move to ``failures.jsonl``. A source that stands in
both files has been done since it failed, so the manifest is right, unless its line there says that it is stale.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from icsys.files.atomic import open_own, write_whole
from icsys.files.bounded_lines import lines_of
from icsys.layout import FAILURES, MANIFEST
from icsys.outputs.folder import FolderOutputs
from icsys.records.labels import UNLABELLED, Label, from_columns
from icsys.records.manifest import DONE, FAILED, STALE, from_line, read_all_rows, read_rows, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from icsys.files.rooted_path import RootedPath


class JournalEntry(NamedTuple):
    """What a later run has to know of an output; the whole line stands at ``position`` in the journal."""

    source: str
    source_bytes: int
    source_mtime_ns: int
    options_hash: str
    bytes: int
    status: str
    shard: str | None
    position: int
    label: Label = UNLABELLED


@dataclass(slots=True)
class JournalContent:
    """What earlier runs have left: outputs by name, the sources that failed, and whether all is in order."""

    done: dict[str, JournalEntry] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    in_order: bool = True


def load_journal(state_folder: RootedPath) -> JournalContent:
    """Read what earlier runs have left; a line torn by a crash counts as not written."""
    known = JournalContent()
    known.failed.update(row["source_path"] for _, row in read_rows(state_folder / FAILURES))
    last = ("", "")
    labels: dict[Label, Label] = {}  # each is held once
    for position, row in read_all_rows(state_folder / MANIFEST):
        if row is None:
            known.in_order = False
            continue
        here = row["source_path"], row.get("file_name") or ""
        known.in_order = known.in_order and here > last and row.get("status") != FAILED
        last = here
        if row.get("status") == FAILED:
            known.failed.add(row["source_path"])
            continue
        label = from_columns(row)
        known.done[row["file_name"]] = entry = JournalEntry(
            row["source_path"],
            row["source_bytes"],
            row["source_mtime_ns"],
            sys.intern(row["options_hash"]),
            row["bytes"],
            sys.intern(row["status"]),
            None if row.get("shard") is None else sys.intern(row["shard"]),
            position,
            labels.setdefault(label, label),
        )
        if entry.status == DONE:
            known.failed.discard(entry.source)
    return known


class Journal:
    """Adds lines to the manifest; nothing is made before the first of them."""

    def __init__(self, state_folder: RootedPath) -> None:
        self._path = state_folder / MANIFEST
        self._file: BinaryIO | None = None
        found = self._path.status()
        self.start = found.st_size if found else 0
        """Where the lines of this run begin."""

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a line, in one call, so that it is whole even if this process dies right after it."""
        if self._file is None:
            self._mend_end()
            self._file = open_own(self._path, "ab", buffering=0)
        line = memoryview(to_line(row))
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:
            self.close()  # whoever tries again finds the half of it and cuts it off
            raise

    def read(self, position: int) -> dict[str, Any]:
        """Return the line at a position that :func:`load` has given."""
        with self._path.open() as file:
            file.seek(position)
            return from_line(file.readline()) or {}

    def sync(self) -> None:
        """Bring the lines onto the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _mend_end(self) -> None:
        """Make the file one that lines can be added to."""
        with suppress(FileNotFoundError), open_own(self._path, "r+b") as file:
            self.start = end_lines(file)


def compact(
    state_folder: RootedPath,
    *,
    start: int,
    complete: bool,
    stale: Collection[str],
    exists: Callable[[str], bool] | None = None,
) -> None:
    """Keep one line for each output, sorted by source, and move the failures to their own file.

    Parameters
    ----------
    start
        Where the lines of the run that ends now begin in the journal.
    complete
        Whether that run has seen all sources: failures of earlier runs are over then.
    stale
        Outputs whose sources it has not met.
    holds
        Tells whether an output is there; those that lie beside the books are if left out.
    """
    manifest, failures = state_folder / MANIFEST, state_folder / FAILURES
    failed: dict[str, dict[str, Any]] = {}
    done: dict[str, tuple[str, int]] = {}
    if not complete:
        failed.update((row["source_path"], row) for _, row in read_rows(failures))
    for position, row in read_rows(manifest):
        source = row["source_path"]
        if row.get("status") == FAILED:
            if not complete or position >= start:
                failed[source] = row
        else:
            done[row["file_name"]] = source, position
            if row.get("status") == DONE:
                failed.pop(source, None)
    # In this order a crash between the two leaves a journal that is still right.
    if failed:
        write_whole(failures, (to_line(row) for _, row in sorted(failed.items())))
    else:
        failures.unlink(missing_ok=True)
    if manifest.is_file():
        is_stale = {name for name, (source, _) in done.items() if name in stale or source in failed}
        exists = exists or FolderOutputs(state_folder).exists
        gone = {name for name in sorted(is_stale) if not exists(name)}
        kept = sorted((source, name, position) for name, (source, position) in done.items() if name not in gone)
        write_whole(manifest, _lines(manifest, ((position, name in is_stale) for _, name, position in kept)))
    state_folder.sync()


def end_lines(file: BinaryIO) -> int:
    """End the last line of a file, or remove it where a crash has torn it; return where the next one begins."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return 0
    file.seek(-1, os.SEEK_END)
    if file.read() == b"\n":
        return size
    file.seek(0)
    begin, last = 0, b""
    for position, line in lines_of(file):
        begin, last = position, line
    if from_line(last) is not None:
        file.write(b"\n")
        return size + 1
    file.truncate(begin)
    return begin


def _lines(path: RootedPath, places: Iterable[tuple[int, bool]]) -> Iterator[bytes]:
    """Read the lines at these positions, and call what they tell of stale where it is."""
    with path.open() as file:
        for position, stale in places:
            file.seek(position)
            line = file.readline()
            whole = line if line.endswith(b"\n") else line + b"\n"
            yield to_line((from_line(line) or {}) | {"status": STALE}) if stale else whole
