"""Pooled colours are those of all pixels together, in any order of the images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from helpers import synthetic_photo
from icsys.color.pooled_colors import PooledColors, as_rgb, count_colors, grid_bits, weighted_colors

images = st.lists(
    npst.arrays(np.uint8, st.one_of(st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)), st.just((3, 4)))),
    min_size=1,
    max_size=5,
)


def naive(arrays):
    """Count the colours of all pixels."""
    pixels = np.concatenate([as_rgb(array).reshape(-1, 3) for array in arrays])
    return np.unique(pixels, axis=0, return_counts=True)


def content(colors):
    """Return colours and counts in the order of NumPy's unique."""
    rows, counts = colors.colors(), colors.counts
    order = np.lexsort(rows.T[::-1])
    return rows[order], counts[order]


def filled(arrays, n_colors=4):
    pool = PooledColors(n_colors)
    for array in arrays:
        pool.add(count_colors(array, pool.bits))
    return pool


@settings(deadline=None)
@given(images)
def test_few_colours_are_held_exactly(arrays):
    pool = filled(arrays)
    assert (pool.bits, pool.images) == (8, len(arrays))
    for found, expected in zip(content(pool.distinct()), naive(arrays), strict=True):
        np.testing.assert_array_equal(found, expected)


@settings(deadline=None, max_examples=40)
@given(images, st.integers(0, 20), st.sampled_from([4, 1000]), st.randoms())
def test_many_colours_become_the_means_of_cells_in_any_order(arrays, most, n_colors, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("icsys.color.pooled_colors._MOST_EXACT", most)
        patch.setattr("icsys.color.pooled_colors._MOST_WAITING", 7)
        patch.setattr("icsys.color.pooled_colors._GRID_BITS", 3)  # millions of cells take long in every example
        patch.setattr("icsys.color.pooled_colors._FINE_GRID_BITS", 4)
        bits = grid_bits(n_colors)
        found = filled(arrays, n_colors).distinct()
        random.shuffle(arrays)
        other = filled(arrays, n_colors).distinct()
    for mine, theirs in zip(content(found), content(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    rows, counts = naive(arrays)
    if len(rows) <= most:
        assert len(found) == len(rows)
        return
    shift = 8 - bits
    _, cell = np.unique(rows >> shift, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    weights = np.bincount(cell, counts)
    means = np.stack([np.bincount(cell, counts * rows[:, channel]) for channel in range(3)], axis=1) / weights[:, None]
    expected = np.floor(means + 0.5).astype(np.uint8)
    order = np.lexsort(expected.T[::-1])
    mine = content(found)
    np.testing.assert_array_equal(mine[0], expected[order])
    np.testing.assert_array_equal(mine[1], weights[order])


def test_a_table_as_coarse_as_the_grid_turns_the_pool_to_it():
    """A worker used the grid before other images were pooled."""
    photo = synthetic_photo()
    pool = PooledColors(4)
    pool.add(count_colors(photo, 6))
    assert pool.bits == 6
    assert pool.distinct().counts.sum() == 60 * 80


def test_weights_of_billions_of_pixels_stay_within_what_sums_hold():
    pool = PooledColors(4)
    table = count_colors(np.array([[[0, 0, 0], [9, 9, 9]]], np.uint8))
    pool.add(table._replace(sums=table.sums * np.array([[2**40], [1]])))
    assert content(pool.distinct())[1].tolist() == [2**31, 1]


def test_a_pool_without_colours_is_refused():
    with pytest.raises(ValueError, match="without colours"):
        PooledColors(4).distinct()


@given(npst.arrays(np.uint8, (5, 3), unique=False), npst.arrays(np.int64, 5, elements=st.integers(1, 2**20)))
def test_weighted_colours_are_in_error_what_their_pixels_are(colors, counts):
    colors, first = np.unique(colors, axis=0, return_index=True)
    counts = counts[first]
    palette = np.array([[10, 20, 30], [200, 100, 0]], np.uint8)
    distances = np.square(colors[:, None].astype(int) - palette).sum(axis=2)
    labels, sse = weighted_colors(colors, counts).nearest(palette)
    assert sse == (distances.min(axis=1) * counts).sum()
    assert len(labels) == len(colors)
