"""Work for worker processes that does what bad images do to a decoder."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from icsys.engine.batches import Done


def nothing(*_):
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


def work_batch(batch):
    """Do the deeds of a batch."""
    return Done([(work(item), os.getpid()) for item in batch], 0.0)


def start_helper(stopped):
    """Be prepared in a helper process; the deed "until stopped" waits for the stop of the run."""

    def do(batch):
        if batch[0][0] == "until stopped":
            while not stopped():
                time.sleep(0.01)
        sys.stdout.write("a decoder prints this\n")
        sys.stdout.flush()
        return work_batch(batch)

    return do


def start_after(_, stopped):
    """Be prepared, given something long."""
    return start_helper(stopped)


def start_badly(_):
    """Be unable to start."""
    raise ImportError("no such package")
