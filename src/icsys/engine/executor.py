"""The executor of a run: applies one worker function to many items in batches, in threads or processes."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.color.scratch import Slots
from icsys.engine import ENGINE_TABLE, Lost
from icsys.engine.automatic import Elsewhere
from icsys.engine.batches import MOST_ITEMS, MOST_SECONDS, Batches, timed
from icsys.engine.memory_budget import MemoryBudget
from icsys.image.decode import unlimited

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

    from icsys.engine.pool import Item, Returned
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
    stopped
        Returns whether the run is being stopped: a worker then starts no further image.
    ended
        Returns whether the run has ended without this worker, which then writes nothing.
    """

    admit: Admit
    slots: AbstractContextManager[object]
    stopped: Callable[[], bool]
    ended: Callable[[], bool]


def _never() -> bool:
    return False


def thread_limits(
    jobs: int,
    slots: Slots | None = None,
    *,
    stopped: Callable[[], bool] = _never,
    ended: Callable[[], bool] = _never,
) -> Limits:
    """Return the limits of threads that compute ``jobs`` images at once."""
    return Limits(MemoryBudget(BYTES_IN_FLIGHT * jobs).hold, slots or Slots(jobs), stopped, ended)


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
        "auto", "threads" or "processes".
    jobs
        Images computed at once.
    timeout
        Most seconds for one image, in a process.
    remote
        Whether images are read from a server, or outputs written to one.
    stop
        Ends the work once it is set.
    left
        Returns how many images are left to do; None if that is unknown.
    crashed
        Called, in a thread, with items whose helper process has ended before they were done; they are done again.
    admit
        Bounds the memory of threads together with that of others; None for a bound of their own.
    """

    engine: str
    jobs: int
    timeout: float | None
    remote: bool
    stop: threading.Event
    left: Callable[[], int | None] = lambda: None
    crashed: Callable[[list[Any]], object] = lambda _: None
    admit: Admit | None = None

    def map(
        self, worker: Callable[..., list[Returned]], items: Iterable[ReadAhead[Item]], prepare: Callable[[], object]
    ) -> Generator[list[Returned | Lost[ReadAhead[Item]]]]:
        """Apply a worker to all items, and yield the outcomes of each batch when it is done, in any order.

        Parameters
        ----------
        worker
            Takes a list of items and, as ``limits``, :class:`Limits`; returns the outcomes in their order, or of the
            first items if it took long or the run is stopped. It can be pickled.
        items
            Tasks, or other items, each with its bytes if they were read ahead.
        prepare
            Called in each process before its first item.
        """
        ended = threading.Event()
        # A killed process loses the whole batch, and a server answers one request after another.
        alone = self.engine == "processes" or self.remote
        batches = Batches(items, _bytes_held, 1 if alone else MOST_ITEMS)
        try:
            for done in self._run(worker, batches, prepare, ended):
                if isinstance(done, Lost):
                    yield [Lost(done.item[0], done.code, done.message)]
                else:
                    batches.note(done)
                    yield done.results
        finally:
            ended.set()

    def _run(
        self,
        worker: Callable[..., list[Any]],
        batches: Batches[Any],
        prepare: Callable[[], object],
        ended: threading.Event,
    ) -> Generator[Any]:
        """Hand the batches to the engine."""
        shared: dict[str, Any] = {"prepare": prepare, "stop": self.stop}
        if self.engine == "processes":
            # A process holds one image at a time, and a killed process would never release a lock.
            isolated = timed(partial(worker, limits=Limits(unlimited, nullcontext(), _never, _never)))
            shared |= {} if self.timeout is None else {"timeout": self.timeout}
            return ENGINE_TABLE["processes"](isolated, batches, jobs=self.jobs, **shared)
        slots = Slots(self.jobs)
        limits = thread_limits(self.jobs, slots, stopped=self.stop.is_set, ended=ended.is_set)
        limits = limits if self.admit is None else limits._replace(admit=self.admit)
        function = timed(partial(worker, limits=limits))
        shared |= {"weigh": _weight}
        if self.engine == "threads" or self.jobs == 1 or self.remote:
            threads = threads_for(self.jobs, remote=self.remote)
            return ENGINE_TABLE["threads"](function, batches, jobs=threads, **shared)
        start = partial(_start_helper, worker, prepare)
        elsewhere = Elsewhere(start, self.left, slots, self.crashed)
        return ENGINE_TABLE["auto"](function, batches, jobs=self.jobs, elsewhere=elsewhere, **shared)


def _start_helper(
    worker: Callable[..., list[Any]], prepare: Callable[[], object], stopped: Callable[[], bool]
) -> Callable[[list[Any]], Any]:
    """Prepare a helper process, and return the function that does its batches."""
    prepare()
    return timed(partial(worker, limits=thread_limits(1, stopped=stopped)))


def one_by_one(batch: list[Any], limits: Limits, *, function: Callable[..., Returned]) -> list[Returned]:
    """Apply a function of an item and ``limits`` to the items of a batch until the run is stopped or time is up."""
    results: list[Returned] = []
    end = time.monotonic() + MOST_SECONDS
    for item in batch:
        if limits.stopped() or (results and time.monotonic() > end):
            break
        results.append(function(item, limits=limits))
    return results


def _bytes_held(item: tuple[object, object]) -> int:
    """Return how many bytes were read ahead of an item."""
    _, data = item
    return len(data) if isinstance(data, bytes) else 0


def _weight(batch: list[tuple[object, object]]) -> int:
    return sum(map(_bytes_held, batch))
