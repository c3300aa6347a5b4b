"""Who runs the work: every engine applies one function to all items, and they differ only in where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from icsys.engine.pool import Lost
from icsys.engine.threads import run_threads
from icsys.errors import UsageError
from icsys.run_settings import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ENGINES", "Lost", "available_cores", "choose_engine"]


def _run_processes(*arguments: Any, **settings: Any) -> Generator[Any]:  # noqa: ANN401 - those of run_processes
    """Load the worker processes when they are asked for: threads are the rule, and that is a tenth of the start."""
    from icsys.engine.processes import run_processes  # noqa: PLC0415

    return run_processes(*arguments, **settings)


ENGINE_TABLE: dict[str, Callable[..., Generator[Any]]] = {"threads": run_threads, "processes": _run_processes}
"""By name: (function, items, jobs, prepare, stop) to the outcomes, as they are done; processes take a timeout."""


def choose_engine(engine: str | None, *, isolate: bool = False, timeout: float | None = None) -> str:
    """Return the name of the engine to run with: threads where none is named and nothing asks for processes.

    Raises
    ------
    UsageError
        If threads are named together with what only processes can do.
    """
    asked = "isolate" if isolate else "timeout" if timeout is not None else None
    if engine in CLUSTERS and isolate:
        raise UsageError(
            f"isolate with engine={engine!r}: an image that ends its worker is tried apart there anyway, "
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
