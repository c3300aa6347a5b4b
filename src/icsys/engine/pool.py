"""Apply a function to items in a pool, a bounded number at a time: memory depends on the jobs, not on the items."""

from __future__ import annotations

from concurrent.futures import Executor, Future, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable

GRACE = 1.5
"""Seconds that running work gets to finish when a run is stopped."""

LOOK = 0.1
"""Seconds between checks for a stop: a signal does not wake a waiting thread."""

MOST_HELD = 96 * 2**20
"""Bytes that submitted items may hold; above it, no further item is drawn."""

Item = TypeVar("Item")
Returned = TypeVar("Returned")


class Lost(NamedTuple, Generic[Item]):
    """An item without a result, because it ended the worker: ``code`` is ``crashed`` or ``timeout``."""

    item: Item
    code: str
    message: str


def run_pool(
    pool: Executor,
    function: Callable[[Item], Returned],
    items: Iterable[Item],
    jobs: int,
    stop: threading.Event,
    *,
    weigh: Callable[[Item], int] = lambda _: 0,
) -> Generator[Returned]:
    """Apply ``function`` to every item in ``pool``, and yield the results as they are done.

    Items are drawn as workers become free. ``weigh`` returns the bytes that an item holds; while submitted items hold
    more than :data:`MOST_HELD`, no further item is drawn. Closing the iterator, or an exception in it, starts no more
    items and waits for the running ones. Setting ``stop`` does the same, but waits for at most :data:`GRACE` seconds
    and then abandons the pool.
    """
    remaining = iter(items)
    # One item more than workers, so that no worker is idle while a result is handed over.
    window = jobs + 1
    pending: dict[Future[Returned], int] = {}
    # concurrent.futures.wait would check all futures each time.
    ended: SimpleQueue[Future[Returned]] = SimpleQueue()
    try:
        while not stop.is_set():
            held = sum(pending.values())
            while len(pending) < window and held <= MOST_HELD:
                try:
                    item = next(remaining)
                except StopIteration:
                    break
                weight = weigh(item)
                held += weight
                future = pool.submit(function, item)
                pending[future] = weight
                future.add_done_callback(ended.put)
                del item
            if not pending:
                return
            try:
                future = ended.get(timeout=LOOK)
            except Empty:
                continue
            del pending[future]
            yield future.result()
        done, under_way = wait([future for future in pending if not future.cancel()], timeout=GRACE)
        pending = dict.fromkeys(under_way, 0)
        for future in done:
            yield future.result()
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=not stop.is_set(), cancel_futures=True)
