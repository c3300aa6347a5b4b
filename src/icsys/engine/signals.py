"""Signals that stop a run, and how processes that a run starts are kept from them."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
"""Signals that stop a run: SIGHUP comes when a terminal is closed, SIGBREAK is Ctrl-Break on Windows."""


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block signals in processes that are started in this context, where the system supports it.

    Ctrl-C reaches every process of a terminal, also one that has not yet set its handlers.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def how_it_ended(code: int) -> str:
    """Describe how a process ended, given its exit code, which is the negative number of a signal that ended it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}" + (", perhaps out of memory" if name == "SIGKILL" else "")
