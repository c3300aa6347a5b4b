"""Who runs the work: every engine applies one function to all items, and they differ only in where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from icsys.engine.pool import Lost
from icsys.engine.threads import run_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ENGINE_TABLE", "Lost", "available_cores"]


def _run_processes(*arguments: Any, **settings: Any) -> Generator[Any]:  # noqa: ANN401 - those of run_processes
    """Load the worker processes when they are asked for: threads are the rule, and that is a tenth of the start."""
    from icsys.engine.processes import run_processes  # noqa: PLC0415

    return run_processes(*arguments, **settings)


ENGINE_TABLE: dict[str, Callable[..., Generator[Any]]] = {"threads": run_threads, "processes": _run_processes}
"""By name: (function, items, jobs, prepare, stop) to the outcomes, as they are done; processes take a timeout."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
