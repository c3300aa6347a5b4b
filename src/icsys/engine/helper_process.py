"""A helper process: does batches for a run, in an interpreter and with a lock of its own.

It is started as a program of its own, so a script that runs ICS needs no ``if __name__ == "__main__"``. Messages are
pickles over its standard streams. It ends with the run's process, even in the middle of an image.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.engine.signals import STOPPING, how_it_ended, signals_blocked

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 2
"""Threads of a helper process: one reads and writes while the other computes."""

# The path is the run's: a program may have found ICS in a folder that it has added itself. The working folder is not on
# it before (-P), or a file json.py there would be run. Names of files are encoded as in the run.
_FLAGS = ("-P", "-X", f"utf8={sys.flags.utf8_mode}", *(("-I",) if sys.flags.isolated else ()))
_PROGRAM = """import gc, json, sys
gc.disable()
sys.path[:] = json.loads(sys.argv[1])
from icsys.engine.helper_process import serve
serve()"""
_STOP = "stop"
_PATIENCE = 1.0  # seconds for the thread that receives replies; it may wait for a slot


class HelperEndedError(Exception):
    """The helper process has ended before it gave a result."""


def can_start() -> bool:
    """Return whether this program knows a Python interpreter to start."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


class HelperProcess:
    """The run's end of a helper process. Several threads may call :meth:`do` at the same time.

    Parameters
    ----------
    start
        Called in the process with a function that returns whether the run is being stopped; returns the function that
        does a batch. It can be pickled, and so can batches and results.
    """

    def __init__(self, start: Callable[[Callable[[], bool]], Callable[[Any], Any]]) -> None:
        places: list[object] = list(sys.path)  # Python passes over all but texts, too
        path = [os.path.abspath(place) for place in places if isinstance(place, str)]  # noqa: PTH100 - "" is a folder
        with signals_blocked():
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, *_FLAGS, "-c", _PROGRAM, json.dumps(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self._sending = threading.Lock()
        self._numbers = 0
        self._awaited: dict[int, Future[Any]] = {}
        self.has_ended = False
        """Whether the process is known to have ended."""
        ready: Future[Any] = Future()
        self._awaited[0] = ready
        self.ready = ready
        """Is done once the process can take batches; has :class:`HelperEndedError` if it ends before."""
        self._receiver = threading.Thread(target=self._receive, args=(start,), daemon=True, name="ics-replies")
        try:
            self._receiver.start()
        except RuntimeError:  # the system allows no further thread
            self._process.kill()
            self._process.communicate()
            raise

    def do(self, batch: object) -> Any:  # noqa: ANN401 - what the function returns
        """Have a batch done, and return what the function returns for it.

        Raises
        ------
        HelperEndedError
            If the process has ended.
        """
        future: Future[Any] = Future()
        with self._sending:
            self._numbers += 1
            number = self._numbers
            self._awaited[number] = future
        if self.has_ended:
            raise HelperEndedError
        try:
            self._send((number, batch))
        except OSError:
            raise HelperEndedError from None
        return future.result()

    def stop(self) -> None:
        """Tell it that the run is being stopped."""
        with suppress(OSError, ValueError):
            self._send(_STOP)

    def end(self) -> str:
        """End the process at once, wait for its end, and describe how it ended."""
        self._process.kill()  # unless it has ended already
        code = self._process.wait()
        self._receiver.join(_PATIENCE)
        with suppress(OSError):
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            self._process.stdin.close()
        return how_it_ended(code)

    def _send(self, message: object) -> None:
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._sending:
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def _receive(self, start: object) -> None:
        """Send what starts the process; give each reply to the thread that waits for it, until the process ends."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with suppress(OSError, ValueError):  # a process that has ended is noticed when its replies end
            # Here, because it may be long, and no thread of the run waits for this one.
            self._send(start)
        del start
        # Whatever is wrong with a reply, none can be read after it.
        with self._process.stdout as replies, suppress(Exception):
            while True:
                number, value, error = pickle.load(replies)  # noqa: S301 - from our own process
                future = self._awaited.pop(number)
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)
        self.has_ended = True
        for number in list(self._awaited):
            self._awaited.pop(number).set_exception(HelperEndedError())


def serve() -> None:
    """Be a helper process: do batches from standard input until it ends."""
    for number in STOPPING:  # a signal may reach every process of a terminal; only the run handles it
        signal.signal(number, signal.SIG_IGN)
    messages, replies = _own_streams()
    sending, stopped = threading.Lock(), threading.Event()
    function: Callable[[Any], Any]

    def reply(data: bytes) -> None:
        with sending, suppress(OSError):  # the run has ended
            replies.write(data)
            replies.flush()

    def answer(number: int, batch: object) -> None:
        try:
            data = pickle.dumps((number, function(batch), None), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - it is raised again in the run
            data = _pickled_error(number, error)
        reply(data)

    with suppress(Exception):  # the run works without helpers, and does what they leave
        function = pickle.load(messages)(stopped.is_set)  # noqa: S301 - from the run
        gc.freeze()  # nothing of what was loaded is ever garbage
        gc.enable()
        reply(pickle.dumps((0, None, None)))
        pool = ThreadPoolExecutor(THREADS)
        while True:
            message = pickle.load(messages)  # noqa: S301 - from the run
            if message == _STOP:
                stopped.set()
            else:
                pool.submit(answer, *message)
    os._exit(1)  # even in the middle of an image: the run has ended, so nothing may be written any more


def _pickled_error(number: int, error: Exception) -> bytes:
    """Return the reply with an error, or with its text if it cannot be pickled."""
    try:
        return pickle.dumps((number, None, error), pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - any attribute of it may refuse
        return pickle.dumps((number, None, RuntimeError(f"{type(error).__name__}: {error}")))


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take the standard streams for messages; what else prints to them goes to standard error."""
    messages, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return messages, replies
