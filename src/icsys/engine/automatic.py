"""The default engine: threads for large images, and helper processes beside them once images prove small.

Native code releases Python's lock, so threads share the work on large images well. On small ones they wait for one
another: the Python between the native calls is then a large part. A helper process has a lock of its own.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import repeat
from queue import LifoQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.engine.batches import Done
from icsys.engine.helper_process import THREADS, HelperEndedError, HelperProcess, can_start
from icsys.engine.pool import LOOK, Item, Lost, run_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

    from icsys.color.scratch import Slots

_SMALL = 0.01  # seconds of an image below which threads wait for one another
# A process takes a quarter of a second to start, on a core that threads would use: so much work, in seconds, has to be
# left; where that is unknown, the run has to have taken so long.
_LEAST_LEFT, _LEAST_TAKEN = 2.0, 0.5
_LEAST_DONE = 8  # items that tell the time of one: the first loads packages
# With more jobs than this, the thread that keeps the books has the run's own process for itself: computing beside it
# would take its lock.
_COMPUTING_HERE = 4
_TRIES = 2  # of an item, each in a process where nothing else runs


class Elsewhere(NamedTuple):
    """How a batch is done outside the threads of the run.

    Attributes
    ----------
    start
        As for :class:`HelperProcess`.
    left
        Returns how many items are left; None if that is unknown.
    slots
        The slots of this process, one for each job; those of other processes are taken away from them.
    crashed
        Called, in a thread, with a batch whose helper process has ended; it may have left temporary files.
    """

    start: Callable[[Callable[[], bool]], Callable[[Any], Any]]
    left: Callable[[], int | None]
    slots: Slots
    crashed: Callable[[list[Any]], object]


def run_automatic(
    function: Callable[[list[Item]], Done[Any]],
    items: Iterable[list[Item]],
    jobs: int,
    prepare: Callable[[], object],  # noqa: ARG001 - this process is prepared already
    stop: threading.Event,
    *,
    weigh: Callable[[list[Item]], int] = lambda _: 0,
    elsewhere: Elsewhere,
) -> Generator[Done[Any]]:
    """Apply ``function`` to batches, in threads of this process or in helper processes.

    Parameters
    ----------
    function
        Does a batch in this process; it computes while it holds one of the slots.
    jobs
        Batches computed at once, in this process and helper processes together.
    """
    threads = THREADS * jobs
    seating = _Seating(function, jobs, stop, elsewhere)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ics")
    try:
        with closing(run_pool(pool, seating.do, items, threads, stop, weigh=weigh)) as outcomes:
            for done in outcomes:
                yield done
                seating.note(done)
    finally:
        seating.end()


def are_worth_starting(seconds_each: float, left: int | None, taken: float) -> bool:
    """Return whether helper processes pay.

    Parameters
    ----------
    seconds_each
        Processor time of an image.
    left
        Images that are left; None if that is unknown.
    taken
        Seconds since the first image was begun.
    """
    if seconds_each > _SMALL:
        return False
    return taken > _LEAST_TAKEN if left is None else left * seconds_each > _LEAST_LEFT


def lock_is_held() -> bool:
    """Return whether the interpreter has a lock that threads wait for: all but free-threaded ones do."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


