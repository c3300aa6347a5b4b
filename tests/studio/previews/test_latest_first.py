"""The queue of previews: the newest request of a slot counts, and what waits is bounded."""

import threading

import pytest

pytest.importorskip("starlette", reason="needs the extra studio")

from icsys.studio.previews.latest_first import LatestFirst


def test_requests_of_many_slots_push_the_oldest_out():
    pool, going = LatestFirst(1), threading.Event()
    first = pool.submit("first", going.wait)
    asked = [pool.submit(str(number), lambda: "made") for number in range(500)]
    going.set()
    assert first.result() is True
    assert asked[-1].result() == "made"
    pool.close()  # which cancels what waits
    made = [not one.cancelled() for one in asked]
    assert sum(made) < 100
    assert made == sorted(made)


def test_a_newer_request_takes_the_place_of_one_that_waits():
    pool, going = LatestFirst(1), threading.Event()
    pool.submit("first", going.wait)
    older, newer = (pool.submit("main", lambda: "made") for _ in range(2))
    going.set()
    assert newer.result() == "made"
    assert older.cancelled()
    pool.close()


def test_each_thread_begins_with_what_it_is_given():
    begun = []
    pool = LatestFirst(1, lambda: begun.append(threading.get_ident()))
    assert pool.submit("main", threading.get_ident).result() == begun[0]
    pool.close()
    assert len(begun) == 1
