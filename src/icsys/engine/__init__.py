"""The engines: each applies one function to all items, in threads, in processes or on a cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from icsys.engine.pool import Lost
from icsys.engine.threads import run_threads
from icsys.errors import UsageError
from icsys.options import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ENGINES", "Lost", "available_cores", "choose_engine"]


def _run_processes(*arguments: Any, **settings: Any) -> Generator[Any]:  # noqa: ANN401 - the arguments of run_processes
    """Import the engine of processes on first use: threads are the default, and start-up is a tenth faster."""
    from icsys.engine.processes import run_processes  # noqa: PLC0415

    return run_processes(*arguments, **settings)


ENGINE_TABLE: dict[str, Callable[..., Generator[Any]]] = {"threads": run_threads, "processes": _run_processes}
"""Engines by name: a function of (function, items, jobs, prepare, stop) that yields results as they are done.

Processes also take a timeout, threads a function that weighs items."""


def choose_engine(engine: str | None, *, isolate: bool = False, timeout: float | None = None) -> str:
    """Return the name of the engine to run: the given one, or processes if a setting needs them, or else threads.

    Raises
    ------
    UsageError
        If ``isolate`` or ``timeout`` are used with an engine that does not support them.
    """
    asked = "isolate" if isolate else "timeout" if timeout is not None else None
    if engine in CLUSTERS and isolate:
        raise UsageError(
            f"isolate with engine={engine!r}: a cluster isolates images that end their worker anyway, "
            "so expected only one of them"
        )
    if engine == "threads" and asked:
        raise UsageError(f"{asked} with engine='threads': a thread cannot be ended, so expected engine='processes'")
    return engine or ("processes" if asked else "threads")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
