"""Items through a pool in a bounded window: memory follows the number of jobs, never the number of items."""

from __future__ import annotations

import signal
from concurrent.futures import Executor, Future, wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable

GRACE = 1.5
"""Seconds that work under way gets to end when a run is stopped."""

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""Signals that stop a run: SIGHUP comes when a terminal is closed, SIGBREAK is Ctrl-Break on Windows."""

LOOK = 0.1
"""Seconds between looks for a stop: a signal does not wake a thread that waits."""

MOST_HELD = 96 * 2**20
"""Bytes that items hold, before those are waited for that are under way."""

Item = TypeVar("Item")
Returned = TypeVar("Returned")


class Lost(NamedTuple, Generic[Item]):
    """An item that has no outcome because it ended whoever worked on it: ``code`` is ``crashed`` or ``timeout``."""

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
    """Apply ``function`` to every item in ``pool`` and yield the outcomes as they are done.

    An item may hold bytes, which ``weigh`` tells: of more than :data:`MOST_HELD` in all, no further item is drawn.

    Items are drawn as workers become free. Closing the iterator, or an exception in it, starts nothing more and
    waits for what is under way. So does ``stop`` once it is set, but it waits no longer than :data:`GRACE`, and leaves
    the pool to itself then.
    """
    remaining = iter(items)
    # One item more than workers waits, so that none stands idle while an outcome is being handed over.
    window = jobs + 1
    pending: dict[Future[Returned], int] = {}
    # Waiting for the first of several futures would look at all of them each time.
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
