"""A bound on the memory that threads hold together."""

from __future__ import annotations

import ctypes
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


_LARGE = 2**27  # bytes; returning less to the system costs more than it saves


class MemoryBudget:
    """Blocks threads while the memory that they hold together would exceed a number of bytes.

    Parameters
    ----------
    capacity
        In bytes. A request for more waits until nothing else is held.

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
        """Wait until ``size`` bytes are free, and hold them for the context."""
        requested, size = size, min(size, self.capacity)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= size)
            self.free -= size
        if requested > _LARGE:
            return_freed()
        try:
            yield
        finally:
            with self._changed:
                self.free += size
                self._changed.notify_all()


def return_freed() -> None:
    """Return freed memory to the system: otherwise each thread keeps it, perhaps long before its next large picture."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only in glibc
        if trim is not None:
            trim(0)
