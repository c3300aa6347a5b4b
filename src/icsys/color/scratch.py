"""Memory that serves one image after another: first touching a new page costs more than what is done with it."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Larger arrays are made anew, so that one large image does not hold memory for the rest of a run.
_KEPT_BYTES = 1 << 24


class Scratch:
    """Arrays by their names; taking one again gives the same memory, whatever it holds by then."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of any content, until the same name is taken again."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > _KEPT_BYTES:
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
    """Return the scratch of the calling thread, for what is over before the thread takes up another image."""
    return _OF_THREAD.own


class Slots:
    """Lets so many threads compute at once, and lends each of them a scratch: the one that was given back last.

    Where more threads than that share the work, because some of them read and write meanwhile, memory follows the
    slots, and goes warm from one image to the next.
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
