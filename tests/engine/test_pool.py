"""Engines apply a function to every item once, in a bounded window, and stop cleanly."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.engine import ENGINE_TABLE, available_cores
from icsys.engine.cluster import CLUSTER_MODULES
from icsys.engine.pool import MOST_HELD
from icsys.engine.threads import run_threads as run_threads_after
from icsys.run_settings import ENGINES


def run_threads(function, items, jobs):
    return run_threads_after(function, items, jobs, lambda: None, threading.Event())


@given(st.lists(st.integers()), st.integers(1, 4))
def test_every_item_is_done_once(items, jobs):
    assert sorted(run_threads(lambda item: item * 2, items, jobs)) == sorted(item * 2 for item in items)


def test_items_are_taken_as_threads_become_free():
    """An endless source of items must not be read ahead, or a large folder would fill the memory."""
    items = itertools.count()
    outcomes = run_threads(lambda item: item, items, 2)
    taken = list(itertools.islice(outcomes, 50))
    outcomes.close()
    assert len(taken) == 50
    assert next(items) <= 50 + 2 * (2 + 1)


def test_jobs_run_at_the_same_time():
    barrier = threading.Barrier(3, timeout=10)
    assert list(run_threads(lambda _: barrier.wait() >= 0, range(3), 3)) == [True] * 3


def test_an_exception_reaches_the_caller_and_starts_nothing_more():
    done = []

    def work(item):
        if item == 3:
            raise RuntimeError("three")
        done.append(item)

    with pytest.raises(RuntimeError, match="three"):
        list(run_threads(work, itertools.count(), 1))
    assert len(done) < 10


def test_a_stop_ends_what_is_under_way_and_takes_no_more_items():
    stop = threading.Event()
    items = itertools.count()
    outcomes = run_threads_after(lambda item: item, items, 2, lambda: None, stop)
    first = next(outcomes)
    stop.set()
    rest = list(outcomes)
    assert len({first, *rest}) == 1 + len(rest) <= 4
    assert next(items) <= 4


def test_a_stop_does_not_wait_for_what_takes_too_long(monkeypatch):
    monkeypatch.setattr("icsys.engine.pool.GRACE", 0.1)
    stop, end = threading.Event(), threading.Event()
    stop_soon = threading.Timer(0.1, stop.set)
    stop_soon.start()
    assert list(run_threads_after(lambda _: end.wait(30), range(5), 2, lambda: None, stop)) == []
    assert not end.is_set()
    end.set()


def test_the_table_and_the_options_name_the_same_engines():
    assert (*ENGINE_TABLE, *CLUSTER_MODULES) == ENGINES


def test_at_least_one_core_is_available():
    assert available_cores() >= 1


@given(st.lists(st.integers(0, 3 * MOST_HELD), max_size=20), st.integers(1, 4))
def test_items_are_taken_while_those_under_way_hold_little(sizes, jobs):
    under_way = []

    def items():
        for size in sizes:
            assert sum(under_way) <= MOST_HELD
            under_way.append(size)
            yield size

    outcomes = run_threads_after(int, items(), jobs, lambda: None, threading.Event(), weigh=int)
    done = []
    for size in outcomes:
        under_way.remove(size)
        done.append(size)
    assert sorted(done) == sorted(sizes)
