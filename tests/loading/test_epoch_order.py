"""The order of an epoch: every image once, from seed and epoch alone, in whole blocks where they are asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys import UsageError
from icsys.loading.epoch_order import (
    BLOCK_IMAGES,
    WINDOW_BLOCKS,
    check_shuffle,
    check_world,
    images_of_process,
    order_of_epoch,
    share_of_process,
)

SHUFFLES = st.sampled_from([True, False, "blocks"])


@given(
    count=st.integers(0, 3 * BLOCK_IMAGES * WINDOW_BLOCKS),
    shuffle=SHUFFLES,
    seed=st.integers(0, 9),
    epoch=st.integers(0, 9),
)
@settings(max_examples=40)
def test_an_order_has_every_image_once_and_comes_again(count, shuffle, seed, epoch):
    order = order_of_epoch(count, shuffle, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    np.testing.assert_array_equal(order_of_epoch(count, shuffle, seed, epoch), order)
    if not shuffle:
        np.testing.assert_array_equal(order, np.arange(count))


@pytest.mark.parametrize("shuffle", [True, "blocks"])
def test_seeds_and_epochs_have_orders_of_their_own(shuffle):
    orders = {tuple(order_of_epoch(500, shuffle, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@given(count=st.integers(1, 3 * BLOCK_IMAGES * WINDOW_BLOCKS), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_a_window_has_whole_blocks(count, seed):
    """The window with the last block, which may have fewer images, is shorter for that."""
    order, last, begin = order_of_epoch(count, "blocks", seed, 0), -(-count // BLOCK_IMAGES) - 1, 0
    rest = count - last * BLOCK_IMAGES
    while begin < count:
        window = order[begin : begin + BLOCK_IMAGES * WINDOW_BLOCKS]
        if last in order[begin : begin + BLOCK_IMAGES * WINDOW_BLOCKS - BLOCK_IMAGES + rest] // BLOCK_IMAGES:
            window = window[: BLOCK_IMAGES * WINDOW_BLOCKS - BLOCK_IMAGES + rest]
        blocks, sizes = np.unique(window // BLOCK_IMAGES, return_counts=True)
        assert (sizes == np.where(blocks == last, rest, BLOCK_IMAGES)).all()
        assert len(blocks) == WINDOW_BLOCKS or begin + len(window) == count
        begin += len(window)


def test_images_of_blocks_are_mixed_and_blocks_come_from_everywhere():
    order = order_of_epoch(4 * BLOCK_IMAGES * WINDOW_BLOCKS, "blocks", 0, 0)
    window = order[: BLOCK_IMAGES * WINDOW_BLOCKS]
    assert (np.diff(window) == 1).mean() < 0.01
    of_quarters = np.bincount(window // (BLOCK_IMAGES * WINDOW_BLOCKS), minlength=4) / len(window)
    assert of_quarters == pytest.approx([0.25] * 4, abs=0.1)
    few = order_of_epoch(BLOCK_IMAGES * 4, "blocks", 0, 0)  # fewer than a window: as a full shuffle
    assert np.bincount(few[:BLOCK_IMAGES] // BLOCK_IMAGES, minlength=4).min() > 1


@given(count=st.integers(0, 60), world=st.integers(1, 9), drop_last=st.booleans())
def test_processes_get_equally_many_and_miss_or_repeat_the_fewest(count, world, drop_last):
    order = order_of_epoch(count, True, 0, 0)
    shares = [share_of_process(order, rank, world, drop_last=drop_last).tolist() for rank in range(world)]
    each = images_of_process(count, world, drop_last=drop_last)
    assert {len(share) for share in shares} == {each}
    together = [row for turn in zip(*shares, strict=True) for row in turn]
    padded = (order.tolist() * (world + 1))[: each * world]  # the first again, even with fewer images than processes
    assert together == padded
    assert abs(len(together) - count) < world


@pytest.mark.parametrize("wrong", [None, 1, "block", "True", [], np.array([True, False])])
def test_no_way_to_shuffle(wrong):
    with pytest.raises(UsageError, match=r"shuffle=.*: expected True, False or 'blocks'"):
        check_shuffle(wrong)


def test_ways_to_shuffle_and_processes():
    assert [check_shuffle(np.True_), check_shuffle(False), check_shuffle("blocks")] == [True, False, "blocks"]
    assert check_world(np.int64(2), 3) == (2, 3)
    for rank, world, says in (
        (3, 3, "rank=3: expected a whole number from 0 to 2"),
        (0, 0, "world=0"),
        (0, "2", "world"),
    ):
        with pytest.raises(UsageError, match=says):
            check_world(rank, world)
