"""Signals: the first Ctrl-C, SIGTERM or closed terminal ends a run in order, the second one at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, Self

from icsys.engine.signals import STOPPING

if TYPE_CHECKING:
    from types import FrameType

EXIT_INTERRUPTED = 130

# None where the system has no such signal; it then equals no signal number.
_CLOSED, _BREAK = getattr(signal, "SIGHUP", None), getattr(signal, "SIGBREAK", None)


class Signals:
    """Context in which a signal sets ``stop``, an event that the run checks.

    Attributes
    ----------
    stop
        Set by the first signal.
    code
        The exit code for the first signal; None without a signal.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.code: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python delivers signals to the main thread only
            for number in STOPPING:
                # A parent process such as nohup may have disabled the signal of a closed terminal.
                if number != _CLOSED or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        code = EXIT_INTERRUPTED if number == _BREAK else 128 + number
        if self.code is not None:
            if number == _CLOSED:  # sent twice: by the shell, and by the system when the shell ends
                return
            os._exit(code)  # ends threads and worker processes too
        self.code = code
        self.stop.set()
        with contextlib.suppress(OSError):  # print is unsafe in a signal handler
            os.write(2, b"\nics: stopping after the current images; press Ctrl-C again to stop at once\n")


def leave(code: int) -> NoReturn:
    """End the process at once, threads included, without Python's slow clean-up."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it takes nothing any more
        with contextlib.suppress(OSError):  # the reader has closed it; the exit code still reaches the caller
            stream.flush()
    os._exit(code)
