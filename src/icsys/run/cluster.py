"""A folder over a cluster: divided once, a task for each shard, and a merge.

A task is a run of its own on one shard of the folder, so all that holds for shards holds here: the shards' books say
what is done, and workers, scheduler and this process may be lost at any time.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.engine import Lost, available_cores
from icsys.engine.cluster import open_cluster, run_cluster
from icsys.errors import ICSError, InUseError, UsageError
from icsys.files.rooted_path import RootedPath
from icsys.journal.fencing_token import TAKEN_OVER, FencingToken
from icsys.layout import FAILURES, MANIFEST
from icsys.partition import MAX_SHARDS, all_shards
from icsys.records.manifest import DONE, read_rows
from icsys.results import FOREIGN, UNCHANGED, Failed, RunSummary, Skipped
from icsys.run.local import compress_folder
from icsys.run.merge import driving, is_torn, join_shards
from icsys.run.progress import INTERRUPTED, Progress
from icsys.shards.listing import list_for_shards, read_listed
from icsys.shards.state import read_state, state_folder_of
from icsys.sources.base import Ignored, PassedOver, Task
from icsys.sources.folder import plan_folder
from icsys.version import __version__

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from icsys.engine.cluster import Cluster
    from icsys.options import Options
    from icsys.partition import Shard
    from icsys.results import Result
    from icsys.sources.base import Planned

SHARD_IMAGES = 256
"""Images of a shard: some seconds of work, so that what a shard costs is little, and so is one that is lost."""

_FEWEST_IMAGES = 16
_ROUNDS = 4  # shards for each slot of the cluster, as far as there are images for them
_TOLD = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A shard to do, with all that a worker on another machine has to know."""

    source: Path
    destination: Path
    options: Options
    shard: Shard
    follow_links: bool
    include_outputs: bool = False
    overwrite: str
    retry_failed: bool
    timeout: float | None
    version: str = __version__


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a shard: ``stopped`` says why it did not come to its end."""

    shard: Shard
    results: list[Result]
    ignored: int
    stopped: str


def spread_folder(
    source: Path,
    destination: RootedPath,
    options: Options,
    *,
    engine: str,
    address: str | None,
    jobs: int | None,
    timeout: float | None,
    follow_links: bool,
    include_outputs: bool,
    overwrite: str,
    retry_failed: bool,
    stop: threading.Event,
    progress: Callable[[Progress], object],
) -> RunSummary:
    """Compress a folder on a cluster; see :func:`~icsys.run.local.compress_folder`, which has checked all of it."""
    source, folder = source.absolute(), Path(str(destination))
    order = partial(
        Order,
        source=source,
        destination=folder,
        options=options,
        follow_links=follow_links,
        include_outputs=include_outputs,
        overwrite=overwrite,
        retry_failed=retry_failed,
        timeout=timeout,
    )
    settings = {
        "source": str(source),
        "options": options.to_dict(),
        "suffix": options.suffix,
        "follow_links": follow_links,
        "include_outputs": include_outputs,
        "overwrite": overwrite,
        "retry_failed": retry_failed,
    }
    desk = _Desk(progress, stop)
    with (
        driving(destination),
        closing(open_cluster(engine, address, jobs or available_cores())) as cluster,
    ):
        if cluster.dashboard:
            desk.tell(notice=f"Dashboard of {engine.capitalize()}: {cluster.dashboard}")
        desk.tell(note="Listing")
        division = list_for_shards(
            destination,
            desk.counting_ignored(
                plan_folder(source, folder, options.suffix, follow_links=follow_links, include_outputs=include_outputs)
            ),
            settings,
            partial(choose_count, slots=jobs or cluster.slots),
            stop=stop,
            tell=lambda images: desk.tell(note=f"Listing ({images} images)"),
        )
        if division is None:
            return desk.close()
        desk.summary.ignored = 0  # the shards count them, too
        desk.total = division.images
        desk.tell()
        orders = (order(shard=shard) for shard in desk.unfinished(destination, all_shards(division.count)))
        desk.take_all(cluster, orders, jobs)
        if not stop.is_set() and not desk.summary.stopped:
            desk.tell(note="Merging")
            # Where only what had failed was taken up, shards do not say that they are finished.
            merged = join_shards(destination, partial=retry_failed)
            desk.summary.stale.extend(merged.stale)
        return desk.close()


def choose_count(images: int, *, slots: int) -> int:
    """Return into how many shards a number of images is divided.

    Examples
    --------
    >>> choose_count(1_000_000, slots=8), choose_count(1000, slots=8), choose_count(10, slots=8)
    (3907, 33, 1)
    >>> choose_count(100_000_000, slots=1000)
    100000
    """
    size = min(SHARD_IMAGES, max(_FEWEST_IMAGES, images // (_ROUNDS * max(1, slots))))
    return min(MAX_SHARDS, -(-images // size))


def do_shard(order: Order, careful: bool) -> Answer:
    """Do a shard, in a worker.

    Parameters
    ----------
    careful
        Let no image end more than a process that was started for it.
    """
    if order.version != __version__:
        raise UsageError(
            f"a worker has icsys {__version__}, and the run was started with {order.version}: expected the same"
        )
    books = state_folder_of(RootedPath(order.destination), order.shard)
    for folder, what in ((order.source, "source"), (books, "destination")):
        if not folder.is_dir():
            raise UsageError(
                f"a worker does not see the {what} {str(folder)!r}: expected both folders under one path everywhere"
            )
    try:
        if careful or order.timeout is not None:
            return _do_apart(order)
        return _do(order, engine="threads")
    except InUseError:
        raise
    except UsageError as error:
        raise UsageError(f"a worker says: {error}") from None


def _do(order: Order, *, engine: str) -> Answer:
    """Do a shard, one image at a time: the cluster decides how much of a machine is worked on at once."""
    results: list[Result] = []

    def note(progress: Progress) -> None:
        if progress.result is not None:
            results.append(progress.result)

    summary = compress_folder(
        order.source,
        order.destination,
        order.options,
        jobs=1,
        engine=engine,
        timeout=order.timeout,
        follow_links=order.follow_links,
        include_outputs=order.include_outputs,
        overwrite=order.overwrite,
        retry_failed=order.retry_failed,
        shard=(order.shard.index, order.shard.count),
        progress=note,
    )
    if TAKEN_OVER in summary.stopped:
        raise InUseError(summary.stopped)
    return Answer(order.shard, results, summary.ignored, summary.stopped)


def _do_apart(order: Order) -> Answer:
    """Do a shard in processes of our own: a cluster's workers may not start any as Python does."""
    program = [sys.executable, "-c", "from icsys.run.cluster import answer; answer()"]
    done = subprocess.run(program, input=pickle.dumps(order), capture_output=True, check=False)  # noqa: S603 - ourselves
    try:
        outcome = pickle.loads(done.stdout)  # noqa: S301 - from the process that was just started
    except (EOFError, pickle.UnpicklingError):
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise InUseError(f"the process of shard {order.shard} ended with {done.returncode}: {last}") from None
    if isinstance(outcome, ICSError):
        raise outcome
    assert isinstance(outcome, Answer)  # noqa: S101 - answer() writes nothing else
    return outcome


