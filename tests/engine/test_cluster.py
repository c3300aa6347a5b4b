"""A bounded number of tasks on a cluster that loses some of them gives the results of a plain loop."""

import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_cluster import Fake
from icsys import MissingExtraError, UsageError
from icsys.engine.cluster import CLUSTER_MODULES, open_cluster, run_cluster
from icsys.engine.pool import Lost
from icsys.errors import EngineError, InUseError


def square(item, _):
    return item * item


@settings(deadline=None)
@given(st.integers(0, 30), st.dictionaries(st.integers(0, 30), st.integers(0, 7)), st.integers(1, 4))
def test_every_item_has_one_result_and_only_repeated_losses_are_given_up(count, losses, slots):
    cluster = Fake(losses, slots)
    outcomes = list(run_cluster(cluster, square, range(count), threading.Event()))
    lost = [outcome.item for outcome in outcomes if isinstance(outcome, Lost)]
    assert sorted(lost) == [item for item in range(count) if losses.get(item, 0) >= 5]
    done = [outcome for outcome in outcomes if not isinstance(outcome, Lost)]
    assert sorted(done) == [item * item for item in range(count) if item not in lost]
    assert cluster.most <= 2 * slots
    # From its third try on, a task runs with ``careful``.
    for item in range(count):
        mine = [careful for submitted, careful in cluster.careful if submitted == item]
        assert mine == [False, False, True, True, True][: len(mine)]
        assert len(mine) == min(losses.get(item, 0), 4) + 1


def test_a_shard_in_use_elsewhere_is_tried_again():
    cluster = Fake({4: 1}, error=InUseError)
    assert sorted(run_cluster(cluster, square, range(6), threading.Event())) == [0, 1, 4, 9, 16, 25]


def test_items_are_taken_as_there_is_room_and_jobs_bound_them():
    taken = []
    cluster = Fake({})
    outcomes = run_cluster(
        cluster, square, (taken.append(item) or item for item in range(100)), threading.Event(), jobs=1
    )
    assert next(outcomes) == 0
    assert taken == [0]
    outcomes.close()
    assert cluster.most == 1


def test_what_a_task_raises_ends_the_run_and_cancels_the_rest():
    def fail(item, _):
        raise UsageError(f"no {item}")

    cluster = Fake({})
    with pytest.raises(UsageError, match="no"):
        list(run_cluster(cluster, fail, range(9), threading.Event()))
    assert sorted(cluster.cancelled) == sorted(cluster.tasks)
    assert cluster.cancelled


def test_a_worker_that_lacks_a_package_is_reported_in_one_line():
    def fail(*_):
        raise ModuleNotFoundError("No module named 'icsys'")

    with pytest.raises(EngineError, match=r"a worker cannot do its task .*No module named 'icsys'"):
        list(run_cluster(Fake({}), fail, range(2), threading.Event()))


def test_a_stop_submits_nothing_more_and_cancels_what_is_open():
    stop = threading.Event()
    cluster = Fake({})
    for outcome in run_cluster(cluster, square, range(100), stop):
        stop.set()
        assert outcome >= 0
    assert len(cluster.careful) <= 6
    assert sorted(cluster.cancelled) == sorted(cluster.tasks)


def test_a_cluster_that_is_gone_is_an_error_of_the_engine():
    cluster = Fake({0: 1}, error=EngineError)
    with pytest.raises(EngineError):
        list(run_cluster(cluster, square, range(3), threading.Event()))


@pytest.mark.parametrize("engine", CLUSTER_MODULES)
def test_without_its_package_an_engine_names_the_package_to_install(engine, monkeypatch):
    monkeypatch.setitem(sys.modules, CLUSTER_MODULES[engine][1], None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'icsys\[{engine}\]'"):
        open_cluster(engine, None, 1)
