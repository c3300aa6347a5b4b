"""Blocks are read before their images are asked for, in rising order, a window ahead and no farther."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import pixels_of, random_split, write_arrays
from icsys.loading.epoch_order import BLOCK_IMAGES, WINDOW_BLOCKS, order_of_epoch
from icsys.loading.read_ahead import BlocksAhead


class Seen:
    """Stands for a dataset: notes which images are read."""

    bits = 4

    def __init__(self, images):
        self.images, self.slices = images, []
        self.indices = self

    def __len__(self):
        return self.images

    def __getitem__(self, rows):
        self.slices.append((rows.start, min(rows.stop, self.images)))
        return np.zeros((min(rows.stop, self.images) - rows.start, 2, 3), np.uint8)


@given(count=st.integers(1, 3 * BLOCK_IMAGES * WINDOW_BLOCKS), seed=st.integers(0, 9), step=st.integers(700, 9000))
@settings(max_examples=15)
def test_all_images_of_a_batch_and_of_a_window_more_are_read(count, seed, step):
    order, data = order_of_epoch(count, "blocks", seed, 0), Seen(count)
    ahead, read = BlocksAhead(data, seed, 0), np.zeros(count, bool)
    for images in range(step, count + step, step):
        data.slices.clear()
        ahead.reach(images)
        for begin, end in data.slices:
            read[begin:end] = True
        assert read.sum() >= min(count, images + BLOCK_IMAGES * (WINDOW_BLOCKS - 1))
        assert read[order[:images]].all()
        assert read.sum() <= images + BLOCK_IMAGES * (WINDOW_BLOCKS + 3)
    assert read.all()


def test_a_window_is_read_as_it_lies_on_the_disk():
    data = Seen(2 * BLOCK_IMAGES * WINDOW_BLOCKS)
    BlocksAhead(data, 0, 0).reach(1)
    begins = [begin for begin, _ in data.slices[:WINDOW_BLOCKS]]
    assert begins == sorted(set(begins))
    assert len(begins) == WINDOW_BLOCKS < len(data.slices)


@pytest.mark.parametrize("colors", [10, 300, 0])
def test_arrays_of_all_kinds_are_read(colors, tmp_path):
    """Several splits, views, indices of 16 bits, and pixels, which are passed over."""
    splits = {name: random_split(40, 3, 5, colors or 9) for name in ("a", "b")}
    if not colors:
        splits = {name: {"pixels": pixels_of(one), "labels": one["labels"]} for name, one in splits.items()}
    data = icsys.load(write_arrays(tmp_path / "x", splits, colors=colors, classes=["a", "b", "c"]))
    for view in (data, data.split("b"), data[::-3], data[:0]):
        BlocksAhead(view, 0, 0).reach(len(view))
