"""Looks at places that the user names: one on a server that is gone may never answer, and nothing else waits for it."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_LOOK = 10.0
"""Seconds that a place has to answer: a disk that has to start takes some."""

_MOST_THREADS = 32

_Found = TypeVar("_Found")


class UnansweredError(UsageError):
    """A place did not answer in time."""


class Looks:
    """Does what asks the file system in threads of its own, each time within some seconds.

    What hangs in the system cannot be ended: its thread stays with it, and does not keep the process from its end.

    Parameters
    ----------
    seconds
        The time that a place has to answer.
    most
        Number of threads.
    """

    def __init__(self, seconds: float = LONGEST_LOOK, most: int = _MOST_THREADS) -> None:
        self.seconds, self._most = seconds, most
        self._asked: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._pending = 0

    async def at(self, place: str, look: Callable[[], _Found]) -> _Found:
        """Return what a function finds.

        Parameters
        ----------
        place
            What is looked at, for the sentence.

        Raises
        ------
        UnansweredError
            If it takes too long; the function may end later, or never.
        """
        future: Future[_Found] = Future()
        self._begin(future, look)
        found = asyncio.wrap_future(future)
        await asyncio.wait((found,), timeout=self.seconds)
        if not found.done():
            found.cancel()
            raise UnansweredError(
                f"{place} did not answer within {self.seconds:g} s: expected a place on a disk or server that answers; "
                "connect it again, or name another"
            )
        return found.result()

    def _begin(self, future: Future[Any], look: Callable[[], Any]) -> None:
        with self._lock:
            self._asked.put((future, look))
            self._pending += 1
            if self._threads < min(self._pending, self._most):
                self._threads += 1
                threading.Thread(target=self._work, name="icsys look", daemon=True).start()

    def _work(self) -> None:
        while True:
            future, look = self._asked.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(look())
                except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
                    future.set_exception(error)
            del future, look
            with self._lock:
                self._pending -= 1
