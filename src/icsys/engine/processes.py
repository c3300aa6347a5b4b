"""Worker processes: one that crashes or hangs is replaced, and only its own image is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic

from threadpoolctl import threadpool_limits

from icsys.engine import pool
from icsys.engine.pool import Item, Lost, Returned
from icsys.engine.signals import STOPPING, how_it_ended, signals_blocked
from icsys.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from multiprocessing.connection import Connection

_TRIES = 2
_STARTS = 3  # failed starts in a row that end the run
_READY, _DONE, _RAISED = range(3)


def run_processes(
    function: Callable[[Item], Returned],
    items: Iterable[Item],
    jobs: int,
    prepare: Callable[[], object],
    stop: threading.Event,
    *,
    timeout: float | None = None,
) -> Generator[Returned | Lost[Item]]:
    """Apply ``function`` to every item in ``jobs`` processes, after ``prepare`` in each of them.

    A process works on one item at a time. When it dies, or is killed because the item took more than ``timeout``
    seconds, another process takes its place and the item is tried once more; after that it is :class:`Lost`. After a
    crash the item is tried while nothing else runs, in case it ran out of memory. Closing the iterator, or setting
    ``stop``, starts no more items and waits for the running ones for at most ``GRACE`` seconds.

    Function, items and results must be picklable.

    Raises
    ------
    EngineError
        If worker processes die before they can work.
    """
    workers = _WorkerPool(_Tasks(iter(items)), jobs, partial(_Worker, function, prepare, timeout))
    end: float | None = None
    try:
        while not stop.is_set() and workers.assign():
            for worker in workers.wait_for_messages():
                yield from workers.handle(worker)
        end = time.monotonic() + pool.GRACE
        while workers.busy and time.monotonic() < end:
            for worker in workers.wait_for_messages():
                yield from workers.handle(worker)
    finally:
        workers.stop(end)


class _WorkerPool(Generic[Item]):
    """The worker processes of a run: they are given tasks, and replaced when they die."""

    def __init__(self, tasks: _Tasks[Item], jobs: int, start_worker: Callable[[], _Worker[Item]]) -> None:
        self._tasks = tasks
        self._jobs = jobs
        self._start_worker = start_worker
        self._workers: list[_Worker[Item]] = []
        self._failed_starts = 0

    def assign(self) -> bool:
        """Give tasks to idle workers, and return whether any task is running."""
        for worker in self._workers:
            if worker.task is None and not worker.timed_out and (task := self._tasks.next()):
                worker.give(task)
        while len(self._workers) < self._jobs and (task := self._tasks.next()):
            self._workers.append(self._start_worker())
            self._workers[-1].give(task)
        return self.busy

    @property
    def busy(self) -> bool:
        """Whether any task is running."""
        return bool(self._tasks.running)

    def wait_for_messages(self) -> list[_Worker[Item]]:
        """Wait a moment; return the workers that have sent a message or died. Kill workers that take too long."""
        for worker in self._workers:
            worker.check_clock()
        next_end = min((worker.deadline for worker in self._workers if worker.deadline), default=inf)
        timeout = max(0.0, min(pool.LOOK, next_end - time.monotonic()))
        readable = wait([worker.pipe for worker in self._workers], timeout)
        return [worker for worker in self._workers if worker.pipe in readable]

    def handle(self, worker: _Worker[Item]) -> Iterator[Any]:
        """Handle a worker's message or death; yield the result if there is one."""
        message = worker.receive()
        if message is None:
            yield from self._replace(worker)
        elif message[0] == _READY:
            worker.start()
        else:
            self._tasks.running.remove(worker.finish())
            if message[0] == _RAISED:
                raise message[1]
            yield message[1]

    def _replace(self, worker: _Worker[Item]) -> Iterator[Lost[Item]]:
        """Remove a dead worker and take back its task; another worker starts when there is a task."""
        self._workers.remove(worker)
        self._failed_starts = 0 if worker.ready else self._failed_starts + 1
        if self._failed_starts == _STARTS:
            raise EngineError(
                f"{_STARTS} worker processes could not start, the last {worker.end()}: use --engine threads; in "
                "a program, call compress_folder below if __name__ == '__main__'"
            )
        lost = self._tasks.take_back(worker)
        if lost:
            yield lost

    def stop(self, end: float | None) -> None:
        """End the processes: idle ones at once, busy ones by force at ``end``, by default after ``GRACE`` seconds."""
        for worker in self._workers:
            with suppress(OSError):
                worker.pipe.send(None)
        end = time.monotonic() + pool.GRACE if end is None else end
        for worker in self._workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()


