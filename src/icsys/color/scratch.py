"""Scratch memory that one image after another uses: touching a new page first costs more than the work in it."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Larger arrays are new each time, so that one large image does not hold memory for the rest of a run.
KEPT_BYTES = 1 << 24


class Scratch:
    """Arrays by name: asking for a name again returns the same memory, with any content."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of any content. It is valid until the next call with the same name."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > KEPT_BYTES:
            return np.empty(shape, dtype)
        kept = self._kept.get(name)
        if kept is None or kept.nbytes < size:
            kept = self._kept[name] = np.empty(size, np.uint8)
        return kept[:size].view(dtype).reshape(shape)


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.own = Scratch()


_OF_THREAD = _PerThread()


def thread_scratch() -> Scratch:
    """Return the scratch of the calling thread, for arrays that are not needed after the current image."""
    return _OF_THREAD.own


def forget_scratch() -> None:
    """Free the scratch of the calling thread, which waits for an unknown time before its next image."""
    _OF_THREAD.own = Scratch()


class Slots:
    """Lets a number of threads compute at once; each gets the scratch that was released last.

    If more threads share the work, because some read and write meanwhile, memory use follows the number of slots, and
    stays warm in the cache from one image to the next.
    """

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)
        self._scratches = [Scratch() for _ in range(count)]

    def __enter__(self) -> None:
        self._free.acquire()
        _OF_THREAD.own = self._scratches.pop()

    def __exit__(self, *_: object) -> None:
        self._scratches.append(_OF_THREAD.own)
        _OF_THREAD.own = Scratch()
        self._free.release()

    def withdraw(self) -> None:
        """Wait for a free slot and take it away, because another process computes instead."""
        self._free.acquire()

    def restore(self) -> None:
        """Give back a slot that was taken away."""
        self._free.release()
