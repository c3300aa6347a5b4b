"""``WorkSteps``: pieces of work that are done in threads, and counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class WorkSteps:
    """Does pieces of work in threads and tells how many are done, from the thread that waits for them.

    Parameters
    ----------
    total
        Number of all pieces.
    jobs
        Number of threads; with one, the caller's own thread does all.
    report
        Is called with the pieces done and all pieces, after each.
    """

    def __init__(self, total: int, jobs: int, report: Callable[[int, int], object] | None) -> None:
        self._total = total
        self._jobs = jobs
        self._report = report
        self._done = 0

    def do(self, pieces: Sequence[Callable[[], object]]) -> None:
        """Do pieces of work, begun in their order; the first that fails, or an interrupt, calls off the rest."""
        if self._jobs == 1 or len(pieces) == 1:
            for piece in pieces:
                piece()
                self._count()
            return
        with ThreadPoolExecutor(self._jobs) as threads:
            begun = [threads.submit(piece) for piece in pieces]
            try:
                for one in begun:
                    one.result()
                    self._count()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _count(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(self._done, self._total)
