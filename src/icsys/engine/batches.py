"""Batches: workers are handed several items at a time, so that small ones cost no hand-over each."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self

from icsys.engine.pool import Item, Returned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST_ITEMS = 64
"""Items of a batch."""

TARGET = 0.1
"""Seconds from the beginning of a batch to its end: progress stays smooth, and a crash loses little."""

MOST_SECONDS = 0.5
"""Seconds after which a worker returns what is done of a batch: its items are larger than those before."""

MOST_BYTES = 2**22
"""Bytes that were read ahead for the items of a batch; one item may hold more."""

_NOTHING: Any = object()


class Done(NamedTuple, Generic[Returned]):
    """What became of a batch.

    Attributes
    ----------
    results
        One of each item that was done, in their order.
    seconds
        Processor time that the thread took for them.
    rest
        The items that were not done: the batch took too long, or the run was stopped.
    taken
        Seconds from the beginning to the end, waiting included.
    """

    results: list[Returned]
    seconds: float
    rest: Sequence[Any] = ()
    taken: float = 0.0

    @property
    def seconds_each(self) -> float | None:
        """Mean processor time of an item; None if none was done."""
        return self.seconds / len(self.results) if self.results else None


class Batches(Generic[Item]):
    """Draws items lazily in batches, one item at first, then as many as take :data:`TARGET` seconds together.

    Parameters
    ----------
    items
        Drawn only as batches are.
    weigh
        Returns the bytes that were read ahead for an item.
    most
        Most items of a batch.
    """

    def __init__(self, items: Iterable[Item], weigh: Callable[[Item], int], most: int = MOST_ITEMS) -> None:
        self._items, self._weigh, self._most = iter(items), weigh, most
        self._again: deque[Item] = deque()
        self._size = 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Item]:
        """Return the next batch; after the last one there may be more once :meth:`note` has taken items back."""
        if batch := self._draw():
            return batch
        raise StopIteration

    def _draw(self) -> list[Item]:
        batch: list[Item] = []
        held = 0
        while self._again or (drawn := next(self._items, _NOTHING)) is not _NOTHING:
            item = self._again.popleft() if self._again else drawn
            batch.append(item)
            held += self._weigh(item)
            if len(batch) >= self._size or held >= MOST_BYTES:
                break
        return batch

    def note(self, done: Done[Returned]) -> None:
        """Take back the rest of a batch, and take its time into account.

        Sizes at most double, so that one quick item misleads little.
        """
        self._again.extend(done.rest)
        if done.results:
            each = done.taken / len(done.results)
            fitting = int(min(self._most, TARGET / max(each, 1e-9)))
            self._size = max(1, min(2 * self._size, fitting))


def timed(function: Callable[[list[Item]], list[Returned]]) -> Callable[[list[Item]], Done[Returned]]:
    """Return a function that does a batch and takes the time; it can be pickled if ``function`` can."""
    return partial(_timed, function)


def _timed(function: Callable[[list[Item]], list[Returned]], batch: list[Item]) -> Done[Returned]:
    before, begin = time.thread_time(), time.perf_counter()
    results = function(batch)
    return Done(results, time.thread_time() - before, batch[len(results) :], time.perf_counter() - begin)
