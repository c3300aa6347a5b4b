"""Work in the background, one at a time: newer work ends the older."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from icsys.studio.surveys.low_urgency import low_urgency_thread

if TYPE_CHECKING:
    from collections.abc import Callable


class NewestJob:
    """Runs the newest work in a thread that gives way to others.

    Parameters
    ----------
    name
        The name of its threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def begin(self, work: Callable[[threading.Event], object]) -> None:
        """Begin work, which looks at its event often and ends once it is set; older work is ended first."""
        with self._lock:
            self._stop.set()
            if self._is_closed:
                return
            self._stop = threading.Event()
            arguments = self._thread, self._stop, work
            self._thread = low_urgency_thread(self._name, lambda: _do(*arguments))
            self._thread.start()

    def cancel(self) -> None:
        """End what is going on, without a wait."""
        with self._lock:
            self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is going on."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def close(self) -> None:
        """End what is going on, and begin nothing more."""
        with self._lock:
            self._is_closed = True
            self._stop.set()
        self.wait()


def _do(before: threading.Thread | None, stop: threading.Event, work: Callable[[threading.Event], object]) -> None:
    if before is not None:
        before.join()
    if not stop.is_set():
        work(stop)
