"""A bound on what is held in memory at once."""

from __future__ import annotations

import ctypes
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


_LARGE = 2**27  # bytes; for less, to ask the system for new ones costs more than it saves


class MemoryBudget:
    """Lets threads in as long as what they hold together stays within a number of bytes.

    Parameters
    ----------
    capacity
        In bytes. What needs more than all of it waits until it is alone.

    Examples
    --------
    >>> budget = MemoryBudget(100)
    >>> with budget.hold(70):
    ...     budget.free
    30
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = self.free = capacity
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait for ``size`` bytes, and give them back at the end."""
        asked, size = size, min(size, self.capacity)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= size)
            self.free -= size
        if asked > _LARGE:
            return_freed()
        try:
            yield
        finally:
            with self._changed:
                self.free += size
                self._changed.notify_all()


def return_freed() -> None:
    """Return to the system what is free: each thread keeps what it has freed, and its next large picture may be far."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
        if trim is not None:
            trim(0)
