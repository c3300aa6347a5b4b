"""What Ctrl-C, a request to end or a closed terminal does to a run: the first ends it in order, a second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, Self

from icsys.engine.pool import STOPPING

if TYPE_CHECKING:
    from types import FrameType

EXIT_INTERRUPTED = 130

# What Windows has not is equal to no signal.
_CLOSED, _BREAK = getattr(signal, "SIGHUP", None), getattr(signal, "SIGBREAK", None)


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
            for number in STOPPING:
                # Whoever started us, such as nohup, may want us to outlive the terminal.
                if number != _CLOSED or signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        code = EXIT_INTERRUPTED if number == _BREAK else 128 + number
        if self.code is not None:
            if number == _CLOSED:  # the shell sends one, and so does the system when the shell has ended
                return
            os._exit(code)  # threads and worker processes end with this one
        self.code = code
        self.stop.set()
        with contextlib.suppress(OSError):  # print is not for signal handlers
            os.write(2, b"\nics: stopping when the images under way are done; once more stops at once\n")


def leave(code: int) -> NoReturn:
    """End the process, all of it at once, threads included: Python would wait for them, and take itself apart."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # whoever read it has gone, and what was to be told is told by the code
            stream.flush()
    os._exit(code)
