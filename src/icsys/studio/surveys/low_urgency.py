"""Threads that give way to what the user waits for."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NICE = 10


def low_urgency_thread(name: str, work: Callable[[], object]) -> threading.Thread:
    """Return a thread of low urgency, as are the threads that its work begins; it is not started yet."""

    def do() -> None:
        lower_urgency()
        work()

    return threading.Thread(target=do, name=name, daemon=True)


def lower_urgency() -> None:
    """Have the calling thread give way to others of the machine."""
    if sys.platform == "linux":  # where each thread has an urgency of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
