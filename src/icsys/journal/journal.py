"""The journal of an output folder: a run appends rows to ``manifest.jsonl``, and sorts them at its end.

While a run goes on, ``manifest.jsonl`` takes every result, failures included. At the end one row remains for each
output, and failures move to ``failures.jsonl``. A source in both files has been done after it failed, unless its row
in the manifest is ``stale``.
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
from icsys.records.label import UNLABELLED, Label, from_columns
from icsys.records.manifest import DONE, FAILED, STALE, from_line, read_all_rows, read_rows, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from icsys.files.rooted_path import RootedPath


class JournalEntry(NamedTuple):
    """The columns of a row that a later run compares; the whole row is at ``position`` in the journal."""

    source: str
    source_bytes: int
    source_mtime_ns: int
    options_hash: str
    bytes: int
    status: str
    pack: str | None
    position: int
    label: Label = UNLABELLED


@dataclass(slots=True)
class JournalContent:
    """What earlier runs have left: entries by output, failed sources, and whether the rows are in order."""

    done: dict[str, JournalEntry] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    in_order: bool = True


def load_journal(state_folder: RootedPath) -> JournalContent:
    """Read the rows of earlier runs; a row that a crash has cut off is left out."""
    content = JournalContent()
    content.failed.update(row["source_path"] for _, row in read_rows(state_folder / FAILURES))
    last = ("", "")
    labels: dict[Label, Label] = {}  # each is held once
    for position, row in read_all_rows(state_folder / MANIFEST):
        if row is None:
            content.in_order = False
            continue
        here = row["source_path"], row.get("file_name") or ""
        content.in_order = content.in_order and here > last and row.get("status") != FAILED
        last = here
        if row.get("status") == FAILED:
            content.failed.add(row["source_path"])
            continue
        label = from_columns(row)
        content.done[row["file_name"]] = entry = JournalEntry(
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
            content.failed.discard(entry.source)
    return content


class Journal:
    """Appends rows to the manifest; the file is created with the first row."""

    def __init__(self, state_folder: RootedPath) -> None:
        self._path = state_folder / MANIFEST
        self._file: BinaryIO | None = None
        found = self._path.status()
        self.start = found.st_size if found else 0
        """Position of the first row of this run."""

    def append(self, *rows: Mapping[str, Any]) -> None:
        """Append rows in one call, so that they are whole even if this process dies right after."""
        if self._file is None:
            self._repair_end()
            self._file = open_own(self._path, "ab", buffering=0)
        line = memoryview(b"".join(map(to_line, rows)))
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError:
            self.close()  # the next append cuts off the half row
            raise

    def read(self, position: int) -> dict[str, Any]:
        """Return the row at a position from :func:`load_journal`."""
        with self._path.open() as file:
            file.seek(position)
            return from_line(file.readline()) or {}

    def sync(self) -> None:
        """Bring the rows onto the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _repair_end(self) -> None:
        """End or remove the last row, so that rows can be appended."""
        with suppress(FileNotFoundError), open_own(self._path, "r+b") as file:
            self.start = repair_end(file)


def compact(
    state_folder: RootedPath,
    *,
    start: int,
    complete: bool,
    stale: Collection[str],
    exists: Callable[[str], bool] | None = None,
) -> None:
    """Keep one row for each output, sorted by source, and move failures to their own file.

    Parameters
    ----------
    start
        Position of the first row of the run that ends now.
    complete
        Whether that run has met all sources; failures of earlier runs are then dropped.
    stale
        Outputs whose sources the run has not met.
    exists
        Returns whether an output exists. Default: outputs are beside the manifest.
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
    # In this order, a crash between the two files leaves a journal that is still right.
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


def repair_end(file: BinaryIO) -> int:
    """End the last line of a file, or remove it if a crash has cut it off; return the position of the next line."""
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
    """Read the lines at these positions, and set the status of stale ones."""
    with path.open() as file:
        for position, stale in places:
            file.seek(position)
            line = file.readline()
            whole = line if line.endswith(b"\n") else line + b"\n"
            yield to_line((from_line(line) or {}) | {"status": STALE}) if stale else whole