class _Seating:
    """Who does the batches: each thread takes a seat, here or in a helper process, for one batch."""

    def __init__(
        self, function: Callable[[Any], Done[Any]], jobs: int, stop: threading.Event, elsewhere: Elsewhere
    ) -> None:
        self._here, self._jobs, self._stop, self._elsewhere = function, jobs, stop, elsewhere
        # The seat that was left last is taken first, so helpers come before this process.
        self._seats: LifoQueue[HelperProcess | None] = LifoQueue()
        for seat in repeat(None, THREADS * jobs):
            self._seats.put(seat)
        self._to_remove = 0  # seats in this process
        self._changing = threading.Lock()
        self._helpers: list[HelperProcess] = []
        self._working: list[HelperProcess] = []
        self._redoing = threading.Lock()
        self._may_start = jobs > 1 and lock_is_held() and can_start()
        self._began, self._items = time.monotonic(), 0
        self._ended = threading.Event()

    def do(self, batch: list[Any]) -> Done[Any]:
        """Do a batch at a free seat."""
        seat = self._seats.get()
        try:
            if seat is not None and seat.has_ended:
                seat = self._replace(seat)
            if seat is None:
                return self._here(batch)
            try:
                done: Done[Any] = seat.do(batch)
            except HelperEndedError:
                seat = self._replace(seat)
                return self._redo(batch)
            return done
        finally:
            self._leave(seat)

    def _leave(self, seat: HelperProcess | None) -> None:
        with self._changing:
            if seat is None and self._to_remove:
                self._to_remove -= 1
                return
        self._seats.put(seat)

    def _replace(self, helper: HelperProcess) -> HelperProcess | None:
        """Have this process compute instead of a helper process that has ended; its seats come here one by one."""
        with self._changing:
            if helper in self._working:
                self._working.remove(helper)
                if len(self._working) < self._jobs - 1:  # the last slot was never taken away
                    self._elsewhere.slots.restore()
        return None

    def _redo(self, batch: list[Any]) -> Done[Any]:
        """Do a batch whose helper process has ended, one item after another: one of them may have crashed it."""
        results: list[Any] = []
        helper: HelperProcess | None = None
        tries = 0
        with self._redoing:  # the process may have been ended because memory ran out
            if not self._is_over():
                self._elsewhere.crashed(batch)
            try:
                while len(results) < len(batch) and not self._is_over():
                    helper = helper or self._new_helper()
                    helper.ready.result()
                    try:
                        results += helper.do([batch[len(results)]]).results
                    except HelperEndedError:
                        tries += 1
                        end, helper = helper.end(), None
                        if tries == _TRIES:
                            tries = 0
                            results.append(
                                Lost(batch[len(results)], "crashed", f"its process {end}, in {_TRIES} tries")
                            )
                    else:
                        tries = 0
            except (HelperEndedError, OSError, RuntimeError):  # processes cannot start
                rest = batch[len(results) :]
                results += [] if self._is_over() else self._here(rest).results
            finally:
                if helper is not None:
                    helper.end()
        return Done(results, 0, batch[len(results) :])

    def _is_over(self) -> bool:
        return self._ended.is_set() or self._stop.is_set()

    def _new_helper(self) -> HelperProcess:
        """Start a helper process that :meth:`end` ends."""
        with self._changing:
            if self._ended.is_set():
                raise HelperEndedError
            helper = HelperProcess(self._elsewhere.start)
            self._helpers.append(helper)
        return helper

    def note(self, done: Done[Any]) -> None:
        """Start helper processes once a batch shows that they are worth it."""
        self._items += len(done.results)
        each = done.seconds_each
        if not self._may_start or self._items < _LEAST_DONE or each is None:
            return
        if are_worth_starting(each, self._elsewhere.left(), time.monotonic() - self._began):
            self._may_start = False
            with suppress(RuntimeError):  # the system allows no further thread
                threading.Thread(target=self._start_helpers, daemon=True, name="ics-helpers").start()

    def _start_helpers(self) -> None:
        """Start helper processes, give each its seats when it is ready, and tell them when the run is stopped."""
        count = self._jobs - 1 if self._jobs <= _COMPUTING_HERE else self._jobs
        with suppress(OSError, RuntimeError, HelperEndedError):  # of memory, processes or threads there may be too few
            for _ in range(count):
                helper = self._new_helper()
                # A future keeps its callbacks: without weak references the files of a run would stay open after it.
                helper.ready.add_done_callback(partial(_admit, weakref.ref(self), weakref.ref(helper)))
        while not self._ended.wait(LOOK):
            if self._stop.is_set():
                for helper in self._helpers:
                    helper.stop()
                return

    def admit(self, helper: HelperProcess) -> None:
        """Move the seats of one job from this process to a helper process."""
        with self._changing:
            self._working.append(helper)
            is_last = len(self._working) == self._jobs
        if not is_last:  # the last slot stays for a batch that was begun here
            self._elsewhere.slots.withdraw()
        with self._changing:
            self._to_remove += THREADS
        for _ in range(THREADS):
            self._seats.put(helper)

    def end(self) -> None:
        """End the helper processes."""
        self._ended.set()
        with self._changing:
            for helper in self._helpers:
                helper.end()


def _admit(seating_of: weakref.ref[_Seating], helper_of: weakref.ref[HelperProcess], ready: Future[Any]) -> None:
    """Let a helper process have its seats, once it is ready."""
    seating, helper = seating_of(), helper_of()
    if seating is not None and helper is not None and ready.exception() is None:
        seating.admit(helper)
