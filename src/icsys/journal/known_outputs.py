"""The outputs of earlier runs: 21 bytes a row in memory, and the rows themselves in the journal on the disk."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from icsys.records.label import UNLABELLED, Label, from_columns
from icsys.records.row_columns import columns_from_line
from icsys.results import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedRandom

    from icsys.files.rooted_path import RootedPath

_LIVE, _MET, _OF_OTHERS = 1, 2, 4  # marks of a row; a row that a later row of its output replaces is not live


class JournalEntry(NamedTuple):
    """The columns of a row that a later run compares; the whole row is at ``position`` in the journal."""

    output: str
    source: str
    source_bytes: int
    source_mtime_ns: int
    options_hash: str
    bytes: int
    status: str
    pack: str | None
    position: int
    label: Label = UNLABELLED
    kind: str = IMAGE
    picture: str = ""


class KnownOutputs:
    """The rows of a journal by output; of several rows of an output the last counts.

    Only the hash and the position of each row are in memory. A row is read from the disk when it is asked for, and its
    output compared, so equal hashes do no harm.

    Parameters
    ----------
    path
        The journal. Its rows stay where they are until it is put in order.
    """

    def __init__(self, path: RootedPath) -> None:
        self._path = path
        self._file: BufferedRandom | None = None
        self._added = array("q")  # hashes, until all rows are there
        self._hashes: Sequence[int] = ()  # sorted
        self._rows: Sequence[int] = ()  # the number of the row that has each of these hashes
        self._positions = array("q")
        self._marks = bytearray()

    def __del__(self) -> None:
        self.release()

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, output: str, position: int, *, of_others: bool = False) -> None:
        """Add a row, in the order of the journal; ``of_others``: for runs of other shards only."""
        self._added.append(hash(output))
        self._positions.append(position)
        self._marks.append(_LIVE | _OF_OTHERS if of_others else _LIVE)

    def sort(self) -> None:
        """Make the rows ready for lookups, once all are added."""
        if not self._added:
            return
        import numpy as np  # noqa: PLC0415 - a first run needs no index

        hashes = np.array(self._added, np.int64)
        self._added = array("q")
        rows = np.argsort(hashes, kind="stable")
        hashes = hashes[rows]
        self._hashes, self._rows = hashes.data, rows.astype(np.int32 if len(rows) < 2**31 else np.int64).data
        group, seen = 0, set[str]()
        for at in reversed(np.flatnonzero(hashes[1:] == hashes[:-1]).tolist()):  # as a rule two rows of one output
            if not seen or self._hashes[at] != group:
                group, seen = self._hashes[at], {self._output_of(self._rows[at + 1])}
            output = self._output_of(self._rows[at])
            if output in seen:
                self._marks[self._rows[at]] = 0
            seen.add(output)

    def get(self, output: str) -> JournalEntry | None:
        """Return the last row of an output; None if this run's shard has none."""
        found = self._find(output)
        return None if found is None or self._marks[found[0]] & _OF_OTHERS else found[1]

    def __getitem__(self, output: str) -> JournalEntry:
        entry = self.get(output)
        if entry is None:
            raise KeyError(output)
        return entry

    def meet(self, output: str) -> JournalEntry | None:
        """Return what :meth:`get` does, and note that a task has this output."""
        found = self._find(output)
        if found is None or self._marks[found[0]] & _OF_OTHERS:
            return None
        self._marks[found[0]] |= _MET
        return found[1]

    def unmet(self) -> Iterator[str]:
        """Yield the outputs that no task has had, in the order of the journal."""
        row = self._marks.find(_LIVE)
        while row >= 0:
            yield self._output_of(row)
            row = self._marks.find(_LIVE, row + 1)

    def is_of_others(self, output: str) -> bool:
        """Return whether an output is that of another shard."""
        found = self._find(output)
        return found is not None and bool(self._marks[found[0]] & _OF_OTHERS)

    def replace(self, output: str) -> bool:
        """Note that a later row of an output replaces the one here; return whether there is one."""
        found = self._find(output)
        if found is None:
            return False
        self._marks[found[0]] &= ~_LIVE
        return True

    def live_positions(self) -> Iterator[int]:
        """Yield the positions of the rows that no later row replaces, in the order of the journal."""
        return (position for position, mark in zip(self._positions, self._marks, strict=True) if mark & _LIVE)

    def release(self) -> None:
        """Close the journal, so that it can be replaced; the next lookup opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _find(self, output: str) -> tuple[int, JournalEntry] | None:
        """Return the number and the columns of the last row of an output."""
        wanted = hash(output)
        at = bisect_right(self._hashes, wanted) - 1
        while at >= 0 and self._hashes[at] == wanted:
            entry = self._entry(self._rows[at])
            if entry is not None and entry.output == output:
                return self._rows[at], entry
            at -= 1
        return None

    def _output_of(self, row: int) -> str:
        entry = self._entry(row)
        return "" if entry is None else entry.output

    def _entry(self, row: int) -> JournalEntry | None:
        """Read a row; None if another program has changed the journal meanwhile."""
        if self._file is None:
            self._file = self._path.open()
        position = self._positions[row]
        self._file.seek(position)
        columns = columns_from_line(self._file.readline())
        if columns is None or "file_name" not in columns:
            return None
        return JournalEntry(
            columns["file_name"],
            columns["source_path"],
            columns["source_bytes"],
            columns["source_mtime_ns"],
            columns["options_hash"],
            columns["bytes"],
            columns["status"],
            columns.get("shard"),
            position,
            from_columns(columns),
            columns["kind"],
            columns.get("picture") or "",
        )
