"""The stored palette and the search in it agree with slow and obvious code."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icsys.color import palette as stored
from icsys.color.histogram import Histogram


def images(channels):
    return arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(channels)))


pixels_and_palette = st.sampled_from([1, 3]).flatmap(lambda channels: st.tuples(images(channels), images(channels)))


@given(pixels_and_palette)
def test_every_pixel_gets_its_nearest_colour_and_the_error_is_exact(pair):
    pixels, palette = pair
    indices, sse = stored.nearest(Histogram(pixels), palette)
    distances = np.square(pixels[:, None].astype(int) - palette[None].astype(int)).sum(axis=-1)
    np.testing.assert_array_equal(indices, distances.argmin(axis=1))
    assert sse == distances.min(axis=1).sum()


def test_distances_in_blocks_are_those_of_the_whole(monkeypatch):
    random = np.random.default_rng(0)
    pixels, palette = random.integers(0, 256, (2, 1000, 3), dtype=np.uint8)
    whole = stored.nearest(Histogram(pixels), palette)
    monkeypatch.setattr(stored, "_DISTANCES", 7000)
    parts = stored.nearest(Histogram(pixels), palette)
    assert whole[0].dtype == np.uint16
    np.testing.assert_array_equal(whole[0], parts[0])
    assert whole[1] == parts[1]


def test_centres_are_rounded_not_cut_off_and_equal_ones_are_stored_once():
    centers = np.array([[254.6, 0.4, -3.0], [255.4, 0.0, 0.0], [10.5, 11.5, 300.0]])
    np.testing.assert_array_equal(stored.store_centers(centers), [[10, 12, 255], [255, 0, 0]])


@given(images(3), st.lists(st.integers(0, 39), min_size=1))
def test_dropping_unused_colours_changes_no_pixel(palette, indices):
    indices = np.array(indices, np.uint8) % len(palette)
    fewer_indices, fewer = stored.drop_unused(indices, palette)
    np.testing.assert_array_equal(fewer[fewer_indices], palette[indices])
    assert len(fewer) == len(np.unique(indices))
