"""The engines: each applies one function to all items, in threads, in processes or on a cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from icsys.engine.automatic import run_automatic
from icsys.engine.pool import Lost
from icsys.engine.threads import run_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ENGINE_TABLE", "Lost", "available_cores"]


def _run_processes(*arguments: Any, **settings: Any) -> Generator[Any]:  # noqa: ANN401 - the arguments of run_processes
    """Import the engine of processes on first use: few runs need it, and start-up is a tenth faster."""
    from icsys.engine.processes import run_processes  # noqa: PLC0415

    return run_processes(*arguments, **settings)


ENGINE_TABLE: dict[str, Callable[..., Generator[Any]]] = {
    "auto": run_automatic,
    "threads": run_threads,
    "processes": _run_processes,
}
"""Engines by name: a function of (function, items, jobs, prepare, stop) that yields results as they are done.

Processes also take a timeout, the others a function that weighs items; the automatic engine takes what it needs for
helper processes."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
