"""What is left to do of a source, after what earlier runs have done."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import code_of
from icsys.records.labels import Label, label_at
from icsys.records.manifest import STALE
from icsys.results import FOREIGN, NOT_FAILED, UNCHANGED, Failed, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container

    from icsys.journal.journal import Journal, JournalContent, JournalEntry
    from icsys.outputs.base import Outputs, OutputStat
    from icsys.sources.base import Source, Task


class RowUpdate(NamedTuple):
    """An image that is done, but whose line has to be written anew: it was called stale, or it has another label."""

    skipped: Skipped
    entry: JournalEntry
    label: Label


class Resume:
    """Decides what is left to do.

    Parameters
    ----------
    outputs
        Where outputs lie.
    known, claimed
        What earlier runs have written for certain, and what they may have written just before they were killed.
    is_proven
        Tells whether what lies in the place of a claimed output was written by a run.
    hash_of
        Gives the hash of all that decides an output's bytes beside its source.
    overwrite
        Whether all is done anew, and files that ICS did not write are replaced.
    retry_failed
        Whether only sources that failed are taken up.
    shards
        Files that hold outputs which need not lie in a folder any more.
    others
        Outputs that ICS has written for sources that are not this run's concern.
    """

    def __init__(
        self,
        source: Source,
        outputs: Outputs,
        journal: Journal,
        known: JournalContent,
        claimed: Collection[str],
        *,
        is_own_output: Callable[[str], bool],
        hash_of: Callable[[str], str],
        overwrite: bool,
        retry_failed: bool,
        shards: Collection[str],
        others: Container[str],
    ) -> None:
        self._source, self._outputs = source, outputs
        self._shards = shards
        self._journal, self._known, self._claimed = journal, known, claimed
        self._is_proven, self._hash_of = is_own_output, hash_of
        self._overwrite, self._retry_failed = overwrite, retry_failed
        self._others = others
        self.unmet = set(known.done)
        """Outputs of earlier runs that no source has asked for yet."""

    def decide(self, task: Task) -> Task | Skipped | RowUpdate | Failed:
        """Tell what becomes of a source: to be done, or the result that it has without being worked on."""
        self.unmet.discard(task.output)
        if self._retry_failed and not self._has_failed(task.source):
            return Skipped(source=task.source, output=task.output, reason=NOT_FAILED)
        found = self._look(task)
        if isinstance(found, Failed):
            return found
        entry = self._known.done.get(task.output)
        packed = found.size is None and entry is not None and entry.shard in self._shards
        if self._overwrite or (found.size is None and not packed):
            return task
        if entry is not None:
            return self._compare(task, entry, entry.bytes if found.size is None else found.size)
        if task.output in self._others or (task.output in self._claimed and self._is_proven(task.output)):
            return task
        return Skipped(source=task.source, output=task.output, reason=FOREIGN)

    def _has_failed(self, source: str) -> bool:
        """Tell whether a source failed, or a folder that it lies in, which could not be listed then."""
        failed = self._known.failed
        while source and source not in failed:
            source = source.rpartition("/")[0]
        return bool(source) or "." in failed

    def _look(self, task: Task) -> OutputStat | Failed:
        """Tell what lies in the place of an output, or why none can be written there."""
        try:
            found = self._outputs.stat(task.output)
        except OSError as error:
            message = f"what lies in the place of its output cannot be looked at: {error.strerror or error}"
            return Failed(source=task.source, code=code_of(error), message=message)
        if found.obstacle:
            message = f"its output cannot be written, because {found.obstacle}: move that away first"
            return Failed(source=task.source, code="blocked", message=message)
        return found

    def _compare(self, task: Task, entry: JournalEntry, size: int) -> Task | Skipped | RowUpdate:
        """Decide by the line of an output that is there and ours."""
        label = label_at(task.output, task.label)
        is_other = (entry.source, entry.options_hash, entry.bytes) != (task.source, self._hash_of(task.output), size)
        if is_other or (entry.shard is not None and entry.label != label):  # its shard holds the other label
            return task
        try:
            source_bytes, mtime_ns = self._source.stat(task)
        except OSError:
            return task  # which will find out what is wrong
        if source_bytes not in {None, entry.source_bytes}:
            return task
        row = None
        if task.output in self._claimed:
            # A crash came while it was written anew: its size alone does not tell which of the two it is.
            row = self._journal.read(entry.position)
            if self._sha256(task.output) != row.get("sha256"):
                return task
        if mtime_ns != entry.source_mtime_ns:
            row = row or self._journal.read(entry.position)
            return task._replace(done_sha256=row.get("source_sha256"))
        skipped = Skipped(source=task.source, output=task.output, reason=UNCHANGED)
        is_right = entry.status != STALE and task.source not in self._known.failed and entry.label == label
        return skipped if is_right else RowUpdate(skipped, entry, label)

    def _sha256(self, output: str) -> str | None:
        """Return the hash of an output; None if it cannot be read."""
        try:
            return hashlib.sha256(self._outputs.read(output)).hexdigest()
        except OSError:
            return None