@dataclass(eq=False)
class _Task(Generic[Item]):
    """An item, and how often it has been tried."""

    item: Item
    tries: int = 0
    alone: bool = False


class _Tasks(Generic[Item]):
    """The waiting tasks and the running ones."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._again: deque[_Task[Item]] = deque()
        self.running: list[_Task[Item]] = []

    def next(self) -> _Task[Item] | None:
        """Return the next task that may start now; None while there is none."""
        if any(task.alone for task in self.running):
            return None
        if self._again:
            if self._again[0].alone and self.running:
                return None
            task = self._again.popleft()
        else:
            try:
                task = _Task(next(self._items))
            except StopIteration:
                return None
        self.running.append(task)
        return task

    def take_back(self, worker: _Worker[Item]) -> Lost[Item] | None:
        """Take back the task of a dead worker: to be tried again, or Lost after its last try."""
        task = worker.task
        if task is None:
            return None
        self.running.remove(task)
        task.tries += worker.ready
        if task.tries == _TRIES:
            if worker.timed_out:
                return Lost(task.item, "timeout", f"not done in {worker.timeout:g} seconds, in {_TRIES} tries")
            return Lost(task.item, "crashed", f"its process {worker.end()}, in {_TRIES} tries")
        task.alone = worker.ready and not worker.timed_out
        self._again.append(task)
        return None


class _Worker(Generic[Item]):
    """A process that works on one task at a time: ``ready`` once it runs, ``timed_out`` once it was killed for it."""

    def __init__(
        self, function: Callable[[Item], object], prepare: Callable[[], object], timeout: float | None
    ) -> None:
        # Fork would copy the locks of running threads in their current state.
        context = multiprocessing.get_context("spawn")
        self.timeout = timeout
        self.pipe, child_end = context.Pipe()
        self.process = context.Process(target=_work, args=(child_end, function, prepare), name="ics", daemon=True)
        resource_tracker.ensure_running()  # its start, which happens once, unblocks signals
        with signals_blocked():
            self.process.start()
        child_end.close()  # only the child holds it now, so the pipe closes when the child ends
        self.task: _Task[Item] | None = None
        self.deadline: float | None = None
        self.ready = self.timed_out = False

    def give(self, task: _Task[Item]) -> None:
        """Hand over a task."""
        self.task = task
        self._start_clock()
        with suppress(OSError):  # a dead process is noticed when its pipe is read
            self.pipe.send(task.item)

    def start(self) -> None:
        """Note that the process is ready."""
        self.ready = True
        self._start_clock()

    def _start_clock(self) -> None:
        self.deadline = time.monotonic() + self.timeout if self.timeout and self.ready else None

    def finish(self) -> _Task[Item]:
        """Return the finished task, and become idle."""
        task, self.task, self.deadline = self.task, None, None
        assert task is not None  # noqa: S101 - a worker with a result had a task
        return task

    def receive(self) -> tuple[int, Any] | None:
        """Return the process's message; None if it is dead."""
        try:
            message: tuple[int, Any] = self.pipe.recv()
        except (EOFError, OSError):
            self.pipe.close()
            self.process.join()
            return None
        return message

    def check_clock(self) -> None:
        """Kill the process if its time is over."""
        if self.deadline and time.monotonic() >= self.deadline:
            self.timed_out, self.deadline = True, None
            self.process.kill()

    def end(self) -> str:
        """Describe how the process ended."""
        return how_it_ended(self.process.exitcode or 0)


def _work(pipe: Connection, function: Callable[[Any], object], prepare: Callable[[], object]) -> None:
    """Run in the worker: process items from the pipe until None comes or the other end is closed."""
    # A signal may reach every process of a terminal; only the parent handles it.
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    threadpool_limits(1, user_api="blas")
    with suppress(EOFError, OSError):
        pipe.send((_READY, None))
        while (item := pipe.recv()) is not None:
            try:
                message = (_DONE, function(item))
            except Exception as error:  # noqa: BLE001 - it is raised again in the parent
                message = (_RAISED, error)
            pipe.send(message)


def _end_with_parent() -> None:
    """End this process when its parent ends, even in the middle of an image."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
