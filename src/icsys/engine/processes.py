"""Worker processes: for machines with more cores than threads can use under Python's lock."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from icsys.engine.pool import Item, Outcome, run_pool
from icsys.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable


def run_processes(
    function: Callable[[Item], Outcome], items: Iterable[Item], jobs: int, prepare: Callable[[], object]
) -> Generator[Outcome]:
    """Apply ``function`` to every item in ``jobs`` processes, after ``prepare`` in each of them.

    Function, items and outcomes must be picklable.

    Raises
    ------
    EngineError
        If a worker process dies.
    """
    # Threads are the rule, and importing this takes a tenth of the start.
    import multiprocessing  # noqa: PLC0415
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor  # noqa: PLC0415

    # Fork would copy the locks of running threads as they happen to stand.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker, initargs=(prepare,))
    try:
        yield from run_pool(pool, function, items, jobs)
    except BrokenProcessPool as error:
        raise EngineError(
            "a worker process died, perhaps for want of memory: what is finished is kept, so run again, "
            "with fewer --jobs or with --engine threads"
        ) from error


def _start_worker(prepare: Callable[[], object]) -> None:
    """Make a new process ready for images."""
    # An interrupt reaches every process of a terminal; the one that counts is the one that started them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1, user_api="blas")
    prepare()
