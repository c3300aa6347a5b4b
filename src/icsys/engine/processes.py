"""Worker processes: one that crashes or hangs is replaced, and takes no image with it but its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic

from threadpoolctl import threadpool_limits

from icsys.engine import pool
from icsys.engine.pool import STOPPING, Item, Lost, Returned
from icsys.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from multiprocessing.connection import Connection

_TRIES = 2
_STARTS = 3  # that fail one after the other, before the run is given up
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
    crash it is tried while nothing else runs, so that what died for want of memory has all there is. Closing the
    iterator, or ``stop`` once it is set, starts nothing more and waits no longer than ``GRACE`` for what is under way.

    Function, items and outcomes must be picklable.

    Raises
    ------
    EngineError
        If worker processes die before they can work.
    """
    crew = _Crew(_Tasks(iter(items)), jobs, partial(_Worker, function, prepare, timeout))
    end: float | None = None
    try:
        while not stop.is_set() and crew.hand_out():
            for worker in crew.with_news():
                yield from crew.hear(worker)
        end = time.monotonic() + pool.GRACE
        while crew.busy and time.monotonic() < end:
            for worker in crew.with_news():
                yield from crew.hear(worker)
    finally:
        crew.stop(end)


class _Crew(Generic[Item]):
    """The workers of a run, who get tasks and are replaced when they die."""

    def __init__(self, tasks: _Tasks[Item], jobs: int, hire: Callable[[], _Worker[Item]]) -> None:
        self._tasks = tasks
        self._jobs = jobs
        self._hire = hire
        self._workers: list[_Worker[Item]] = []
        self._failed_starts = 0

    def hand_out(self) -> bool:
        """Give tasks to those who have none, and tell whether any is under way."""
        for worker in self._workers:
            if worker.task is None and not worker.late and (task := self._tasks.next()):
                worker.give(task)
        while len(self._workers) < self._jobs and (task := self._tasks.next()):
            self._workers.append(self._hire())
            self._workers[-1].give(task)
        return self.busy

    @property
    def busy(self) -> bool:
        """Whether any task is under way."""
        return bool(self._tasks.under_way)

    def with_news(self) -> list[_Worker[Item]]:
        """Wait a moment for workers that say something or die, and kill those that take too long."""
        for worker in self._workers:
            worker.check_clock()
        next_end = min((worker.deadline for worker in self._workers if worker.deadline), default=inf)
        patience = max(0.0, min(pool.LOOK, next_end - time.monotonic()))
        heard = wait([worker.pipe for worker in self._workers], patience)
        return [worker for worker in self._workers if worker.pipe in heard]

    def hear(self, worker: _Worker[Item]) -> Iterator[Any]:
        """Take in what a worker says; yield the outcome if that is one."""
        news = worker.receive()
        if news is None:
            yield from self._replace(worker)
        elif news[0] == _READY:
            worker.start()
        else:
            self._tasks.under_way.remove(worker.rest())
            if news[0] == _RAISED:
                raise news[1]
            yield news[1]

    def _replace(self, worker: _Worker[Item]) -> Iterator[Lost[Item]]:
        """Take back the task of a dead worker; another is hired when there is something to do."""
        self._workers.remove(worker)
        self._failed_starts = 0 if worker.ready else self._failed_starts + 1
        if self._failed_starts == _STARTS:
            raise EngineError(
                f"{_STARTS} worker processes could not start, the last {worker.end()}: run with --engine threads; a "
                "program that calls compress_folder does so below if __name__ == '__main__'"
            )
        lost = self._tasks.take_back(worker)
        if lost:
            yield lost

    def stop(self, end: float | None) -> None:
        """End the processes: at once what rests, and by force what goes on at ``end``, or after a while without one."""
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
    """The tasks that are still to be given out, and those that are under way."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._again: deque[_Task[Item]] = deque()
        self.under_way: list[_Task[Item]] = []

    def next(self) -> _Task[Item] | None:
        """Return the next task that may start now; None while there is none."""
        if any(task.alone for task in self.under_way):
            return None
        if self._again:
            if self._again[0].alone and self.under_way:
                return None
            task = self._again.popleft()
        else:
            try:
                task = _Task(next(self._items))
            except StopIteration:
                return None
        self.under_way.append(task)
        return task

    def take_back(self, worker: _Worker[Item]) -> Lost[Item] | None:
        """Take the task of a dead worker, to be tried again or, after its last try, given up."""
        task = worker.task
        if task is None:
            return None
        self.under_way.remove(task)
        task.tries += worker.ready
        if task.tries == _TRIES:
            if worker.late:
                return Lost(task.item, "timeout", f"not done in {worker.timeout:g} seconds, in {_TRIES} tries")
            return Lost(task.item, "crashed", f"its process {worker.end()}, in {_TRIES} tries")
        task.alone = worker.ready and not worker.late
        self._again.append(task)
        return None


class _Worker(Generic[Item]):
    """A process that works on one task at a time; ``ready`` once it has begun, ``late`` once it was killed for it."""

    def __init__(
        self, function: Callable[[Item], object], prepare: Callable[[], object], timeout: float | None
    ) -> None:
        # Fork would copy the locks of running threads as they happen to stand.
        context = multiprocessing.get_context("spawn")
        self.timeout = timeout
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, function, prepare), name="ics", daemon=True)
        with _deaf():
            self.process.start()
        theirs.close()  # theirs is the only one now, so that their end is the end of the pipe
        self.task: _Task[Item] | None = None
        self.deadline: float | None = None
        self.ready = self.late = False

    def give(self, task: _Task[Item]) -> None:
        """Hand over a task."""
        self.task = task
        self._start_clock()
        with suppress(OSError):  # a process that has died is found out by what it no longer says
            self.pipe.send(task.item)

    def start(self) -> None:
        """Note that the process has begun to work."""
        self.ready = True
        self._start_clock()

    def _start_clock(self) -> None:
        self.deadline = time.monotonic() + self.timeout if self.timeout and self.ready else None

    def rest(self) -> _Task[Item]:
        """Return the task that is done."""
        task, self.task, self.deadline = self.task, None, None
        assert task is not None  # noqa: S101 - a worker that has an outcome had a task
        return task

    def receive(self) -> tuple[int, Any] | None:
        """Return what the process says; None if it is dead."""
        try:
            news: tuple[int, Any] = self.pipe.recv()
        except (EOFError, OSError):
            self.pipe.close()
            self.process.join()
            return None
        return news

    def check_clock(self) -> None:
        """Kill the process if it has had its time."""
        if self.deadline and time.monotonic() >= self.deadline:
            self.late, self.deadline = True, None
            self.process.kill()

    def end(self) -> str:
        """Say how the process ended."""
        code = self.process.exitcode or 0
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


@contextmanager
def _deaf() -> Iterator[None]:
    """Have processes that are started meanwhile begin with signals blocked, where the system can do that.

    Ctrl-C reaches every process of a terminal, those too that are not as far as to say that it is none of their
    business.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # Python unblocks signals when it starts this process, which it does once
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, function: Callable[[Any], object], prepare: Callable[[], object]) -> None:
    """Do what comes through the pipe, until None does or the other end is gone."""
    # A signal may reach every process of a terminal; the one that counts is the one that started them.
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    threadpool_limits(1, user_api="blas")
    with suppress(EOFError, OSError):
        pipe.send((_READY, None))
        while (item := pipe.recv()) is not None:
            try:
                news = (_DONE, function(item))
            except Exception as error:  # noqa: BLE001 - it is raised where the outcome is awaited
                news = (_RAISED, error)
            pipe.send(news)


def _end_with_parent() -> None:
    """End this process with the one that started it, even in the middle of an image that never ends."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
