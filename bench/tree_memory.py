"""Memory of a process and of those that it has started, without the pages of files."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from types import TracebackType

_POLL = 0.01  # seconds
_COUNTED = ("Pss_Anon:", "Pss_Shmem:")


def tree() -> list[int]:
    """Return the numbers of this process and of all below it."""
    return [os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))]


def memory_bytes() -> int | None:
    """Return bytes of anonymous and shared memory of this process and all below it; None where that is unknown.

    Memory that several processes share counts once. Pages of mapped files do not count: the system takes them back when
    it needs room.
    """
    total = 0
    for process in tree():
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            if process == os.getpid():
                return None
            continue  # it has ended meanwhile
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_COUNTED))
    return total


class PeakMemory:
    """Looks at the memory again and again while a ``with`` block runs.

    Attributes
    ----------
    bytes
        The most that was seen; None where it is unknown.
    """

    def __init__(self) -> None:
        self.bytes: int | None = None
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while (now := memory_bytes()) is not None:
            self.bytes = max(self.bytes or 0, now)
            if self._is_over.wait(_POLL):
                return