def answer() -> None:
    """Do the shard that standard input holds, and write the answer to standard output."""
    order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that has started this one
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        outcome: Answer | ICSError = _do(order, engine="processes")
    except ICSError as error:
        outcome = error
    pickle.dump(outcome, out.buffer)
    out.flush()


class _Desk:
    """Where all that a cluster does comes together: counts, failures, and why it stopped."""

    def __init__(self, progress: Callable[[Progress], object], stop: threading.Event) -> None:
        self.summary = RunSummary()
        self.total: int | None = None
        self._progress, self.stop = progress, stop
        self._start = self._told = time.perf_counter()
        self._failed: set[str] = set()
        self._given_up: list[Lost[Order]] = []

    def tell(self, result: Result | None = None, *, note: str = "", notice: str = "") -> None:
        """Say how far it is."""
        self._told = time.perf_counter()
        self.summary.seconds = self._told - self._start
        self._progress(Progress(result, self.summary, self.total, note, notice))

    def counting_ignored(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """Pass a list on; what is left alone counts even where there is no image, and this is where it is named."""
        for entry in planned:
            self.summary.ignored += isinstance(entry, Ignored)
            if isinstance(entry, PassedOver):
                self.summary.outputs_passed_over.append(entry.source)
            yield entry

    def unfinished(self, destination: RootedPath, shards: list[Shard]) -> Iterator[Shard]:
        """Draw the shards that are still to be done; those that an earlier run has finished are counted."""
        for shard in shards:
            books = state_folder_of(destination, shard)
            state = read_state(books)
            if state is None or not state.finished or is_torn(books, state):
                yield shard
            else:
                self._take_finished(books)

    def take_all(self, cluster: Cluster, orders: Iterator[Order], jobs: int | None) -> None:
        """Have all orders done, and count what comes of them."""
        under_way: dict[Shard, Order] = {}

        def noted() -> Iterator[Order]:
            for order in orders:
                under_way[order.shard] = order
                yield order

        outcomes = run_cluster(cluster, do_shard, noted(), self.stop, jobs=jobs, look=partial(self._look, cluster))
        try:
            with closing(outcomes) as answers:
                for outcome in answers:
                    if isinstance(outcome, Lost):
                        self._given_up.append(outcome)
                        under_way.pop(outcome.item.shard)
                    else:
                        under_way.pop(outcome.shard)
                        self._take(outcome)
        finally:
            for shard, order in under_way.items():
                with suppress(OSError):
                    FencingToken(state_folder_of(RootedPath(order.destination), shard))  # so that its worker stops
        if self._given_up:
            first = self._given_up[0]
            more = f", and {len(self._given_up) - 1} more shards" if len(self._given_up) > 1 else ""
            self.summary.stopped = f"shard {first.item.shard} was given up, {first.message}{more}"

    def _take(self, outcome: Answer) -> None:
        for result in outcome.results:
            self._count(result)
        self.summary.ignored += outcome.ignored
        if outcome.stopped:
            self.summary.stopped = outcome.stopped
            self.stop.set()

    def _take_finished(self, books: RootedPath) -> None:
        """Count a shard that was finished by an earlier run: what was done there need not be done again."""
        failed = {row["source_path"]: row for _, row in read_rows(books / FAILURES)}
        done = {row["file_name"] for _, row in read_rows(books / MANIFEST) if row.get("status") == DONE}
        for entry in read_listed(books):
            match entry:
                case Ignored():
                    self.summary.ignored += 1
                case Task() if entry.source not in failed:
                    reason = UNCHANGED if entry.output in done else FOREIGN
                    self._count(Skipped(source=entry.source, output=entry.output, reason=reason))
        for source, row in failed.items():
            self._count(Failed(source=source, code=row["code"], message=row["message"]))

    def _count(self, result: Result) -> None:
        """Count an image; a folder that cannot be listed fails in every shard, and counts once."""
        if isinstance(result, Failed):
            if result.source in self._failed:
                return
            self._failed.add(result.source)
        self.summary.add(result)
        self.tell(result)

    def _look(self, cluster: Cluster) -> None:
        """Give a sign of life where no image does."""
        if time.perf_counter() - self._told > _TOLD:
            self.tell(note="" if cluster.slots else "Waiting for workers")

    def close(self) -> RunSummary:
        """Return what has come of it all."""
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED
        self.summary.seconds = time.perf_counter() - self._start
        return self.summary
