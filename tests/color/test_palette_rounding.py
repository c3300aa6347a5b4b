"""The stored palette agrees with slow and obvious code."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icsys.color import palette_rounding as stored


def images(channels):
    return arrays(np.uint8, st.tuples(st.integers(1, 40), st.just(channels)))


@given(st.sampled_from([1, 3, 4]).flatmap(images))
def test_distinct_colours_are_those_of_numpy(colors):
    np.testing.assert_array_equal(stored.distinct_colors(colors), np.unique(colors, axis=0))


def test_centres_are_rounded_not_cut_off_and_equal_ones_are_stored_once():
    centers = np.array([[254.6, 0.4, -3.0], [255.4, 0.0, 0.0], [10.5, 11.5, 300.0]])
    np.testing.assert_array_equal(stored.store_centers(centers), [[10, 12, 255], [255, 0, 0]])


@given(st.sampled_from([1, 3]).flatmap(images), st.lists(st.integers(0, 39), min_size=1))
def test_a_tidy_palette_shows_the_same_is_used_whole_and_goes_from_dark_to_light(palette, labels):
    labels = np.array(labels) % len(palette)
    tidied, renumbered = stored.tidy(palette, labels)
    np.testing.assert_array_equal(tidied[renumbered], palette[labels])
    np.testing.assert_array_equal(np.unique(renumbered), np.arange(len(tidied)))
    luma = [
        sum(weight * level for weight, level in zip((299, 587, 114), entry, strict=False)) for entry in tidied.tolist()
    ]
    assert luma == sorted(luma)
