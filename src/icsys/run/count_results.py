"""``RunMonitor``: counts the results of a run, reports progress, and ends the run early when it cannot go on."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from icsys import pipeline
from icsys.results import Failed, Result
from icsys.run.progress import INTERRUPTED_TEXT, Progress
from icsys.run.wait_and_count import wait_for
from icsys.sources.base import Companion, Excluded, PassedOver, Task, Unreadable
from icsys.summary import RunSummary

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from icsys.options import Options
    from icsys.run.wait_and_count import ImageCount
    from icsys.shard import Shard
    from icsys.sources.base import Ignored, Planned

_FATAL = {"disk_full", "read_only"}  # codes of failures that every later image would share


class RunMonitor:
    """The counts of one run, and its end.

    Attributes
    ----------
    summary
        The counts so far.
    stop
        Ends the run once it is set, by the caller or by the run itself.
    count
        Counts all images beside the run.
    has_companions
        Whether the plan has files that go with images, as far as it was read.
    """

    def __init__(self, progress: Callable[[Progress], object], stop: threading.Event, shard: Shard | None) -> None:
        self.summary = RunSummary()
        self.stop = stop
        self.count: ImageCount | None = None
        self.has_companions = False
        self._progress, self._shard = progress, shard
        self._start = time.perf_counter()

    def owns(self, planned: Planned) -> bool:
        """Return whether this run is to do or count an entry of the plan: all, or those of its shard.

        A folder that cannot be listed may hold images of every shard.
        """
        return (
            self._shard is None
            or self._shard.owns(planned.source)
            or isinstance(planned, PassedOver)
            or (isinstance(planned, Unreadable) and planned.is_folder)
        )

    def first_image(self, plan: Iterator[Planned]) -> Task | Excluded | Unreadable | None:
        """Return the first image of a plan, of any shard; count the ignored entries before it."""
        for planned in plan:
            if isinstance(planned, Task | Excluded | Unreadable):
                return planned
            if isinstance(planned, Companion):
                self.has_companions = True
            else:
                self.add_ignored(planned)
        return None

    def add_ignored(self, planned: Ignored | PassedOver) -> None:
        """Count an ignored file, or name a folder that was passed over."""
        if isinstance(planned, PassedOver):
            self.summary.outputs_passed_over.append(planned.source)
        else:
            self.summary.ignored += self.owns(planned)

    def forget_ignored(self) -> None:
        """Count no ignored entry so far: the run takes up its plan from the beginning."""
        self.summary.ignored = 0
        self.summary.outputs_passed_over.clear()

    def add(self, result: Result) -> None:
        """Count one image; end the run if all later images would fail, too."""
        self.summary.add(result)
        if isinstance(result, Failed) and result.code in _FATAL:
            self.end_early(result.message)
        self.report(result)

    def report(
        self, result: Result | None = None, note: str = "", *, notice: str = "", looked_at: int | None = None
    ) -> None:
        """Report progress to the caller of the run."""
        self.update_seconds()
        total = self.count.total if self.count else None
        self._progress(Progress(result, self.summary, total, note, notice, looked_at=looked_at))

    def report_note(self, note: str) -> None:
        """Report what goes on while no image ends."""
        self.report(note=note)

    def left(self) -> int | None:
        """Return how many images are left; None until all are counted."""
        total = self.count.total if self.count else None
        return None if total is None else total - self.summary.images

    def load_packages(self, options: Options) -> None:
        """Load the packages that images need, and report progress meanwhile."""
        report = partial(self.report_note, f"Loading {options.strategy}")
        wait_for(partial(pipeline.load_packages, options), report, self.stop)

    def guard(self, write: Callable[[], object], what: str = "manifest") -> bool:
        """Write a file of the run, and return whether it was written.

        Otherwise the run ends, because its work could not be recorded any more.
        """
        try:
            write()
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            self.end_early(f"the {what} cannot be written: {error.strerror or error}{place}")
            return False
        return True

    def end_early(self, reason: str) -> None:
        """Stop the run; the first reason counts."""
        self.summary.stopped = self.summary.stopped or reason
        self.stop.set()

    def note_interrupt(self) -> None:
        """Record that the caller has stopped the run."""
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED_TEXT

    def update_seconds(self) -> None:
        """Set the duration of the run to now."""
        self.summary.seconds = time.perf_counter() - self._start
