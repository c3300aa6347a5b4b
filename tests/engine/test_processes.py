"""Worker processes do the same work; one that dies or hangs loses only its own item."""

import functools
import itertools
import multiprocessing
import operator
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

import worker_faults
from icsys.engine import Lost
from icsys.engine.processes import run_processes as run_processes_until
from icsys.errors import EngineError
from worker_faults import die_at_once, nothing, work

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without signals")


def run_processes(function, items, jobs, prepare, timeout=None):
    return run_processes_until(function, items, jobs, prepare, threading.Event(), timeout=timeout)


def run(items, jobs=2, timeout=None):
    """Return what was done, in the order of the items, and what was lost by item."""
    outcomes = list(run_processes(work, items, jobs, nothing, timeout))
    lost = {outcome.item: outcome for outcome in outcomes if isinstance(outcome, Lost)}
    return [item for item in items if item in outcomes], lost


def test_every_item_is_done_once():
    assert sorted(run_processes(operator.neg, range(20), 2, nothing)) == list(range(-19, 1))


def test_every_worker_is_prepared():
    prepare = functools.partial(exec, "import random; random.seed(7)")
    expected = random.Random(7).getrandbits(32)  # noqa: S311 - a known sequence
    assert list(run_processes(eval, ["__import__('random').getrandbits(32)"], 1, prepare)) == [expected]


def test_the_work_is_not_done_in_this_process():
    pids = set(run_processes(eval, ["__import__('os').getpid()"] * 4, 2, nothing))
    assert pids
    assert os.getpid() not in pids


def test_no_item_starts_no_process():
    assert list(run_processes(work, [], 2, nothing)) == []


@pytest.mark.parametrize(
    ("crashing", "reason"),
    [
        (("exit", 3), "exit code 3"),
        (("exit", 0), "exit code 0"),
        pytest.param(("segfault", None), "SIGSEGV", marks=needs_signals),
        pytest.param(("kill", 9), "SIGKILL, perhaps out of memory", marks=needs_signals),
    ],
)
def test_a_crash_loses_the_culprit_alone(crashing, reason):
    good = [("return", i) for i in range(12)]
    done, lost = run([*good[:5], crashing, *good[5:]])
    assert done == good
    assert set(lost) == {crashing}
    assert lost[crashing].code == "crashed"
    assert reason in lost[crashing].message


def test_an_item_that_is_late_is_lost_alone():
    good = [("return", i) for i in range(6)]
    start = time.monotonic()
    done, lost = run([*good[:2], ("hang", None), *good[2:]], timeout=0.5)
    assert done == good
    assert [(item, loss.code) for item, loss in lost.items()] == [(("hang", None), "timeout")]
    assert "0.5 seconds" in lost["hang", None].message
    assert time.monotonic() - start < 60


def test_the_clock_runs_for_each_item_anew():
    items = [("sleep", 0.2 + i / 1000) for i in range(10)]
    assert run(items, jobs=1, timeout=1.5) == (items, {})


@pytest.mark.parametrize("deed", ["exit once", "hang once"])
def test_what_goes_wrong_once_is_done_at_the_second_try(deed, tmp_path):
    items = [("return", 1), (deed, str(tmp_path / "tried")), ("return", 2)]
    assert run(items, timeout=3) == (items, {})
    assert (tmp_path / "tried").exists()


def test_a_crash_is_tried_again_while_nothing_else_runs(tmp_path):
    """Two items that crash begin together; their second tries come one after the other."""
    log = tmp_path / "log"
    items = [("note", str(log)), ("note", f"{tmp_path}/./log"), *(("sleep", i / 1000) for i in range(20))]
    done, lost = run(items)
    assert len(done) == 20
    assert len(lost) == 2
    spans = {}
    for word, pid, at in (line.split() for line in log.read_text("utf-8").splitlines()):
        spans.setdefault(pid, {})[word] = float(at)
    assert len(spans) == 4
    (_, _), (_, _), (third, third_end), (fourth, _) = sorted((span["begin"], span["end"]) for span in spans.values())
    assert fourth > third_end > third


def test_more_crashing_items_than_workers_are_all_found():
    crashing = [("exit", code) for code in range(1, 6)]
    good = [("return", i) for i in range(5)]
    done, lost = run([item for pair in zip(crashing, good, strict=True) for item in pair])
    assert done == good
    assert set(lost) == set(crashing)


def test_an_exception_reaches_the_caller():
    with pytest.raises(ArithmeticError, match="seven"):
        list(run_processes(work, [("raise", "seven")], 1, nothing))


def test_processes_that_cannot_start_end_the_run_with_a_way_out():
    with pytest.raises(EngineError, match=r"exit code 9.*--engine threads"):
        list(run_processes(work, [("return", 1)], 2, die_at_once))


def test_items_are_taken_as_workers_become_free():
    items = itertools.count()
    outcomes = run_processes(operator.neg, items, 2, nothing)
    taken = list(itertools.islice(outcomes, 30))
    outcomes.close()
    assert len(taken) == 30
    assert next(items) <= 30 + 2 * 2


def test_closing_ends_even_what_hangs_and_leaves_no_process():
    outcomes = run_processes(work, [("return", 1), ("hang", 1), ("hang", 2)], 2, nothing)
    assert next(outcomes) == ("return", 1)
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 10
    assert not multiprocessing.active_children()


def test_a_stop_ends_what_is_under_way_and_takes_no_more_items():
    stop, items = threading.Event(), itertools.count()
    outcomes = run_processes_until(operator.neg, items, 2, nothing, stop)
    first = next(outcomes)
    stop.set()
    rest = list(outcomes)
    assert len({first, *rest}) == 1 + len(rest) <= 3
    assert next(items) <= 4


def test_a_stop_kills_workers_that_take_too_long(monkeypatch):
    monkeypatch.setattr("icsys.engine.pool.GRACE", 0.1)
    stop = threading.Event()
    pause = threading.Timer(1, stop.set)
    pause.start()
    assert list(run_processes_until(time.sleep, [60, 60], 2, nothing, stop)) == []
    assert not multiprocessing.active_children()


def test_a_stop_waits_once_for_what_is_under_way(monkeypatch):
    """What was waited for once was waited for again as its process was ended, and a stop took twice as long."""
    monkeypatch.setattr("icsys.engine.pool.GRACE", 0.1)
    stop, waited = threading.Event(), []
    join = multiprocessing.process.BaseProcess.join

    def note(process, timeout=None):
        if timeout is not None:
            waited.append(timeout)
        join(process, timeout)

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "join", note)
    pause = threading.Timer(1, stop.set)
    pause.start()
    list(run_processes_until(time.sleep, [60, 60], 2, nothing, stop))
    assert waited == [0.0, 0.0]


@needs_signals
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    """Even those in the middle of an image that never ends."""
    code = (
        "import worker_faults, threading\nfrom icsys.engine.processes import run_processes\n"
        "if __name__ == '__main__':\n"
        "    items = [('return', 1), ('hang', 1), ('hang', 2)]\n"
        "    outcomes = run_processes(worker_faults.work, items, 2, worker_faults.nothing, threading.Event())\n"
        "    for outcome in outcomes: print(outcome, flush=True)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code, "utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(worker_faults.__file__).parent)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline()
        time.sleep(1)
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
