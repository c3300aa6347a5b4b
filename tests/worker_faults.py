"""Work for worker processes that does what bad images do to a decoder."""

import ctypes
import os
import signal
import time
from pathlib import Path


def nothing():
    """Prepare nothing."""


def die_at_once():
    """Be unable to start."""
    os._exit(9)


def work(item):  # noqa: C901 - a list of deeds
    """Do the deed of ``item`` = (deed, value), and return it with the process that did it."""
    deed, value = item
    if deed == "exit":
        os._exit(value)
    elif deed == "kill":
        os.kill(os.getpid(), value)
    elif deed == "segfault":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # pytest writes a trace of it otherwise
        ctypes.string_at(0)
    elif deed == "hang":
        time.sleep(3600)
    elif deed == "sleep":
        time.sleep(value)
    elif deed == "raise":
        raise ArithmeticError(value)
    elif deed in {"exit once", "hang once"}:
        try:
            Path(value).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            work((deed.removesuffix(" once"), 3))
    elif deed == "note":
        with Path(value).open("a", encoding="utf-8") as file:
            file.write(f"begin {os.getpid()} {time.monotonic()}\n")
            file.flush()
            time.sleep(0.3)
            file.write(f"end {os.getpid()} {time.monotonic()}\n")
        os._exit(3)
    return item
