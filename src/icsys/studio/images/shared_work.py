"""Work that several requests want at the same time, done once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Made = TypeVar("_Made")


class SharedWork(Generic[_Made]):
    """Does work for the first who asks; who asks meanwhile gets the same result, or the same error."""

    def __init__(self) -> None:
        self._going: dict[Hashable, Future[_Made]] = {}
        self._lock = threading.Lock()

    def do(self, key: Hashable, work: Callable[[], _Made]) -> _Made:
        """Return the result of the work that belongs to a key."""
        with self._lock:
            going = self._going.get(key)
            future = going or self._going.setdefault(key, Future())
        if going is not None:
            return going.result()
        try:
            made = work()
        except BaseException as error:
            self._end(key)
            future.set_exception(error)
            raise
        self._end(key)
        future.set_result(made)
        return made

    def _end(self, key: Hashable) -> None:
        with self._lock:
            del self._going[key]
