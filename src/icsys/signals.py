"""What Ctrl-C, a request to end or a closed terminal does to a run: the first ends it in order, a second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130

# SIGBREAK is Ctrl-Break on Windows; SIGHUP comes when a terminal is closed.
_CODES = {"SIGINT": INTERRUPTED, "SIGBREAK": INTERRUPTED, "SIGTERM": 143, "SIGHUP": 129}


class Signals:
    """Turns signals into ``stop``, which a run looks at, while it is entered.

    Attributes
    ----------
    stop
        Set by the first signal.
    code
        The exit code that the first signal asks for; None without one.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.code: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for name in _CODES:
                number = getattr(signal, name, None)
                if number is not None and not _outlives_terminal(name):
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        code = _CODES[name]
        if self.code is not None:
            if name == "SIGHUP":  # the shell sends one, and so does the system when the shell has ended
                return
            os._exit(code)  # threads and worker processes end with this one
        self.code = code
        self.stop.set()
        with contextlib.suppress(OSError):  # print is not for signal handlers
            os.write(2, b"\nics: stopping when the images under way are done; once more stops at once\n")


def _outlives_terminal(name: str) -> bool:
    """Tell whether a signal is that of a closed terminal and whoever started us, such as nohup, has it ignored."""
    return name == "SIGHUP" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def leave(code: int) -> NoReturn:
    """End the process, all of it at once, threads included: Python would wait for them, and take itself apart."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read it has gone, and what was to be told is told by the code
            stream.flush()
    os._exit(code)
