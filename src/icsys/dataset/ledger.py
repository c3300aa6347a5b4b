"""The account that a run keeps of its output folder: what is done, what it is about to write, what came of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from icsys.dataset.claims import load_claims, write_claims
from icsys.dataset.journal import Journal, compact, load
from icsys.dataset.manifest import DONE, MANIFEST, failure_row, image_row, read_rows
from icsys.dataset.resume import Again, Resume, Work
from icsys.dataset.shard import mark_of
from icsys.dataset.whole import sweep, sync_folder
from icsys.results import Compressed, Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from icsys.dataset.folder import Task
    from icsys.dataset.shard import Shard
    from icsys.results import Result, Skipped


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
    images
        The folder in which outputs lie; the destination itself if left out.
    shards
        Files that hold outputs of earlier runs which need not lie in that folder any more.
    books
        Where manifest, failures and claims are kept; in ``destination`` if left out.
    shard
        The part of the sources that is this run's concern; all of them if left out.
    """

    def __init__(
        self,
        source: Path,
        destination: Path,
        *,
        hash_of: Callable[[str], str],
        tool_version: str,
        overwrite: bool,
        retry_failed: bool,
        dry_run: bool,
        images: Path | None = None,
        shards: Collection[str] = (),
        books: Path | None = None,
        shard: Shard | None = None,
    ) -> None:
        self._destination, self._images = destination, images or destination
        self._books = books = books or destination
        self._hash_of, self._tool_version = hash_of, tool_version
        self._dry_run = dry_run
        self._known = load(books)
        others = set() if shard is None else self._set_apart(shard)
        self._journal = Journal(books)
        self._left = load_claims(books)
        self._resume = Resume(
            source,
            self._images,
            self._journal,
            self._known,
            self._left,
            hash_of=hash_of,
            overwrite=overwrite,
            retry_failed=retry_failed,
            read_only=dry_run,
            others=others,
            mark=mark_of(shard),
            shards=shards,
        )
        self._claimed: set[str] = set()
        self._unsynced: set[str] = set()
        self._has_claimed = False
        self._again: Again | None = None
        self._all_taken_up = not retry_failed
        self._changed = not self._known.tidy or bool(self._left) or bool(self._known.failed)
        if not dry_run:
            sweep(destination, mark=mark_of(shard))
            for folder in {output.rpartition("/")[0] for output in self._left}:
                sweep(self._images / folder, mark=mark_of(shard))

    def decide(self, task: Task) -> Work | Skipped | Failed:
        """Tell what becomes of a source: to be done, or the result that it has without being worked on."""
        decision = self._resume.decide(task)
        if isinstance(decision, Again):
            self._again = decision
            return decision.skipped
        return decision

    def claim(self, batch: Iterable[Work]) -> None:
        """Say on the disk that these images are about to be written."""
        if self._dry_run:
            return
        self._sync()
        self._has_claimed = True
        self._claimed.update(work.output for work in batch)
        self._write_claims()

    def record(self, result: Result, work: Work | None = None, *, mtime_ns: int | None = None) -> None:
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
        if isinstance(result, Compressed):
            self._append(image_row(result, self._hash_of(result.output), self._tool_version))
            self._unsynced.add(result.output.rpartition("/")[0])
        elif isinstance(result, Failed):
            self._append(failure_row(result, self._hash_of(result.source), self._tool_version))
        elif self._again is not None and result is self._again.skipped:
            self._append(self._journal.read(self._again.entry.position) | {"status": DONE})
        elif work is not None and mtime_ns is not None:
            row = self._journal.read(self._known.done[work.output].position)
            self._append(row | {"source_mtime_ns": mtime_ns, "status": DONE})
        if work is not None:
            self._claimed.discard(work.output)

    def close(self, *, complete: bool) -> list[str]:
        """Put the journal in order and return the outputs that are stale.

        Parameters
        ----------
        complete
            Whether all sources were met; only then is anything known to be stale.
        """
        unmet = self._resume.unmet if complete else set()
        stale = {output for output in unmet if os.path.lexists(self._images / output)}
        if self._dry_run:
            return sorted(stale)
        try:
            self._sync()
            self._journal.close()
            if self._changed or any(self._known.done[name].status == DONE or name not in stale for name in unmet):
                compact(self._books, start=self._journal.start, complete=complete, stale=unmet, images=self._images)
            if self._left or self._claimed or self._has_claimed:
                if complete and self._all_taken_up:
                    self._left.clear()
                self._write_claims()
        finally:
            self._journal.close()
        return sorted(stale)

    def _set_apart(self, shard: Shard) -> set[str]:
        """Forget what other shards have done, and return their outputs, as far as earlier runs have written them."""
        others = {name for name, entry in self._known.done.items() if not shard.owns(entry.source)}
        for name in others:
            del self._known.done[name]
        self._known.failed = {source for source in self._known.failed if shard.owns(source)}
        if self._books != self._destination:
            rows = (row for _, row in read_rows(self._destination / MANIFEST))
            others.update(row["file_name"] for row in rows if "file_name" in row and not shard.owns(row["source_path"]))
        return others

    def _append(self, row: dict[str, object]) -> None:
        if not self._dry_run:
            self._changed = True
            self._journal.append(row)

    def _sync(self) -> None:
        """Bring names and lines onto the disk, the names first: no line may tell of a file that is not there."""
        folders = set()
        for folder in self._unsynced:
            while folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]  # noqa: PLW2901 - up to the destination
        for folder in folders:
            sync_folder(self._images / folder)
        self._unsynced.clear()
        self._journal.sync()

    def _write_claims(self) -> None:
        # What an earlier run has claimed stays so until this one comes to its end.
        write_claims(self._books, self._claimed | self._left)
