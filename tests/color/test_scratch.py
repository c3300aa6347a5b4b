"""Scratch memory is used again, by one thread at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.color import scratch as module
from icsys.color.kmeans import reduce_pixels
from icsys.color.scratch import Scratch, Slots, thread_scratch


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.sampled_from(["u1", "f4", "f8"]))))
def test_an_array_has_the_requested_shape_and_type_and_memory_by_name(taken):
    scratch, last = Scratch(), {}
    for name, n, dtype in taken:
        array = scratch.empty(name, (n, 3), dtype)
        assert (array.shape, array.dtype) == ((n, 3), np.dtype(dtype))
        array[:] = 7
        last[name] = array
        assert not np.shares_memory(last.get("a", array[:0]), last.get("b", array[:0]))
        assert (array == 7).all()


def test_memory_is_used_again_unless_it_is_large(monkeypatch):
    scratch = Scratch()
    first = scratch.empty("x", (100,), np.float64)
    assert np.shares_memory(first, scratch.empty("x", (50, 2), np.float32))
    monkeypatch.setattr(module, "KEPT_BYTES", 99)
    assert not np.shares_memory(first, scratch.empty("x", (100,), np.uint8))


def test_every_thread_has_its_own_scratch():
    scratches = [thread_scratch()]
    thread = threading.Thread(target=lambda: scratches.append(thread_scratch()))
    thread.start()
    thread.join()
    assert scratches[0] is thread_scratch()
    assert scratches[0] is not scratches[1]


@given(st.integers(1, 4), st.integers(1, 12))
def test_no_more_threads_than_slots_compute_each_with_its_own_scratch(count, threads):
    slots, lock = Slots(count), threading.Lock()
    inside, lent, most = [], [], []

    def compute():
        for _ in range(3):
            with slots:
                scratch = thread_scratch()
                with lock:
                    assert all(scratch is not other for other in inside)
                    inside.append(scratch)
                    most.append(len(inside))
                    lent.append(scratch)
                time.sleep(0)
                with lock:
                    inside.remove(scratch)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(compute) for _ in range(threads)]:
            done.result()
    assert max(most) <= count
    assert len(set(map(id, lent))) <= count


def test_a_slot_gets_the_scratch_that_was_released_last_even_after_an_error():
    slots = Slots(3)
    with slots:
        first = thread_scratch()
    assert thread_scratch() is not first
    with pytest.raises(ZeroDivisionError), slots:
        raise ZeroDivisionError
    assert thread_scratch() is not first
    with slots:
        assert thread_scratch() is first


@pytest.mark.parametrize("space", ["srgb", "oklab"])
def test_a_result_does_not_change_with_the_next_image(space):
    random = np.random.default_rng(0)
    first, second = (random.integers(0, 256, (5000, 3)).astype(np.uint8) for _ in range(2))
    reduced = reduce_pixels(first, 9, space=space)
    before = [np.copy(part) for part in reduced]
    reduce_pixels(second, 9, space=space)
    for part, kept in zip(reduced, before, strict=True):
        assert np.array_equal(part, kept)
