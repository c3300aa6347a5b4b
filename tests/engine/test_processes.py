"""Worker processes do the same work, and say so when one of them dies."""

import functools
import operator
import os
import random

import pytest

from icsys import ICSError
from icsys.engine.processes import run_processes

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
