"""``Job``: work in a thread of its own, one at a time, that goes on while no page is open."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from icsys.errors import ICSError
from icsys.files.failure_reason import failure_reason

if TYPE_CHECKING:
    from collections.abc import Callable


class BusyError(ICSError):
    """The work of this kind is going on already."""


class Job:
    """One kind of work, in a thread.

    Parameters
    ----------
    name
        Of the thread.
    busy
        The sentence for who asks for more while the work goes on.
    """

    def __init__(self, name: str, busy: str) -> None:
        self._name, self._busy = name, busy
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether the work is going on."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def begin(self, work: Callable[[threading.Event], object]) -> None:
        """Start the work; it gets the event that ends it.

        Raises
        ------
        BusyError
            If it is going on already.
        """
        with self._lock:
            if self.is_running or self._is_closed:
                raise BusyError("the server is ending" if self._is_closed else self._busy)
            self._stop = threading.Event()
            # A process that is told twice to end does not wait for it: what is written is complete at any moment.
            self._thread = threading.Thread(target=self._do, args=(work, self._stop), name=self._name, daemon=True)
            self._thread.start()

    @staticmethod
    def _do(work: Callable[[threading.Event], object], stop: threading.Event) -> None:
        work(stop)
        # Errors hold on to what they passed through, in circles: without this, a folder of a disk stays open for long
        # after a run that could not write, and the system does not let go of the disk.
        gc.collect()

    def stop(self) -> None:
        """End the work in order, after the images in progress."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the work."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def refuse_more(self) -> None:
        """End the work in order, and start none any more."""
        with self._lock:
            self._is_closed = True
        self.stop()


def problem_text(error: Exception) -> str:
    """Return the sentence of an error for the page."""
    match error:
        case ICSError():
            return str(error)
        case MemoryError():
            return "not enough memory"
        case _:
            return failure_reason(error)[1]
