"""The automatic engine: threads, helper processes beside them once items prove small, and the same results."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

import worker_faults
from icsys.color.scratch import Slots
from icsys.engine import automatic
from icsys.engine.automatic import Elsewhere, are_worth_starting, lock_is_held, run_automatic
from icsys.engine.batches import Done
from icsys.engine.helper_process import HelperEndedError
from icsys.engine.pool import Lost
from worker_faults import nothing, start_badly, start_helper, work_batch

HERE = os.getpid()


@pytest.fixture
def at_once(monkeypatch):
    """Start helper processes after the first batch, and however little is left."""
    monkeypatch.setattr(automatic, "_LEAST_LEFT", -1.0)
    monkeypatch.setattr(automatic, "_LEAST_DONE", 1)


def run(
    items, jobs=2, *, start=start_helper, left=lambda: 1000, stop=None, here=work_batch, slots=None, crashed=nothing
):
    """Run the engine over items, one a batch, and return its generator."""
    slots = slots or Slots(jobs)

    def function(batch):
        with slots:
            time.sleep(0.002)
            return here(batch)

    elsewhere = Elsewhere(start, left, slots, crashed)
    return run_automatic(
        function, ([item] for item in items), jobs, nothing, stop or threading.Event(), elsewhere=elsewhere
    )


def flat(outcomes):
    return [result for done in outcomes for result in done.results]


def endless():
    """Yield items until both this process and a helper have done some, then twenty more."""
    number = 0
    while True:
        yield "return", number
        number += 1


def until_both(outcomes):
    """Take results until this process and another one have given some."""
    results = []
    for done in outcomes:
        results += done.results
        if {pid == HERE for _, pid in results} == {True, False}:
            return results
    return results


@pytest.mark.usefixtures("at_once")
def test_a_helper_process_works_beside_this_one():
    with closing(run(endless())) as outcomes:
        results = until_both(outcomes)
        results += flat(done for done, _ in zip(outcomes, range(20), strict=False))
    numbers = [number for (_, number), _ in results]
    assert len(set(numbers)) == len(numbers)
    assert len({pid for _, pid in results}) == 2


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("jobs", [3, 5])
def test_as_many_processes_compute_as_there_are_jobs(jobs):
    """With many jobs this process only keeps the books once all helpers are ready."""
    with closing(run(endless(), jobs)) as outcomes:
        pids = set()
        deadline = time.monotonic() + 60
        wanted = jobs if jobs > 4 else jobs - 1
        while len(pids - {HERE}) < wanted and time.monotonic() < deadline:
            pids |= {pid for _, pid in next(outcomes).results}
        assert len(pids - {HERE}) == wanted


@pytest.mark.usefixtures("at_once")
def test_a_process_that_cannot_start_leaves_the_work_to_threads():
    assert {pid for _, pid in flat(run([("sleep", 0.001)] * 200, start=start_badly))} == {HERE}


@pytest.mark.usefixtures("at_once")
def test_an_item_that_ends_its_helper_is_lost_alone_after_other_tries():
    def items():
        yield from endless_until(lambda: any_elsewhere)
        yield "exit", 3
        yield from (("return", -number) for number in range(1, 30))

    any_elsewhere = []

    def endless_until(ready):
        for item in endless():
            if ready():
                return
            yield item

    def here(batch):
        if batch[0][0] == "exit":  # this process would end: the item is for a helper
            time.sleep(0.2)
            return Done([(batch[0], HERE)], 0.0)
        return work_batch(batch)

    results = []
    for done in run(items(), here=here):
        results += done.results
        if not any_elsewhere and any(not isinstance(one, Lost) and one[1] != HERE for one in done.results):
            any_elsewhere.append(True)
    lost = [one for one in results if isinstance(one, Lost)]
    kept = [one[0] for one in results if not isinstance(one, Lost)]
    assert [one.item for one in lost] == [("exit", 3)] or ("exit", 3) in kept
    assert {("return", -number) for number in range(1, 30)} <= set(kept)


class FakeHelper:
    """A helper "process" that is ready at once, counts what it is given, and ends at the item "end"."""

    made = ()

    def __init__(self, _):
        self.ready, self.has_ended, self.given = Future(), False, []
        self.ready.set_result(None)
        self.is_for_seats = len(FakeHelper.made) < FakeHelper.seats
        FakeHelper.made = (*FakeHelper.made, self)

    def do(self, batch):
        self.given += batch
        if self.has_ended or "end" in batch:
            raise HelperEndedError
        time.sleep(0.001)
        return Done([(item, self) for item in batch], 0.0)

    def stop(self):
        """Have nothing to stop."""

    def end(self):
        self.has_ended = True
        return "ended by itself"


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(automatic, "HelperProcess", FakeHelper)
    monkeypatch.setattr(FakeHelper, "made", ())
    monkeypatch.setattr(FakeHelper, "seats", 5, raising=False)


@pytest.mark.usefixtures("at_once", "fake")
def test_after_all_helpers_have_ended_no_more_compute_here_than_there_are_jobs():
    """With many jobs the last slot is never taken away, so it must not be given back either."""
    computing, most, lock = 0, 0, threading.Lock()

    def here(batch):
        nonlocal computing, most
        with lock:
            computing += 1
            most = max(most, computing)
        time.sleep(0.005)
        with lock:
            computing -= 1
        return Done([(item, None) for item in batch], 0.0)

    results = []
    for done in run(range(1000), 5, here=here):
        results += [item for item, _ in done.results]
        if len(results) > 600:
            for helper in FakeHelper.made:
                helper.has_ended = True
    assert sorted(results) == list(range(1000))
    assert len(FakeHelper.made) == 5
    assert most <= 5


@pytest.mark.usefixtures("at_once", "fake")
def test_an_item_that_ends_two_more_processes_is_lost_alone_and_its_batch_is_named():
    crashed = []
    stop, slots = threading.Event(), Slots(2)
    elsewhere = Elsewhere(None, lambda: 1000, slots, crashed.append)
    seating = automatic._Seating(work_batch, 2, stop, elsewhere)  # noqa: SLF001 - run_automatic decides who does what
    done = seating._redo([1, "end", 2])  # noqa: SLF001 - as above
    assert [one[0] for one in done.results] == [1, "end", 2]
    assert done.results[1] == Lost("end", "crashed", "its process ended by itself, in 2 tries")
    assert [helper.given for helper in FakeHelper.made] == [[1, "end"], ["end"], [2]]
    assert all(helper.has_ended for helper in FakeHelper.made)
    assert crashed == [[1, "end", 2]]


# Has no main guard. A process that was made by multiprocessing as a daemon, as PyTorch makes them, may have no children
# of multiprocessing; the second helper process is needed because the first has ended.
SCRIPT = """
import multiprocessing, threading, time, worker_faults
from icsys.color.scratch import Slots
from icsys.engine import automatic
print("begin", flush=True)
multiprocessing.current_process()._config["daemon"] = True
elsewhere = automatic.Elsewhere(worker_faults.start_helper, lambda: 1000, Slots(2), print)
seating = automatic._Seating(None, 2, threading.Event(), elsewhere)
print([item for item, _ in seating._redo([("return", 1), ("return", 2)]).results])
"""


def test_batches_are_done_again_from_any_program(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(Path(worker_faults.__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[0::2] == ["begin", "[('return', 1), ('return', 2)]"]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("error", [OSError("no processes"), RuntimeError("no threads")])
def test_without_processes_threads_do_all(error, monkeypatch, capfd):
    def refuse(_):
        raise error

    monkeypatch.setattr(automatic, "HelperProcess", refuse)
    assert len(flat(run([("return", number) for number in range(100)]))) == 100
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds_each", "left", "taken", "expected"),
    [
        (0.001, 10_000, 0, True),
        (0.001, 1000, 9, False),
        (0.001, None, 0.1, False),
        (0.001, None, 1, True),
        (0.03, 10_000, 9, False),
        (0.03, None, 9, False),
    ],
)
def test_helpers_pay_for_many_small_images_only(seconds_each, left, taken, expected):
    assert are_worth_starting(seconds_each, left, taken) == expected


@pytest.mark.usefixtures("at_once")
def test_a_stop_reaches_helpers_and_leaves_nothing_running():
    stop = threading.Event()
    outcomes = run(endless(), stop=stop)
    until_both(outcomes)
    stop.set()
    begin = time.monotonic()
    list(outcomes)
    assert time.monotonic() - begin < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "ics-replies"]


@pytest.mark.usefixtures("at_once")
def test_free_threaded_interpreters_need_no_helpers(monkeypatch):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert not lock_is_held()
    assert {pid for _, pid in flat(run([("sleep", 0.001)] * 200))} == {HERE}
