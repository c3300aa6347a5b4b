"""Worker processes do the same work, and say so when one of them dies."""

import functools
import multiprocessing
import operator
import os
import random
import threading
import time

import pytest

from icsys import ICSError
from icsys.engine.processes import run_processes as run_processes_after


def run_processes(function, items, jobs, prepare):
    return run_processes_after(function, items, jobs, prepare, threading.Event())


nothing = functools.partial(os.getpid)


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


def test_a_worker_that_dies_ends_the_run_with_a_way_out():
    with pytest.raises(ICSError, match=r"a worker process died.*fewer --jobs"):
        list(run_processes(os._exit, [3], 1, nothing))


def test_a_stop_kills_workers_that_take_too_long(monkeypatch):
    monkeypatch.setattr("icsys.engine.pool.GRACE", 0.1)
    stop = threading.Event()
    before = set(multiprocessing.active_children())
    pause = threading.Timer(1, stop.set)
    pause.start()
    assert list(run_processes_after(time.sleep, [60, 60], 2, nothing, stop)) == []
    deadline = time.monotonic() + 10
    while set(multiprocessing.active_children()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not set(multiprocessing.active_children()) - before
