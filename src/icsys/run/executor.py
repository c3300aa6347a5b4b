"""The executor of a run: applies one worker function to many items, in threads or processes of this machine."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.color.scratch import Slots
from icsys.engine import ENGINE_TABLE
from icsys.engine.memory_budget import MemoryBudget
from icsys.image.decode import unlimited

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

    from icsys.engine.pool import Item, Lost, Returned
    from icsys.image.decode import Admit

    ReadAhead = tuple[Item, Any]

BYTES_IN_FLIGHT = 128 * 2**20
"""Decoded pixels held at once, for each job: photos of up to 32 megapixels never wait for one another."""


class Limits(NamedTuple):
    """What a worker shares with the other workers of its process.

    Attributes
    ----------
    admit
        Waits for the memory that an image needs; see :func:`~icsys.image.decode.decode_photo`.
    slots
        Held during computation, so that some workers read and write while others compute.
    """

    admit: Admit
    slots: AbstractContextManager[object]


def thread_limits(jobs: int) -> Limits:
    """Return the limits of threads that compute ``jobs`` images at once."""
    return Limits(MemoryBudget(BYTES_IN_FLIGHT * jobs).hold, Slots(jobs))


def threads_for(jobs: int, *, remote: bool = False) -> int:
    """Return how many threads share the slots of ``jobs`` images: some compute while others read and write.

    Two for each job are enough for a disk. An object store takes longer to answer than an image to compress, so it
    needs more.
    """
    return (8 if remote else 2) * jobs


class Executor(NamedTuple):
    """Threads or processes that do the work of a run.

    Attributes
    ----------
    engine
        "threads" or "processes".
    jobs
        Images computed at once.
    timeout
        Most seconds for one image, in a process.
    remote
        Whether images are read from a server, or outputs written to one.
    stop
        Ends the work once it is set.
    """

    engine: str
    jobs: int
    timeout: float | None
    remote: bool
    stop: threading.Event

    @property
    def shares_memory(self) -> bool:
        """Whether all workers are threads of this process."""
        return self.engine == "threads"

    def map(
        self, worker: Callable[..., Returned], items: Iterable[ReadAhead[Item]], prepare: Callable[[], object]
    ) -> Generator[Returned | Lost[ReadAhead[Item]]]:
        """Apply a worker to every item, and yield the outcomes as they are done, in any order.

        Parameters
        ----------
        worker
            Takes an item and, as ``limits``, :class:`Limits`.
        items
            Tasks, or other items, each with its bytes if they were read ahead.
        prepare
            Called in each process before its first item.
        """
        more: dict[str, Any] = {} if self.timeout is None else {"timeout": self.timeout}
        if self.shares_memory:
            limits, workers = thread_limits(self.jobs), threads_for(self.jobs, remote=self.remote)
            more["weigh"] = _bytes_held
        else:  # a process holds one image at a time, and a killed process would never release a lock
            limits, workers = Limits(unlimited, nullcontext()), self.jobs
        run_engine = ENGINE_TABLE[self.engine]
        return run_engine(partial(worker, limits=limits), items, jobs=workers, prepare=prepare, stop=self.stop, **more)


def _bytes_held(item: tuple[object, object]) -> int:
    """Return how many bytes were read ahead of an item."""
    _, data = item
    return len(data) if isinstance(data, bytes) else 0
