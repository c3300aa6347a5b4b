"""A Ray cluster."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError, RayTaskError

from icsys.engine.cluster import LostTaskError
from icsys.errors import UsageError
from icsys.files.url import Url, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def open_ray(address: str | None, jobs: int) -> _Ray:
    """Join the cluster at ``address``, or start one on this machine that works on ``jobs`` tasks at once."""
    return _Ray(address, jobs)


class _Ray:
    """The cluster that this process has joined; see :class:`icsys.engine.cluster.Cluster`."""

    tries = 3

    def __init__(self, address: str | None, jobs: int) -> None:
        self._joined = ray.is_initialized()
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage statistics unless the user enables them
        where = {"address": "local", "num_cpus": jobs} if address is None else {"address": address}
        before = signal.getsignal(signal.SIGTERM)
        try:
            context = ray.init(
                **({} if self._joined else where),
                ignore_reinit_error=True,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, RayError, RuntimeError, ValueError) as error:
            words = Url(address or "").hide(str(error))
            raise UsageError(f"address={shown(address)!r}: no Ray cluster answers there ({words})") from None
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray has replaced the handler
        self._print_deaths(print_them=False)
        self.dashboard: str | None = context.dashboard_url or None
        self._remotes: dict[Any, Any] = {}

    @property
    def slots(self) -> int:
        return int(ray.cluster_resources().get("CPU", 0))

    def submit(self, function: Callable[..., object], *arguments: object) -> Any:  # noqa: ANN401 - a reference of Ray's
        if function not in self._remotes:
            # Ray's own retries are unbounded when memory is short.
            self._remotes[function] = ray.remote(num_cpus=1, max_retries=0)(function).options(name="ics")
        return self._remotes[function].remote(*arguments)

    def wait(self, tasks: Collection[Any], timeout: float) -> list[Any]:
        waiting = list(tasks)
        over, rest = ray.wait(waiting, num_returns=1, timeout=timeout, fetch_local=False)
        if over and rest:
            more, _ = ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)
            over += more
        return list(over)

    def result(self, task: Any) -> Any:  # noqa: ANN401 - the function may return anything
        try:
            return ray.get(task)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise LostTaskError(str(error).splitlines()[0]) from None

    def cancel(self, tasks: Collection[Any]) -> None:
        for task in tasks:
            ray.cancel(task)

    def close(self) -> None:
        if not self._joined:
            ray.shutdown()
        self._print_deaths(print_them=True)

    def _print_deaths(self, *, print_them: bool) -> None:
        """Switch Ray's messages about dead workers, which would mix with our report on standard output.

        Ray has no setting for it; this is the switch of its debugger. If it is missing, Ray prints.
        """
        if not self._joined:
            ray._private.worker._worker_logs_enabled = print_them  # noqa: SLF001
