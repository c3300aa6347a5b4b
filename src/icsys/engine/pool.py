"""Items through a pool in a bounded window: memory follows the number of jobs, never the number of items."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Lost(Generic[Item]):
    """An item that has no outcome because it ended whoever worked on it: ``code`` is ``crashed`` or ``timeout``."""

    item: Item
    code: str
    message: str


def run_pool(
    pool: Executor, function: Callable[[Item], Outcome], items: Iterable[Item], jobs: int
) -> Generator[Outcome]:
    """Apply ``function`` to every item in ``pool`` and yield the outcomes as they are done.

    Items are drawn as workers become free. Closing the iterator, or an exception in it, starts nothing more and
    waits for what is under way.
    """
    remaining = iter(items)
    # One item more than workers waits, so that none stands idle while an outcome is being handed over.
    window = jobs + 1
    with pool:
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
