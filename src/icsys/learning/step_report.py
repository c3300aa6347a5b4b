"""``StepReport``: says how far the work is and how long the rest takes, and ends it where a stop was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.learning.learn_progress import LearnProgress

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from icsys.learning.time_plan import Clock


_SHARE_OF_OPTIONS = 0.7  # of the time to make all arms, about


class StoppedError(Exception):
    """A stop was asked for: what was judged so far is the result."""


class StepReport:
    """What the steps call.

    Attributes
    ----------
    note
        The present step, in a few words.
    clock
        Expects how long the rest takes; None where that is unknown.
    """

    def __init__(self, progress: Callable[[LearnProgress], object], stop: threading.Event) -> None:
        self._progress, self._stop = progress, stop
        self.note = ""
        self.clock: Clock | None = None

    def __call__(self, done: int, total: int) -> None:
        """Say how much of the present step is done.

        Raises
        ------
        StoppedError
            If a stop was asked for.
        """
        self.check()
        self.pass_on(LearnProgress(done, total, self.note))

    def check(self) -> None:
        """Raise an error if a stop was asked for."""
        if self._stop.is_set():
            raise StoppedError

    def pass_on(self, progress: LearnProgress) -> None:
        """Say what a step says, with the time left."""
        done, total, clock = progress.done, progress.total, self.clock
        left = None if clock is None or total is None else clock.seconds_left(done / total if total else 1.0)
        self._progress(progress._replace(seconds_left=left))

    def of_making(self, codecs: int) -> Callable[[LearnProgress], object]:
        """Return what says how far the making of arms is: those of options together, then those of each codec."""
        notes: list[str] = []

        def report(progress: LearnProgress) -> None:
            if progress.note not in notes:
                notes.append(progress.note)
            total = progress.total or 1
            share = progress.done / total
            if codecs:
                later = len(notes) - 2
                share = (
                    _SHARE_OF_OPTIONS * share
                    if later < 0
                    else _SHARE_OF_OPTIONS + ((1 - _SHARE_OF_OPTIONS) * min(1.0, (later + share) / codecs))
                )
            left = None if self.clock is None else self.clock.seconds_left(share)
            self._progress(progress._replace(seconds_left=left))

        return report

    def say(self, message: str) -> None:
        """Say a sentence, once."""
        self._progress(LearnProgress(0, None, self.note, message=message))
