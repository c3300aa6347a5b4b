"""Threads: decoding, clustering and encoding release Python's lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from icsys.engine.pool import Item, Returned, run_pool

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable


def run_threads(
    function: Callable[[Item], Returned],
    items: Iterable[Item],
    jobs: int,
    prepare: Callable[[], object],  # noqa: ARG001 - this process is prepared already
    stop: threading.Event,
    *,
    weigh: Callable[[Item], int] = lambda _: 0,
) -> Generator[Returned]:
    """Apply ``function`` to every item in ``jobs`` threads of this process."""
    return run_pool(ThreadPoolExecutor(jobs, thread_name_prefix="ics"), function, items, jobs, stop, weigh=weigh)
