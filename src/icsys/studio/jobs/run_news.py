"""News of a run: how far it is, as plain values, told to the pages a few times a second."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from icsys.report.humanize import printable
from icsys.summary import RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from icsys.run.progress import Progress

RUN_GOES_ON, RUN_DONE, RUN_STOPPED, RUN_FAILED = "running", "done", "stopped", "failed"
"""States of a run: it goes on, came to its end, was ended before, or could not go on."""

_PAUSE = 0.2  # seconds between two news
_WINDOW = 15.0  # seconds over which the rate is taken: images that are done already pass fast
_MOST_FAILURES = 100


class RunNews:
    """Tells how far a run is.

    Parameters
    ----------
    publish
        Takes the values.
    fixed
        Values that stay: destination, folder and command.
    """

    def __init__(self, publish: Callable[[Mapping[str, Any]], object], fixed: Mapping[str, Any]) -> None:
        self._publish = publish
        self._values: dict[str, Any] = {"state": RUN_GOES_ON, "stopping": False, "problem": "", **fixed}
        self._values |= {"done": 0, "total": None, "rate": None, "left": None, "note": "", **run_counts(RunSummary())}
        self._lock = threading.RLock()
        self._told = 0.0
        self._pace = _Pace()
        self.is_started = threading.Event()
        """Set once the run has begun, or has ended."""

    def note(self, progress: Progress) -> None:
        """Take the progress of the run."""
        if not progress.notice:
            self.is_started.set()
        summary = progress.summary
        done = summary.images if progress.looked_at is None else progress.looked_at
        part = (id(summary), progress.looked_at is None, progress.note)
        now = time.monotonic()
        if part == self._pace.part and now - self._told < _PAUSE:
            return
        self._pace.note(part, now, done)
        self._told = now
        rate = self._pace.rate
        left = None if progress.total is None or not rate else max(0, progress.total - done) / rate
        note = progress.note or ("Looking at colours" if progress.looked_at is not None else "")
        self.tell(done=done, total=progress.total, rate=rate, left=left, note=note, **run_counts(summary))

    def tell(self, **values: Any) -> None:  # noqa: ANN401 - plain values
        """Change values, and publish all."""
        with self._lock:
            self._values |= values
            self._publish(self._values)

    def end(self, summary: RunSummary | None, **values: Any) -> None:  # noqa: ANN401 - plain values
        """Publish how the run has ended."""
        if summary is not None:
            values = {"done": summary.images, **run_counts(summary), **values}
        self.tell(rate=None, left=None, note="", stopping=False, **values)
        self.is_started.set()


class _Pace:
    """Images a second, over the last seconds of one part of a run."""

    def __init__(self) -> None:
        self.part: object = None
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, part: object, now: float, done: int) -> None:
        if part != self.part:
            self.part = part
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] < now - _WINDOW:  # noqa: PLR2004 - a beginning and an end
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        (start, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - start) if last > first and end > start else None


def run_counts(summary: RunSummary) -> dict[str, Any]:
    """Return the counts of a summary, and its first failures, as plain values."""
    failed = [*summary.failures[:_MOST_FAILURES], *summary.companion_failures[:_MOST_FAILURES]][:_MOST_FAILURES]
    return {
        "compressed": summary.compressed,
        "skipped": summary.skipped,
        "left_out": sum(summary.left_out.values()),
        "failed": summary.failed + len(summary.companion_failures),
        "failures": [{"source": printable(one.source), "message": printable(one.message)} for one in failed],
        "bytes_in": summary.bytes_in,
        "bytes_out": summary.bytes_out,
        "seconds": summary.seconds,
    }
