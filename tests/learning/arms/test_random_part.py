"""A random part of the training images at about a share of their bytes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icsys.learning.arms.random_part import random_part
from icsys.learning.design import FOLDS, Design


def a_design(labels, trained):
    count = len(labels)
    return Design(np.array(labels, np.int32), 4, np.array(trained), np.ones(count, bool), np.arange(count), FOLDS)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 900)), min_size=1, max_size=60),
    st.floats(0.01, 1),
    st.integers(0, 5),
)
def test_each_class_keeps_the_largest_part_that_its_share_of_bytes_holds(images, aim, seed):
    labels, trained, sizes = (list(column) for column in zip(*images, strict=True))
    design, full = a_design(labels, trained), np.array(sizes, np.int64)
    kept = random_part(design, full, aim, seed)
    assert not (kept & ~design.trained).any()
    for label in range(4):
        own = design.trained & (design.labels == label)
        if not own.any():
            continue
        used, limit = int(full[kept & own].sum()), aim * int(full[own].sum())
        assert kept[own].any()
        assert used <= limit or kept[own].sum() == 1
        if used <= limit and not kept[own].all():
            assert used + full[own & ~kept].max() > limit  # the next one in the order does not fit


def test_all_bytes_keep_all_images_and_the_seed_decides():
    design = a_design([0, 1] * 50, [True] * 100)
    full = np.full(100, 10)
    assert random_part(design, full, 1.0, 0).all()
    first, again, other = (random_part(design, full, 0.3, seed) for seed in (1, 1, 2))
    assert first.sum() == 30
    assert (first == again).all()
    assert (first != other).any()
