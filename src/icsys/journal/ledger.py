"""The account that a run keeps of its output folder: what is done, what it is about to write, what came of it."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from icsys.files.atomic import sweep
from icsys.journal.fencing_token import FencingToken
from icsys.journal.journal import Journal, compact, load_journal
from icsys.journal.resume import Resume, RowUpdate
from icsys.layout import MANIFEST
from icsys.outputs.folder import FolderOutputs
from icsys.partition import mark_of
from icsys.records.labels import label_at
from icsys.records.manifest import DONE, failure_row, image_row, read_rows, relabelled, stale_row
from icsys.records.pending_outputs import WrittenHashes, load_pending, write_pending
from icsys.results import Compressed, Failed
from icsys.sources.base import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable

    from icsys.files.rooted_path import RootedPath
    from icsys.outputs.base import Outputs
    from icsys.partition import Shard
    from icsys.results import Result, Skipped
    from icsys.sources.base import Source, Task


class Ledger:
    """Decides what is to do, and writes down what was done.

    Images are claimed before they are worked on, and a claim is on the disk before any of its outputs is. So a run
    after a crash knows which files are ours, whatever the moment: those that the journal names and those claimed.

    Parameters
    ----------
    hash_of
        Gives the hash of all that decides an output's bytes beside its source; of a source it looks at the folder.
    dry_run
        Look, but write nothing.
    outputs
        Where outputs lie; the destination itself if left out.
    shards
        Files that hold outputs of earlier runs which need not lie in that folder any more.
    written
        Hashes of the outputs that runs have written, in the books.
    books
        Where manifest, failures and claims are kept; in ``destination`` if left out.
    shard
        The part of the sources that is this run's concern; all of them if left out.
    """

    def __init__(
        self,
        source: Source,
        destination: RootedPath,
        *,
        hash_of: Callable[[str], str],
        tool_version: str,
        overwrite: bool,
        retry_failed: bool,
        dry_run: bool,
        outputs: Outputs | None = None,
        shards: Collection[str] = (),
        written: WrittenHashes | None = None,
        state_folder: RootedPath | None = None,
        shard: Shard | None = None,
    ) -> None:
        self._destination = destination
        self._state_folder = state_folder = state_folder or destination
        self._shard = shard
        self._written = written = written or WrittenHashes(state_folder)
        self._outputs = outputs = outputs or FolderOutputs(
            destination, mark=mark_of(shard), read_only=dry_run, written=written
        )
        self._hash_of, self._tool_version = hash_of, tool_version
        self._dry_run = dry_run
        self._known = load_journal(state_folder)
        others: Container[str] = () if shard is None else self._set_apart(shard)
        self._token = None if shard is None or dry_run else FencingToken(state_folder)
        self._journal = Journal(state_folder)
        self._left = load_pending(state_folder)
        self._resume = Resume(
            source,
            outputs,
            self._journal,
            self._known,
            self._left,
            is_own_output=outputs.is_own_output,
            hash_of=hash_of,
            overwrite=overwrite,
            retry_failed=retry_failed,
            others=others,
            shards=shards,
        )
        self._claimed: dict[str, str] = {}
        self._unsynced: set[str] = set()
        self._has_claimed = False
        self._again: RowUpdate | None = None
        self._all_taken_up = not retry_failed
        self._changed = not self._known.in_order or bool(self._left) or bool(self._known.failed)
        if not dry_run:
            sweep(destination, mark=mark_of(shard))
            written.keep(self._left)
            outputs.clean_temporary({output.rpartition("/")[0] for output in self._left})

    def decide(self, task: Task) -> Task | Skipped | Failed:
        """Tell what becomes of a source: to be done, or the result that it has without being worked on."""
        decision = self._resume.decide(task)
        if isinstance(decision, RowUpdate):
            self._again = decision
            return decision.skipped
        return decision

    def mark_pending(self, batch: Iterable[Task]) -> None:
        """Say for certain that these images are about to be written."""
        if self._dry_run:
            return
        self._check_token()
        self._sync()
        self._has_claimed = True
        self._claimed.update((work.output, work.source) for work in batch)
        self._write_pending()
        self._outputs.commit()

    def record(self, result: Result, work: Task | None = None, *, mtime_ns: int | None = None) -> None:
        """Write down what became of a source.

        Parameters
        ----------
        work
            What was to do, if anything was.
        mtime_ns
            Of a source that was found unchanged though its time was not, to be known by from now on.
        """
        if self._dry_run:
            return
        self._check_token()
        if isinstance(result, Compressed):
            label, sample = (None, "") if work is None else (work.label, work.sample)
            self._append(image_row(result, self._hash_of(result.output), self._tool_version, label, sample))
            self._unsynced.add(result.output.rpartition("/")[0])
        elif isinstance(result, Failed):
            self._append(failure_row(result, self._hash_of(result.source), self._tool_version))
        elif self._again is not None and result is self._again.skipped:
            row = self._journal.read(self._again.entry.position) | {"status": DONE}
            self._append(relabelled(row, self._again.label))
        elif work is not None and mtime_ns is not None:
            row = self._journal.read(self._known.done[work.output].position)
            row |= {"source_mtime_ns": mtime_ns, "status": DONE}
            self._append(relabelled(row, label_at(work.output, work.label)))
        if work is not None:
            self._claimed.pop(work.output, None)
            if not isinstance(result, Failed):  # or what a killed run has left in its place is there still
                self._left.pop(work.output, None)

    def close(self, *, complete: bool) -> list[str]:
        """Put the journal in order and return the outputs that are stale.

        Parameters
        ----------
        complete
            Whether all sources were met; only then is anything known to be stale.
        """
        unmet = self._resume.unmet if complete else set()
        stale = {output for output in sorted(unmet) if self._outputs.exists(output)}  # sorted: folder by folder
        adopted = self._adopt() if complete and self._all_taken_up else {}
        stale.update(adopted)
        if self._dry_run:
            return sorted(stale)
        try:
            self._check_token()
            for row in adopted.values():
                self._append(row)
            self._sync()
            self._outputs.commit(closing=True)
            self._journal.close()
            if self._changed or any(self._known.done[name].status == DONE or name not in stale for name in unmet):
                compact(
                    self._state_folder,
                    start=self._journal.start,
                    complete=complete,
                    stale=unmet,
                    exists=self._outputs.exists,
                )
            if self._left or self._claimed or self._has_claimed:
                if complete and self._all_taken_up:
                    self._left.clear()
                self._write_pending()
            if complete or not (self._left or self._claimed):  # workers may be under way of what is claimed
                self._written.keep(self._left)
        finally:
            self._journal.close()
        return sorted(stale)

    def _adopt(self) -> dict[str, dict[str, object]]:
        """Return lines for outputs of a killed run that were not made anew, where no line tells of what is in them."""
        rows: dict[str, dict[str, object]] = {}
        for output, source in self._left.items():
            # Every shard knows all claims: which of them plans an output may have changed since.
            if (self._shard and not self._shard.owns(source)) or not self._outputs.is_own_output(output):
                continue
            data = self._outputs.read(output)
            sha256 = hashlib.sha256(data).hexdigest()
            entry = self._known.done.get(output)
            if not entry or self._journal.read(entry.position).get("sha256") != sha256:
                rows[output] = stale_row(output, source, len(data), sha256)
        return rows

    def write(self, write: Callable[[], object]) -> None:
        """Call what writes into the books, unless another run has taken them over."""
        self._check_token()
        write()

    def _check_token(self) -> None:
        """Raise OSError where another run has taken over the shard."""
        if self._token is not None:
            self._token.check()

    def _set_apart(self, shard: Shard) -> Container[str]:
        """Forget what other shards have done, and return their outputs, as far as earlier runs have written them."""
        others = {name for name, entry in self._known.done.items() if not shard.owns(entry.source)}
        for name in others:
            del self._known.done[name]
        self._known.failed = {source for source in self._known.failed if shard.owns(source)}
        return (
            others if self._state_folder == self._destination else _OutputsOfOthers(self._destination / MANIFEST, shard)
        )

    def _append(self, row: dict[str, object]) -> None:
        if not self._dry_run:
            self._changed = True
            self._journal.append(row)

    def _sync(self) -> None:
        """Bring names and lines onto the disk, the names first: no line may tell of a file that is not there."""
        self._outputs.sync(self._unsynced)
        self._unsynced.clear()
        self._journal.sync()

    def _write_pending(self) -> None:
        # What an earlier run has claimed stays so until it is met, or this run comes to its end.
        write_pending(self._state_folder, self._left | self._claimed)


class _OutputsOfOthers:
    """The outputs in the manifest of the whole folder that are not a shard's own.

    Seldom does anybody ask, and the manifest may be long, so it is read at the first question.
    """

    def __init__(self, manifest: RootedPath, shard: Shard) -> None:
        self._manifest, self._shard = manifest, shard

    @cached_property
    def _outputs(self) -> set[str]:
        rows = (row for _, row in read_rows(self._manifest))
        return {row["file_name"] for row in rows if "file_name" in row and not self._shard.owns(row["source_path"])}

    def __contains__(self, output: object) -> bool:
        return output in self._outputs
