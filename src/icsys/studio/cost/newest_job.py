"""Work in the background, one at a time: newer work ends the older."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NICE = 10


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
            self._thread = threading.Thread(target=_do, args=arguments, name=self._name, daemon=True)
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
    if stop.is_set():
        return
    if sys.platform == "linux":  # where a thread has an urgency of its own, which the threads that it begins get, too
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    work(stop)
