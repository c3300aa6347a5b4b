"""Decoding alone by Pillow, in one process and in several, timed without their start-up."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pillow_pool import decode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path


def decode_seconds(paths: Sequence[Path], target: str, processes: int) -> float:
    """Return the seconds in which so many processes decode all photos, each its part of them.

    The clock starts when every process has its list and has decoded a photo; it ends when the last one is done.

    Raises
    ------
    EOFError
        If a process has ended early.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pipes, started = [], []
        for part in range(processes):
            here, there = context.Pipe()
            pipes.append(stack.enter_context(here))
            started.append(context.Process(target=_decode_when_told, args=(there, paths[part::processes], target)))
            started[-1].start()
            there.close()  # only the process holds it now, so that its death is the end of the pipe
        for pipe in pipes:
            pipe.recv()
        start = time.perf_counter()
        for pipe in pipes:
            pipe.send(None)
        for pipe in pipes:
            pipe.recv()
        seconds = time.perf_counter() - start
    for process in started:
        process.join()
    return seconds


def _decode_when_told(pipe: Connection, paths: Sequence[Path], target: str) -> None:
    """Tell the parent that this process is ready, wait for its word, decode, and tell it the end."""
    for path in paths[:1]:
        decode(path, target)
    pipe.send(None)
    pipe.recv()
    for path in paths:
        decode(path, target)
    pipe.send(None)
