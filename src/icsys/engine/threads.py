"""Threads over items in a bounded window: memory follows the number of jobs, never the number of items."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_threads(function: Callable[[Item], Outcome], items: Iterable[Item], jobs: int) -> Generator[Outcome]:
    """Apply ``function`` to every item in ``jobs`` threads and yield the outcomes as they are done.

    Items are drawn as threads become free. Closing the iterator, or an exception in it, starts nothing
    more and waits for what is under way.
    """
    remaining = iter(items)
    # One item more than threads waits, so that none stands idle while an outcome is being handed over.
    window = jobs + 1
    with ThreadPoolExecutor(jobs, thread_name_prefix="ics") as pool:
        pending: set[Future[Outcome]] = set()
        try:
            while True:
                pending.update(pool.submit(function, item) for item in islice(remaining, window - len(pending)))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in pending:
                future.cancel()
