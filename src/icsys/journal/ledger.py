"""The ledger of a run: decides what to do, records results, and keeps the output folder safe against crashes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache, partial
from itertools import starmap
from typing import TYPE_CHECKING, Any

from icsys.files.atomic import sweep
from icsys.journal.journal import Journal, load_journal
from icsys.journal.put_in_order import compact
from icsys.journal.resume import Resume, RowUpdate
from icsys.records.label import label_at
from icsys.records.manifest import DONE, STALE
from icsys.records.manifest_rows import companion_row, failure_row, image_row, left_out_row, relabelled, stale_row
from icsys.records.pending_outputs import load_pending, write_pending
from icsys.results import CompanionWritten, Compressed, Failed, LeftOut, Skipped
from icsys.shard import mark_of
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.journal.fencing_token import FencingToken
    from icsys.journal.ledger_context import LedgerContext
    from icsys.journal.prune import Pruner
    from icsys.results import Result
    from icsys.sources.base import Companion, Loaded, Task

# Tuples: unions would be made anew for each of a million files.
_WITH_OUTPUT, _WITHOUT_OUTPUT = (Compressed, CompanionWritten), (Failed, LeftOut)


class Ledger:
    """Decides what to do, and records what was done.

    The names of pending outputs are on the disk before any of these outputs is. After a crash at any moment, the files
    of ICS are therefore known: the outputs in the journal, and the pending outputs.

    Attributes
    ----------
    pruned
        Stale outputs that :meth:`close` has removed, or would remove in a run that writes something.
    """

    def __init__(self, context: LedgerContext) -> None:
        settings, state_folder = context.settings, context.state_folder
        self._state_folder, self._destination = state_folder, context.destination
        self._outputs, self._written, self._hash_of = context.outputs, context.written, context.hash_of
        self._shard, self._dry_run = settings.shard, settings.dry_run
        self._known = load_journal(state_folder, None if self._shard is None else self._shard.owns)
        self._token = None if self._shard is None or self._dry_run else _new_token(state_folder)
        self._journal = Journal(state_folder, self._known)
        self._left_pending = load_pending(state_folder)  # by a killed run, and of no task so far
        self._resume = Resume(context, self._journal, self._known, self._left_pending, self._is_of_others())
        self._pending: dict[str, str] = {}
        self._wrote_pending = False
        self._unsynced_folders: set[str] = set()
        self._littered_folders: set[str] = set()
        self._update: RowUpdate | None = None
        self._without_output: set[str] = set()
        self._old_outputs: set[str] = set()
        self._takes_all = settings.covers_all
        self._pruner = _new_pruner(context) if settings.prune else None
        self.pruned: list[str] = []
        unfinished = self._left_pending or self._known.failed or self._known.left_out
        self._changed = not self._known.in_order or bool(unfinished)
        if not self._dry_run:
            sweep(self._destination, mark=mark_of(self._shard))
            self._written.keep(self._left_pending)
            self._outputs.clean_temporary({output.rpartition("/")[0] for output in self._left_pending})

    def decide(self, task: Task, companion: Companion | None = None) -> Task | Skipped | Failed:
        """Return the task if it is to be done, or its result.

        Parameters
        ----------
        task
            Of an image or a companion.
        companion
            The companion, if the task is that of one; the result has its kind then.
        """
        if self._pruner is not None:
            self._pruner.note_task(task)
        decision = self._resume.decide(task, companion and companion.picture)
        self._update = decision if isinstance(decision, RowUpdate) else None
        result = decision.skipped if isinstance(decision, RowUpdate) else decision
        if companion is not None and isinstance(result, Skipped | Failed):
            return replace(result, kind=companion.kind)
        return result

    def recorded(self, output: str) -> dict[str, Any] | None:
        """Return the row that an earlier run has left of an output; None if there is none."""
        entry = self._known.done.get(output)
        return None if entry is None else self._journal.read(entry.position)

    def is_without_output(self, source: str) -> bool:
        """Return whether an image has failed, or was left out by a rule, in this run."""
        return source in self._without_output

    def mark_pending(self, batch: Iterable[Task]) -> None:
        """Record on the disk that the outputs of these tasks are about to be written."""
        if self._dry_run:
            return
        self._check_token()
        self._sync()
        self._wrote_pending = True
        self._pending.update((task.output, task.source) for task in batch)
        self._write_pending()
        self._outputs.commit()

    def record(self, result: Result, task: Task | None = None, *, mtime_ns: int | None = None) -> None:
        """Append the row of a result to the journal.

        Parameters
        ----------
        task
            The task, if there was work to do, or a rule left its image out.
        mtime_ns
            New time of a source whose content has not changed.
        """
        self.record_all([(task, result, mtime_ns)])

    def record_all(self, outcomes: Sequence[tuple[Task | None, Result, int | None]]) -> None:
        """Append the rows of several results to the journal, in one call; each is as for :meth:`record`."""
        for task, result, _ in outcomes:
            if self._pruner is not None:
                self._pruner.note_result(result)
            if self._without_output or isinstance(result, _WITHOUT_OUTPUT):
                self._note(task, result)
        if self._dry_run:
            return
        self._check_token()
        self._append(*filter(None, starmap(self._row_of, outcomes)))
        for task, result, _ in outcomes:
            if isinstance(result, _WITH_OUTPUT):
                self._unsynced_folders.add(result.output.rpartition("/")[0])
            if task is not None:
                self._pending.pop(task.output, None)
                # Without a new output the one of the killed run is still there.
                if not isinstance(result, _WITHOUT_OUTPUT):
                    self._left_pending.pop(task.output, None)

    def note_crash(self, batch: Iterable[Loaded]) -> None:
        """Note that a process has ended while it did these tasks; any thread may call this."""
        self._littered_folders.update([task.output.rpartition("/")[0] for task, _ in batch])

    def _note(self, task: Task | None, result: Result) -> None:
        """Note whether a source has no output, and the output of an earlier run at its place.

        That output is stale: it is of this source, or of one that is gone or has another output now. One of this source
        itself is found by its failure.
        """
        if not isinstance(result, _WITHOUT_OUTPUT):
            self._without_output.discard(result.source)
            self._old_outputs.discard(result.output)
            return
        self._without_output.add(result.source)
        entry = None if task is None else self._known.done.get(task.output)
        if entry is not None and (isinstance(result, LeftOut) or entry.source != result.source):
            self._old_outputs.add(entry.output)

    def _row_of(self, task: Task | None, result: Result, mtime_ns: int | None) -> dict[str, object] | None:
        """Return the row of a result; None if the row that is there stays."""
        match result:
            case Compressed():
                label, sample = (None, "") if task is None else (task.label, task.sample)
                return image_row(result, self._hash_of(result.output), __version__, label, sample)
            case CompanionWritten():
                return companion_row(result, __version__)
            case LeftOut():
                return left_out_row(result, __version__)
            case Failed():
                options_hash = (task and task.options_hash) or self._hash_of(result.source)
                return failure_row(result, options_hash, __version__)
            case Skipped():
                return self._row_of_skipped(task, result, mtime_ns)

    def _row_of_skipped(self, task: Task | None, result: Skipped, mtime_ns: int | None) -> dict[str, object] | None:
        """Return the new row of an output that is done already; None if the row that is there stays."""
        update, self._update = self._update, None
        if update is not None and (result.source, result.output) == (update.entry.source, update.entry.output):
            row = self._journal.read(update.entry.position) | {"status": DONE}
            return relabelled(row, update.label)
        if task is not None and mtime_ns is not None:
            row = self._journal.read(self._known.done[task.output].position)
            row |= {"source_mtime_ns": mtime_ns, "status": DONE}
            return relabelled(row, label_at(task.output, task.label))
        return None

    def close(self, *, complete: bool) -> list[str]:
        """Put the journal in order and return the stale outputs.

        Parameters
        ----------
        complete
            Whether the run has met all sources. Otherwise no output counts as stale.
        """
        unmet = {*self._known.done.unmet(), *self._old_outputs} if complete else set()
        stale = {output for output in sorted(unmet) if self._outputs.exists(output)}  # sorted: folder by folder
        adopted = self._rows_of_left_pending() if complete and self._takes_all else {}
        chosen = self._pruner.choose(sorted(stale), self._known.done, self._journal) if self._pruner else []
        stale.update(adopted)
        self._known.done.release()
        if self._dry_run:
            self.pruned = chosen
            return sorted(stale.difference(self.pruned))
        try:
            self._check_token()
            # Processes that were doing these have been ended, perhaps in the middle of a file.
            littered = self._littered_folders.union(output.rpartition("/")[0] for output in self._pending)
            self._outputs.clean_temporary(littered)
            for row in adopted.values():
                self._append(row)
            self._prune([output for output in chosen if output not in adopted])
            self._sync()
            self._outputs.commit(closing=True)
            self._journal.close()
            if complete and self._takes_all:  # what is left out now has a row of this run
                self._journal.left_out_before.clear()
            if self._changed or any(self._known.done[name].status == DONE or name not in stale for name in unmet):
                compact(self._journal, complete=complete, stale=unmet, exists=self._outputs.exists)
            if self._left_pending or self._pending or self._wrote_pending:
                if complete and self._takes_all:
                    self._left_pending.clear()
                self._write_pending()
            if complete or not (self._left_pending or self._pending):  # else workers may still write pending outputs
                self._written.keep(self._left_pending)
        finally:
            self._journal.close()
            self._known.done.release()
        return sorted(stale.difference(self.pruned))

    def _prune(self, outputs: Sequence[str]) -> None:
        """Remove outputs; first their rows become stale, so that the outputs may be absent after a crash."""
        if self._pruner is None or not outputs:
            return
        for output in outputs:
            self._append(self._journal.read(self._known.done[output].position) | {"status": STALE})
        self._sync()
        self.pruned = self._pruner.remove(outputs)

    def _rows_of_left_pending(self) -> dict[str, dict[str, object]]:
        """Return rows for outputs that a killed run has written, and that no row in the journal describes."""
        rows: dict[str, dict[str, object]] = {}
        for output, source in self._left_pending.items():
            # Every shard has the pending outputs of all: the shard that an output belongs to may have changed.
            if (self._shard and not self._shard.owns(source)) or not self._outputs.is_own_output(output):
                continue
            data = self._outputs.read(output)
            sha256 = hashlib.sha256(data).hexdigest()
            entry = self._known.done.get(output)
            if not entry or self._journal.read(entry.position).get("sha256") != sha256:
                rows[output] = stale_row(output, source, len(data), sha256)
        return rows

    def write(self, write: Callable[[], object]) -> None:
        """Call a function that writes into the state folder; OSError if another run has taken over the shard."""
        self._check_token()
        write()

    def _check_token(self) -> None:
        """Raise OSError if another run has taken over the shard."""
        if self._token is not None:
            self._token.check()

    def _is_of_others(self) -> Callable[[str], bool]:
        """Return a function that tells whether an earlier run has written an output for another shard."""
        if self._shard is None or self._state_folder == self._destination:
            return self._known.done.is_of_others
        # The manifest of the whole folder may be long, and few runs need it.
        whole = cache(partial(load_journal, self._destination, self._shard.owns))
        return lambda output: self._known.done.is_of_others(output) or whole().done.is_of_others(output)

    def _append(self, *rows: dict[str, object]) -> None:
        if rows and not self._dry_run:
            self._changed = True
            self._journal.append(*rows)

    def _sync(self) -> None:
        """Sync outputs, then rows, so that every row on the disk describes a file on the disk."""
        self._outputs.sync(self._unsynced_folders)
        self._unsynced_folders.clear()
        self._journal.sync()

    def _write_pending(self) -> None:
        # Outputs that a killed run left pending stay so until their tasks are met, or this run ends.
        write_pending(self._state_folder, self._left_pending | self._pending)


def _new_pruner(context: LedgerContext) -> Pruner:
    from icsys.journal.prune import Pruner  # noqa: PLC0415 - few runs need it

    return Pruner(context.source, context.destination)


def _new_token(state_folder: RootedPath) -> FencingToken:
    from icsys.journal.fencing_token import FencingToken  # noqa: PLC0415 - few runs need it

    return FencingToken(state_folder)
