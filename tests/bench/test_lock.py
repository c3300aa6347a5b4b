"""The lock: what is predicted from its share, and the probe that measures it."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from lock import (
    Share,
    amdahl_speedup,
    disturbance,
    held_seconds,
    loop_beside,
    queued_speedup,
    steady_seconds,
    tables,
)
from photos import gather, write_photos

shares = st.floats(0.001, 1)
threads = st.integers(1, 100)


@given(shares, threads)
def test_queued_threads_are_never_faster_than_their_number_or_than_the_lock_allows(locked, count):
    assert 1 - 1e-9 <= queued_speedup(locked, count) <= min(count, 1 / locked) * (1 + 1e-9)


@given(shares, threads)
def test_one_more_queued_thread_never_slows_the_others(locked, count):
    assert queued_speedup(locked, count + 1) >= queued_speedup(locked, count) * (1 - 1e-9)


@given(threads)
def test_without_a_lock_both_laws_scale_without_end_and_with_nothing_else_not_at_all(count):
    for law in (queued_speedup, amdahl_speedup):
        assert law(0.0, count) == pytest.approx(count)
        assert law(1.0, count) == pytest.approx(1)


def test_queueing_agrees_with_the_closed_form_for_two_threads():
    # Both queue with chance L (one of two is in the lock), so a round takes 1 + L * L.
    for locked in (0.1, 0.3, 0.7):
        assert queued_speedup(locked, 2) == pytest.approx(2 / (1 + locked**2))


def test_share_is_held_time_over_time_and_at_most_all_of_it():
    assert Share(one_job=4.0, two_jobs=2.0, two_processes=2.1, held=1.0).locked == 0.25
    assert Share(one_job=1.0, two_jobs=1.0, two_processes=1.0, held=1.2).locked == 1.0


def test_the_probe_waits_for_the_work_and_leaves_the_interpreter_as_it_was():
    before, done = sys.getswitchinterval(), []
    found = loop_beside(lambda: done.append(sum(range(1_000_000))))
    assert done
    assert found.seconds > 0
    assert 0 <= found.stopped <= found.seconds
    assert sys.getswitchinterval() == before


def test_what_fails_beside_the_probe_is_raised():
    with pytest.raises(ZeroDivisionError):
        loop_beside(lambda: 1 / 0)


def test_disturbance_is_a_part_of_the_time():
    assert 0 <= disturbance() <= 1


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_a_steady_rate_leaves_the_start_out(engine, tmp_path):
    photos = gather(write_photos(tmp_path / "drawn", 1, 60, 40), tmp_path / "photos", 8)
    start = time.perf_counter()
    seconds = steady_seconds(photos[0].parent, str(tmp_path / "out"), Options(), 2, engine)
    # The rate of six photos is stretched to eight.
    assert 0 < seconds < 8 / 6 * (time.perf_counter() - start)
    assert len(list((tmp_path / "out").glob("*.png"))) == 8


def test_held_time_is_never_negative():
    assert held_seconds(lambda: None) >= 0


def test_tables_name_every_strategy_twice():
    text = tables({"MKM": Share(1.0, 0.6, 0.55, 0.1), "SO": Share(1.0, 0.5, 0.5, 0.0)}, 10)
    assert text.count("| MKM") == text.count("| SO") == 2
    assert "10.0%" in text
