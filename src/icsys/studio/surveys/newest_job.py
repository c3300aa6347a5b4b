"""Work in the background, one at a time: newer work ends the older."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from icsys.studio.surveys.low_urgency import low_urgency_thread

if TYPE_CHECKING:
    from collections.abc import Callable


class NewestJob:
    """Does the newest work in a thread that gives way to others; a base of what works so.

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

    def start(self, work: Callable[[threading.Event], object], *, unless_going: bool = False) -> None:
        """Start work, which looks at its event often and ends once it is set.

        Older work is ended first; with ``unless_going`` it goes on, and the newer is not started.
        """
        with self._lock:
            if self._is_closed or (unless_going and self._thread is not None and self._thread.is_alive()):
                return
            self._stop.set()
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
        """End what is going on, and start nothing more."""
        with self._lock:
            self._is_closed = True
            self._stop.set()
        self.wait()


def _do(before: threading.Thread | None, stop: threading.Event, work: Callable[[threading.Event], object]) -> None:
    if before is not None:
        before.join()
    if not stop.is_set():
        work(stop)
