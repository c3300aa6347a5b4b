"""Worker processes: for machines with more cores than threads can use under Python's lock."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from icsys.engine.pool import Item, Outcome, run_pool
from icsys.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable


def run_processes(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    jobs: int,
    prepare: Callable[[], object],
    stop: threading.Event,
) -> Generator[Outcome]:
    """Apply ``function`` to every item in ``jobs`` processes, after ``prepare`` in each of them.

    Function, items and outcomes must be picklable. This process is prepared already, so what has to be compiled
    is compiled once, and the workers find it in the cache.

    Raises
    ------
    EngineError
        If a worker process dies.
    """
    # Fork would copy the locks of running threads as they happen to stand.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker, initargs=(prepare,))
    try:
        yield from run_pool(pool, function, items, jobs, stop)
    except BrokenProcessPool as error:
        raise EngineError(
            "a worker process died, perhaps for want of memory: what is finished is kept, so run again, "
            "with fewer --jobs or with --engine threads"
        ) from error
    finally:
        if stop.is_set():
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()


def _start_worker(prepare: Callable[[], object]) -> None:
    """Make a new process ready for images."""
    # A signal may reach every process of a terminal; the one that counts is the one that started them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1, user_api="blas")
    prepare()


def _end_with_parent() -> None:
    """End this process when the one that started it does, even if that was killed: nobody waits for work then."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
