"""Threads for previews, where a newer request of one part of the page takes the place of an older one."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_WAITING = 64  # a page has some ten slots; beyond this the oldest requests are cancelled

_Made = TypeVar("_Made")


class LatestFirst:
    """A few threads that work on the newest requests.

    Parameters
    ----------
    threads
        Number of threads.
    begin
        Each thread calls it first.
    """

    def __init__(self, threads: int, begin: Callable[[], object] | None = None) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="icsys preview", initializer=begin)
        self._waiting: dict[str, Future[object]] = {}
        self._lock = threading.Lock()

    def submit(self, slot: str, work: Callable[[], _Made]) -> Future[_Made]:
        """Return the result to come; an earlier request of the slot that has not begun is cancelled.

        What has begun goes on, as its result may be wanted again.
        """
        with self._lock:
            future = self._threads.submit(work)
            older = [self._waiting.pop(slot)] if slot in self._waiting else []
            older += list(self._waiting.values())[: len(self._waiting) + 1 - _MOST_WAITING]
            self._waiting[slot] = future  # type: ignore[assignment] # futures of one slot give several types
        for one in older:
            one.cancel()
        future.add_done_callback(lambda done: self._forget(slot, done))
        return future

    @property
    def is_busy(self) -> bool:
        """Whether a request waits or is worked on."""
        with self._lock:
            return bool(self._waiting)

    def close(self) -> None:
        """Cancel what waits, and wait for what has begun."""
        self._threads.shutdown(cancel_futures=True)

    def _forget(self, slot: str, done: object) -> None:
        with self._lock:
            if self._waiting.get(slot) is done:
                del self._waiting[slot]
