"""A budget bounds the memory held at once, and every request is granted in the end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from icsys.engine.memory_budget import MemoryBudget


@given(st.lists(st.integers(0, 150), max_size=30), st.integers(1, 5))
def test_what_is_held_never_exceeds_the_capacity_and_all_get_in(sizes, threads):
    budget = MemoryBudget(100)
    lock = threading.Lock()
    held, most = 0, 0

    def use(size):
        nonlocal held, most
        with budget.hold(size):
            with lock:
                held += min(size, 100)
                most = max(most, held)
            with lock:
                held -= min(size, 100)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(use, sizes))
    assert most <= 100
    assert budget.free == 100


def test_what_needs_more_than_all_waits_until_it_is_alone():
    budget = MemoryBudget(10)
    entered = threading.Event()

    def large():
        with budget.hold(1000):
            entered.set()

    with budget.hold(1):
        thread = threading.Thread(target=large)
        thread.start()
        time.sleep(0.02)
        assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()
