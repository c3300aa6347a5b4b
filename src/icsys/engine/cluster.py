"""Apply a function to items on a cluster: a bounded number of tasks at once; tasks of dead workers are tried again."""

from __future__ import annotations

import pickle
import time
from collections import deque
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, Protocol

from icsys.engine.cluster_reachable import check_reachable
from icsys.engine.pool import LOOK, Item, Lost, Returned
from icsys.errors import EngineError, ICSError, InUseError, MissingExtraError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Generator, Hashable, Iterable

_AHEAD = 2  # tasks submitted per slot, so that no slot is idle while results travel
_TRIES_ALONE = 3
_COUNTED = 2.0  # seconds until the slots are counted again


class LostTaskError(ICSError):
    """A task has no result because its worker is gone."""


class Cluster(Protocol):
    """The interface of a cluster that ICS uses.

    Attributes
    ----------
    dashboard
        The address of the cluster's own page; None if it has none.
    tries
        How often a task is submitted normally, before it is run with ``careful`` set.
    """

    dashboard: str | None
    tries: int

    @property
    def slots(self) -> int:
        """Tasks that it can work on at once; this may change, and is 0 before the first worker joins."""

    def submit(self, function: Callable[..., object], *arguments: object) -> Hashable:
        """Submit a call to some worker, and return a handle of the task."""

    def wait(self, tasks: Collection[Any], timeout: float) -> Iterable[Any]:
        """Return the tasks that have ended, after ``timeout`` seconds at most."""

    def result(self, task: Any) -> Any:  # noqa: ANN401 - the function may return anything
        """Return the result of a task that has ended, or raise its error.

        Raises
        ------
        LostTaskError
            If its worker died.
        EngineError
            If the cluster is gone.
        """

    def cancel(self, tasks: Collection[Any]) -> None:
        """Cancel tasks that have not started; running ones may go on."""

    def close(self) -> None:
        """Leave the cluster, and stop it if it was started here."""


CLUSTER_MODULES = {"dask": ("icsys.engine.dask", "distributed"), "ray": ("icsys.engine.ray", "ray")}
"""By name of the engine: our module, whose ``open_<engine>`` joins or starts a cluster, and the package it uses."""


def open_cluster(engine: str, address: str | None, jobs: int) -> Cluster:
    """Join the cluster at an address; without an address, start one of ``jobs`` workers on this machine.

    Raises
    ------
    MissingExtraError
        If the package of the engine is not installed.
    UsageError
        If no cluster answers at the address.
    """
    module, package = CLUSTER_MODULES[engine]
    missing = MissingExtraError(f"{package} is needed for engine={engine!r}: pip install 'icsys[{engine}]'")
    if find_spec(package) is None:
        raise missing
    if address is not None:
        check_reachable(engine, address)
    try:
        import_module(package)
    except ImportError:
        raise missing from None
    cluster: Cluster = getattr(import_module(module), f"open_{engine}")(address, jobs)
    return cluster


@dataclass
class _Task(Generic[Item]):
    """An item, and its number of failed tries."""

    item: Item
    tries: int = 0


def run_cluster(
    cluster: Cluster,
    function: Callable[[Item, bool], Returned],
    items: Iterable[Item],
    stop: threading.Event,
    *,
    jobs: int | None = None,
    look: Callable[[], object] = lambda: None,
) -> Generator[Returned | Lost[Item]]:
    """Apply ``function`` to every item on a cluster, and yield the results as they are done.

    Parameters
    ----------
    function
        Takes an item and a flag ``careful``, which is True after ``cluster.tries`` workers have died with the item.
        After some more deaths the result is :class:`~icsys.engine.pool.Lost`.
    jobs
        Tasks worked on at once; as many as the cluster has slots if left out.
    look
        Called several times a second.

    Raises
    ------
    EngineError
        If the cluster is gone, or a task raises an unexpected error.
    """
    tasks = _pending(items)
    under_way: dict[Any, _Task[Item]] = {}
    again: deque[_Task[Item]] = deque()
    window, count_again = jobs or 0, 0.0
    try:
        while not stop.is_set():
            if jobs is None and time.monotonic() >= count_again:
                window = _AHEAD * max(1, cluster.slots)
                count_again = time.monotonic() + _COUNTED
            while len(under_way) < window and (task := again.popleft() if again else next(tasks, None)):
                under_way[cluster.submit(_packed, function, task.item, task.tries >= cluster.tries)] = task
            if not under_way:
                return
            for name in cluster.wait(under_way, LOOK):
                task = under_way.pop(name)
                try:
                    outcome = _outcome(cluster, name)
                except (LostTaskError, InUseError) as error:
                    task.tries += 1
                    if task.tries < cluster.tries + _TRIES_ALONE:
                        again.append(task)
                        continue
                    yield Lost(task.item, "crashed", str(error))
                else:
                    yield outcome
            look()
    finally:
        cluster.cancel(under_way)


def _outcome(cluster: Cluster, name: object) -> Any:  # noqa: ANN401 - the function may return anything
    """Return the result of a task that has ended."""
    try:
        return pickle.loads(cluster.result(name))  # noqa: S301 - from a worker that runs our code
    except ICSError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise EngineError(f"a worker cannot do its task ({why}): expected the same packages as here") from error


def _packed(function: Callable[[Item, bool], object], item: Item, careful: bool) -> bytes:
    """Return the pickled result: Dask would inspect each of the hundreds of objects in it."""
    return pickle.dumps(function(item, careful))


def _pending(items: Iterable[Item]) -> Generator[_Task[Item]]:
    return (_Task(item) for item in items)
