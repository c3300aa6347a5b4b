"""The journal of an output folder: a run appends rows to ``manifest.jsonl``, and sorts them at its end.

While a run goes on, ``manifest.jsonl`` takes every result, failures included. At the end one row remains for each
output, and for each image that a rule leaves out; failures move to ``failures.jsonl``. A source in both files has been
done, or left out, after it failed, unless its row in the manifest is ``stale``. Of the rows of a source the last one
counts: what is left out later has a stale output, or none.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.files.atomic import open_own
from icsys.files.bounded_lines import lines_of
from icsys.journal.known_outputs import KnownOutputs
from icsys.layout import FAILURES, MANIFEST
from icsys.records.manifest import DONE, FAILED, LEFT_OUT, STALE, from_line, read_rows, to_line
from icsys.records.row_columns import key_from_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from icsys.files.rooted_path import RootedPath


@dataclass(slots=True)
class JournalContent:
    """What earlier runs have left.

    Attributes
    ----------
    done
        The outputs.
    failures
        The rows of failed sources as lines, by source.
    failed
        The failed sources that the run may do: all, or those of its shard.
    left_out
        The sources that a rule left out when they were met last.
    in_order
        Whether every line is a row, and the rows are as a run leaves them at its end.
    end
        Source and output of the last row that is no failure.
    is_cut
        Whether the last line lacks its end.
    """

    done: KnownOutputs
    failures: dict[str, bytes] = field(default_factory=dict)
    failed: Collection[str] = ()
    left_out: set[str] = field(default_factory=set)
    in_order: bool = True
    end: tuple[str, str] = ("", "")
    is_cut: bool = False


def load_journal(state_folder: RootedPath, owns: Callable[[str], bool] | None = None) -> JournalContent:
    """Read the rows of earlier runs; a row that a crash has cut off is left out.

    Parameters
    ----------
    owns
        Returns whether a source belongs to the shard of the run. Default: all do.
    """
    path = state_folder / MANIFEST
    content = JournalContent(KnownOutputs(path))
    failures = content.failures
    failures.update((row["source_path"], to_line(row)) for _, row in read_rows(state_folder / FAILURES))
    last = ("", "")
    with suppress(FileNotFoundError, NotADirectoryError), path.open() as file:
        for position, line in lines_of(file):
            content.is_cut = not line.endswith(b"\n")
            key = key_from_line(line)
            if key is None:
                content.in_order = False
                continue
            here = key.source, key.output
            content.in_order = content.in_order and here > last and key.status != FAILED
            last = here
            if key.status == FAILED:
                failures[key.source] = to_line(from_line(line) or {})
                content.left_out.discard(key.source)
                continue
            if key.status == LEFT_OUT:
                content.left_out.add(key.source)
            else:
                content.done.add(key.output, position, of_others=owns is not None and not owns(key.source))
            if key.status in (DONE, LEFT_OUT):
                failures.pop(key.source, None)
            if key.status == DONE and key.source in content.left_out:
                content.left_out.remove(key.source)
                content.in_order = False
    content.end = last
    content.done.sort()
    content.failed = {source for source in failures if owns is None or owns(source)}
    return content


class Journal:
    """Appends rows to the manifest; the file is created with the first row.

    Parameters
    ----------
    known
        What earlier runs have left there.

    Attributes
    ----------
    folder
        The state folder.
    known
        The same as the parameter; outputs are marked when a row of this run replaces theirs.
    start
        Position of the first row of this run.
    in_order
        Whether all rows, those of earlier runs and of this one, are as a run leaves them at its end.
    failures
        The rows of sources that this run has met and that failed last, as lines, by source.
    mended
        Sources that have failed in an earlier run, and not in this one.
    left_out
        Sources that a rule of this run leaves out.
    left_out_before
        Sources that earlier runs left out, and that have no row of this run.
    """

    def __init__(self, state_folder: RootedPath, known: JournalContent) -> None:
        self.folder = state_folder
        self._path = state_folder / MANIFEST
        self._file: BinaryIO | None = None
        self._is_repaired = False
        found = self._path.status()
        self.known = known
        self.start = found.st_size if found else 0
        # A row of an image left out makes way for other rows of its source.
        self.in_order = known.in_order and not known.is_cut and not known.left_out
        self.failures: dict[str, bytes] = {}
        self.mended: set[str] = set()
        self.left_out: set[str] = set()
        self.left_out_before = set(known.left_out)
        self._end = known.end

    def append(self, *rows: Mapping[str, Any]) -> None:
        """Append rows in one call, so that they are whole even if this process dies right after."""
        if self._file is None:
            self.known.done.release()
            self._repair_end()
            self._file = open_own(self._path, "ab", buffering=0)
        lines = [to_line(row) for row in rows]
        rest = memoryview(b"".join(lines))
        size = len(rest)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self.close()  # the next append cuts off the half row
            self.in_order = False
            raise
        finally:
            written = size - len(rest)
            for row, line in zip(rows, lines, strict=True):
                written -= len(line)
                if written >= 0:
                    self._note(row, line)

    def _note(self, row: Mapping[str, Any], line: bytes) -> None:
        """Note what the end of the run needs to know of a row."""
        source, status = row["source_path"], row["status"]
        if status != STALE:
            self.left_out_before.discard(source)
            if source in self.left_out:
                self.left_out.remove(source)
                self.in_order = False
        if status == FAILED:
            self.failures[source] = line
            self.in_order = False
            return
        output = row.get("file_name", "")
        here = source, output
        replaces = len(self.known.done) > 0 and (status == LEFT_OUT or self.known.done.replace(output))
        self.in_order = self.in_order and here > self._end and not replaces
        self._end = here
        if status == LEFT_OUT:
            self.left_out.add(source)
        if status in (DONE, LEFT_OUT):
            self.failures.pop(source, None)
            if source in self.known.failures:
                self.mended.add(source)

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
            end = repair_end(file)
            if not self._is_repaired:  # a later repair comes after rows of this run
                self.start = end
        self._is_repaired = True


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
