"""The coordinator of a cluster run: hands shards to the cluster, counts their results, and reports progress."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from icsys.engine import Lost
from icsys.engine.cluster import run_cluster
from icsys.files.rooted_path import RootedPath
from icsys.journal.fencing_token import FencingToken
from icsys.layout import FAILURES, MANIFEST
from icsys.records.manifest import DONE, LEFT_OUT, read_rows
from icsys.records.manifest_rows import failure_in, left_out_in
from icsys.results import FOREIGN, IMAGE, UNCHANGED, Failed, LeftOut, Skipped
from icsys.run.merge import is_incomplete
from icsys.run.progress import INTERRUPTED_TEXT, Progress
from icsys.run.shard_job import run_shard_job
from icsys.shards.shared_listing import read_listed
from icsys.shards.state_folders import read_state, state_folder_of
from icsys.sources.base import Companion, Ignored, PassedOver, Task
from icsys.summary import RunSummary

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Container, Iterator

    from icsys.engine.cluster import Cluster
    from icsys.results import Result
    from icsys.run.merge import Merged
    from icsys.run.shard_job import ShardJob, ShardResult
    from icsys.shard import Shard
    from icsys.sources.base import Planned

_QUIET = 0.5  # seconds without an image after which progress is reported again


class Coordinator:
    """Hands shards to a cluster and adds up what becomes of them.

    Attributes
    ----------
    summary
        The counts so far.
    total
        Number of images; None until they are counted.
    stop
        Set from outside, or here when a shard ended early: no more shards are handed out.
    about_many
        The listed files that name many images; no shard does them.
    """

    def __init__(self, progress: Callable[[Progress], object], stop: threading.Event) -> None:
        self.summary = RunSummary()
        self.total: int | None = None
        self.stop = stop
        self.about_many: set[str] = set()
        self._progress = progress
        self._start = self._last_report = time.perf_counter()
        self._failed: set[str] = set()
        self._lost: list[Lost[ShardJob]] = []

    def report(self, result: Result | None = None, *, note: str = "", notice: str = "") -> None:
        """Report progress to the caller of the run."""
        self._last_report = time.perf_counter()
        self.summary.seconds = self._last_report - self._start
        self._progress(Progress(result, self.summary, self.total, note, notice))

    def count_ignored(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """Pass a list on and count its ignored files and folders, also where there is no image."""
        for entry in planned:
            self.summary.ignored += isinstance(entry, Ignored)
            if isinstance(entry, PassedOver):
                self.summary.outputs_passed_over.append(entry.source)
            if isinstance(entry, Companion) and entry.picture is None:
                self.about_many.add(entry.source)
            yield entry

    def unfinished(self, destination: RootedPath, shards: list[Shard]) -> Iterator[Shard]:
        """Yield the shards that are left to do; count the finished ones."""
        for shard in shards:
            folder = state_folder_of(destination, shard)
            state = read_state(folder)
            if state is None or not state.finished or is_incomplete(folder, state):
                yield shard
            else:
                self._add_finished(folder)

    def run_all(self, cluster: Cluster, jobs: Iterator[ShardJob], at_once: int | None) -> None:
        """Do all jobs on the cluster and count their results.

        Parameters
        ----------
        at_once
            Shards worked on at once; as many as the cluster has slots if None.
        """
        under_way: dict[Shard, ShardJob] = {}

        def started() -> Iterator[ShardJob]:
            for job in jobs:
                under_way[job.shard] = job
                yield job

        look = partial(self._report_if_quiet, cluster)
        outcomes = run_cluster(cluster, run_shard_job, started(), self.stop, jobs=at_once, look=look)
        try:
            with closing(outcomes):
                for outcome in outcomes:
                    if isinstance(outcome, Lost):
                        self._lost.append(outcome)
                        under_way.pop(outcome.item.shard)
                    else:
                        under_way.pop(outcome.shard)
                        self._add_shard(outcome)
        finally:
            for shard, job in under_way.items():
                with suppress(OSError):
                    # A new token stops the worker of the shard.
                    FencingToken(state_folder_of(RootedPath(job.destination), shard))
        if self._lost:
            first = self._lost[0]
            more = f"; so did {len(self._lost) - 1} more shards" if len(self._lost) > 1 else ""
            self.summary.stopped = f"shard {first.item.shard} failed in every attempt: {first.message}{more}"

    def add_merged(self, merged: Merged) -> None:
        """Add what only the merge of all shards knows."""
        self.summary.stale.extend(merged.summary.stale)
        self.summary.shards.extend(merged.summary.shards)
        self.summary.stopped = merged.not_packed

    def note_about_many(self, progress: Progress) -> None:
        """Take from a run over everything what it does last: the files about many images."""
        result = progress.result
        if result is not None and result.source in self.about_many:
            self._add(result)
        else:
            self.report(note=progress.note or "Labels")

    def finish(self) -> RunSummary:
        """Return the summary of the run."""
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED_TEXT
        self.summary.seconds = time.perf_counter() - self._start
        return self.summary

    def _add_shard(self, outcome: ShardResult) -> None:
        for result in outcome.results:
            self._add(result)
        self.summary.ignored += outcome.ignored
        if outcome.stopped:
            self.summary.stopped = outcome.stopped
            self.stop.set()

    def _add_finished(self, folder: RootedPath) -> None:
        """Count a shard that an earlier run finished: its images are skipped, its failures stay failures."""
        failed = {row["source_path"]: row for _, row in read_rows(folder / FAILURES)}
        done, left_out = set[str](), dict[str, LeftOut]()
        for _, row in read_rows(folder / MANIFEST):
            if row["status"] == DONE:
                done.add(row["file_name"])
            elif row["status"] == LEFT_OUT:
                left_out[row["source_path"]] = left_out_in(row)
        undone = failed.keys() | left_out.keys()
        for entry in read_listed(folder):
            match entry:
                case Ignored():
                    self.summary.ignored += 1
                case Task() if entry.source not in undone:
                    self._add_skipped(entry, IMAGE, done)
                case Companion(task, kind, _, Task() as picture) if undone.isdisjoint([task.source, picture.source]):
                    self._add_skipped(task, kind, done)
        for row in failed.values():
            self._add(failure_in(row))
        for result in left_out.values():
            self._add(result)

    def _add_skipped(self, task: Task, kind: str, done: Container[str]) -> None:
        """Count a file that an earlier run has done, or found a foreign file in its place."""
        reason = UNCHANGED if task.output in done else FOREIGN
        self._add(Skipped(source=task.source, output=task.output, reason=reason, kind=kind))

    def _add(self, result: Result) -> None:
        """Count one image. A folder that cannot be listed fails in every shard and counts once."""
        if isinstance(result, Failed):
            if result.source in self._failed:
                return
            self._failed.add(result.source)
        self.summary.add(result)
        self.report(result)

    def _report_if_quiet(self, cluster: Cluster) -> None:
        """Report progress also while no image ends."""
        if time.perf_counter() - self._last_report > _QUIET:
            self.report(note="" if cluster.slots else "Waiting for workers")
