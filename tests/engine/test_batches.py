"""Batches hold every item once, and grow until they take a certain time."""

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from icsys.engine.batches import MOST_BYTES, MOST_ITEMS, TARGET, Batches, Done, timed


@given(st.lists(st.integers(0, 2 * MOST_BYTES), max_size=300), st.floats(0, 1), st.integers(1, 80))
def test_every_item_is_in_one_batch_in_order_within_the_bounds(items, seconds, most):
    batches, taken = Batches(items, int, most), []
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert sum(batch[:-1]) < MOST_BYTES
        taken += batch
        batches.note(Done(batch, 0.0, taken=seconds * len(batch)))
    assert taken == items


@given(st.floats(1e-6, 1), st.integers(1, 200))
def test_sizes_at_most_double_and_tend_to_the_time_aimed_at(seconds, most):
    batches, sizes = Batches(range(5000), lambda _: 0, most), []
    for batch in batches:
        sizes.append(len(batch))
        batches.note(Done(batch, 0.0, taken=seconds * len(batch)))
    assert sizes[0] == 1
    assert all(later <= 2 * earlier for earlier, later in itertools.pairwise(sizes))
    fitting = max(1, min(most, int(TARGET / seconds)))
    assert sizes[10:-1] == [fitting] * len(sizes[10:-1])


@given(st.lists(st.integers(0, 4), min_size=1))
def test_the_rest_of_a_batch_comes_again_even_after_the_last_item(done_at_once):
    items, batches, taken = list(range(100)), Batches(range(100), lambda _: 0), []
    counts = iter([*done_at_once, *[MOST_ITEMS] * 200])
    while batch := next(batches, None):
        count = next(counts)
        taken += batch[:count]
        batches.note(Done(batch[:count], 0.0, batch[count:]))
    assert sorted(taken) == items


def test_items_are_drawn_only_as_a_batch_is():
    items = iter(range(10))
    batches = Batches(items, lambda _: 0)
    assert next(batches) == [0]
    assert next(items) == 1


def test_a_batch_tells_its_processor_time_and_how_long_it_took():
    done = timed(lambda batch: [sum(range(item)) + (time.sleep(0.1) or 0) for item in batch])([10, 2_000_000])
    assert done.results == [45, 1999999000000]
    assert 0 < done.seconds < done.taken - 0.15
    assert done.rest == []
    assert timed(lambda batch: batch[:1])([1, 2, 3]).rest == [2, 3]
