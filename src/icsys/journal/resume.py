"""Decides what is left to do of a source after earlier runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from icsys.choices import AUTO
from icsys.errors import code_of
from icsys.records.label import UNLABELLED, Label, label_at
from icsys.records.manifest import STALE
from icsys.results import CHANGED_SOURCE, FOREIGN, MASK, NOT_FAILED, OTHER_OPTIONS, UNCHANGED, Failed, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from icsys.journal.journal import Journal, JournalContent
    from icsys.journal.known_outputs import JournalEntry
    from icsys.journal.ledger_context import LedgerContext
    from icsys.outputs.base import OutputStat
    from icsys.sources.base import Task


class RowUpdate(NamedTuple):
    """A finished output whose row must be written again: the row is stale, or has another label."""

    skipped: Skipped
    entry: JournalEntry
    label: Label


class Resume:
    """Decides, for each task, between doing it and a result without work.

    Parameters
    ----------
    known
        Content of the journal.
    pending
        Outputs that a killed run may have written without a row in the journal.
    is_of_others
        Returns whether ICS has written an output for another shard.
    """

    def __init__(
        self,
        context: LedgerContext,
        journal: Journal,
        known: JournalContent,
        pending: Collection[str],
        is_of_others: Callable[[str], bool],
    ) -> None:
        self._source, self._outputs, self._packs = context.source, context.outputs, context.packs
        self._hash_of, self._settings = context.hash_of, context.settings
        self._journal, self._known, self._pending, self._is_of_others = journal, known, pending, is_of_others

    def decide(self, task: Task, picture: Task | None = None) -> Task | Skipped | RowUpdate | Failed:
        """Return the task if it is to be done, or its result; ``picture``: the image that a companion belongs to."""
        entry = self._known.done.meet(task.output)
        if self._settings.retry_failed and not any(self._has_failed(one.source) for one in (task, picture) if one):
            return Skipped(source=task.source, output=task.output, reason=NOT_FAILED)
        found = self._was_mask(task, entry) or self._stat(task)
        if isinstance(found, Failed):
            return found
        packed = found.size is None and entry is not None and entry.pack in self._packs
        if self._settings.redo_all or (found.size is None and not packed):
            return task
        if entry is not None:
            return self._compare(task, entry, entry.bytes if found.size is None else found.size)
        is_left_pending = task.output in self._pending and self._outputs.is_own_output(task.output)
        if is_left_pending or self._is_of_others(task.output):
            return task
        return Skipped(source=task.source, output=task.output, reason=FOREIGN)

    def _has_failed(self, source: str) -> bool:
        """Return whether a source has failed, or a folder above it that could not be listed."""
        failed = self._known.failed
        while source and source not in failed:
            source = source.rpartition("/")[0]
        return bool(source) or "." in failed

    def _was_mask(self, task: Task, entry: JournalEntry | None) -> Failed | None:
        """Return a failure if a file is no mask any more only because others are gone; None otherwise.

        Its pixels would be averaged, and the numbers of classes in them lost.
        """
        if entry is None or entry.kind != MASK or task.options_hash or self._settings.masks != AUTO:
            return None
        message = "an earlier run took this file for a mask: --masks names masks, and --no-masks makes pictures of them"
        return Failed(source=task.source, code="was_mask", message=message) if entry.source == task.source else None

    def _stat(self, task: Task) -> OutputStat | Failed:
        """Return what exists at the path of an output, or why no output can be written there."""
        try:
            found = self._outputs.stat(task.output)
        except OSError as error:
            message = f"cannot check the existing output: {error.strerror or error}"
            return Failed(source=task.source, code=code_of(error), message=message)
        if found.obstacle:
            message = f"the output cannot be written, because {found.obstacle}: move that away first"
            return Failed(source=task.source, code="blocked", message=message)
        return found

    def _compare(self, task: Task, entry: JournalEntry, size: int) -> Task | Skipped | RowUpdate:
        """Decide by the row of an existing output."""
        label = UNLABELLED if task.options_hash else label_at(task.output, task.label)
        options_hash = task.options_hash or self._hash_of(task.output)
        other_options, other_source = entry.options_hash != options_hash, entry.source != task.source
        other_label = entry.pack is not None and entry.label != label  # its pack holds the other label
        if other_options or other_source or other_label or entry.bytes != size:
            # An entry without options is what a killed run has left.
            reason = OTHER_OPTIONS if other_options and entry.options_hash else CHANGED_SOURCE if other_source else ""
            return task._replace(redone=reason)
        try:
            source_bytes, mtime_ns = self._source.stat(task)
        except OSError:
            return task  # reading it finds the fault
        if source_bytes not in {None, entry.source_bytes}:
            return task._replace(redone=CHANGED_SOURCE)
        row = None
        if task.output in self._pending:
            # A killed run may have replaced the output after its row was written: only the hash decides.
            row = self._journal.read(entry.position)
            if self._sha256(task.output) != row.get("sha256"):
                return task
        if mtime_ns != entry.source_mtime_ns:
            row = row or self._journal.read(entry.position)
            return task._replace(done_sha256=row.get("source_sha256"), redone=CHANGED_SOURCE)
        skipped = Skipped(source=task.source, output=task.output, reason=UNCHANGED)
        undone = task.source in self._known.failed or task.source in self._known.left_out
        is_right = entry.status != STALE and not undone and entry.label == label
        return skipped if is_right else RowUpdate(skipped, entry, label)

    def _sha256(self, output: str) -> str | None:
        """Return the hash of an output; None if the output cannot be read."""
        try:
            return hashlib.sha256(self._outputs.read(output)).hexdigest()
        except OSError:
            return None
