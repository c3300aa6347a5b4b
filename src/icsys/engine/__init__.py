"""Who runs the work: every engine applies one function to all items, and they differ only in where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from icsys.engine.processes import run_processes
from icsys.engine.threads import run_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ENGINES: dict[str, Callable[..., Generator[Any]]] = {"threads": run_threads, "processes": run_processes}
"""By name: (function, items, jobs, prepare, stop) to the outcomes, as they are done."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
