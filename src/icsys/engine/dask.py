"""Dask's scheduler (the package distributed) as a cluster."""

from __future__ import annotations

import logging
import queue
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from distributed import Client, KilledWorker, LocalCluster

from icsys.engine.cluster import LostTaskError
from icsys.errors import EngineError, UsageError
from icsys.files.url import Url, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_PATIENCE = 5.0  # seconds for leaving the cluster
_LOST = "cancelled", "lost"
# Ctrl-C reaches every process of a terminal; only this one handles it.
_IGNORE_INTERRUPT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
_GONE = "the Dask scheduler is gone: start the same run again to resume it"


def open_dask(address: str | None, jobs: int) -> _Dask:
    """Join the scheduler at ``address``, or start one with ``jobs`` workers of one thread."""
    if address is None:
        page = ":0" if find_spec("bokeh") else None  # without that package the dashboard is empty
        return _Dask(
            LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                dashboard_address=page,
                silence_logs=logging.CRITICAL,
                preload=_IGNORE_INTERRUPT,
            )
        )
    return _Dask(None, address)


class _Dask:
    """A Dask scheduler and our client; see :class:`icsys.engine.cluster.Cluster`."""

    tries = 1  # the scheduler itself moves a task to other workers, until several have died with it

    def __init__(self, own: Any, address: str | None = None) -> None:  # noqa: ANN401 - a package without types
        self._own = own
        # ICS reports lost tasks itself, once they are given up.
        self._logger = logging.getLogger("distributed.client")
        self._level = self._logger.level
        self._logger.setLevel(logging.CRITICAL)
        try:
            self._client = Client(address or own, set_as_default=False)
        except (OSError, ValueError) as error:
            words = Url(address or "").hide(str(error))
            raise UsageError(f"address={shown(address)!r}: no Dask scheduler answers there ({words})") from None
        services = self._client.scheduler_info().get("services", {})
        page = "dashboard" in services and (own is None or find_spec("bokeh"))
        self.dashboard: str | None = self._client.dashboard_link if page else None
        self._over: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._futures: dict[str, Any] = {}

    @property
    def slots(self) -> int:
        return sum(self._request(self._client.nthreads).values())

    def submit(self, function: Callable[..., object], *arguments: object) -> str:
        future = self._request(self._client.submit, function, *arguments, pure=False)
        self._futures[future.key] = future
        future.add_done_callback(lambda over: self._over.put(over.key))
        return str(future.key)

    def wait(self, _: Collection[str], timeout: float) -> list[str]:
        over = []
        try:
            over.append(self._over.get(timeout=timeout))
            while True:
                over.append(self._over.get_nowait())
        except queue.Empty:
            return over

    def result(self, task: str) -> Any:  # noqa: ANN401 - the function may return anything
        future = self._futures.pop(task)
        if future.status in _LOST:
            self._request(self._client.nthreads)
            raise LostTaskError("it was cancelled")
        try:
            return future.result()
        except KilledWorker as error:
            raise LostTaskError(str(error).partition(". ")[0]) from None

    def cancel(self, tasks: Collection[str]) -> None:
        futures = [self._futures.pop(task) for task in tasks if task in self._futures]
        if futures and self._client.status == "running":
            self._client.cancel(futures)

    def close(self) -> None:
        for side in (self._client, self._own):
            if side is not None:
                with suppress(OSError):  # and TimeoutError: the results are safe
                    side.close(timeout=_PATIENCE)
        self._logger.setLevel(self._level)

    def _request(self, question: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:  # noqa: ANN401 - as above
        """Call the scheduler, and raise EngineError if it is gone."""
        if self._client.status not in {"running", "connecting"}:
            raise EngineError(_GONE)
        try:
            return question(*arguments, **settings)
        except OSError as error:  # of a connection
            raise EngineError(f"{_GONE} ({error})") from error
