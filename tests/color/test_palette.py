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
    reduced = stored.map_to_nearest(Histogram(pixels), palette)
    distances = np.square(pixels[:, None].astype(int) - palette[None].astype(int)).sum(axis=-1)
    np.testing.assert_array_equal(reduced.palette[reduced.indices], palette[distances.argmin(axis=1)])
    assert reduced.sse == distances.min(axis=1).sum()


def test_distances_in_blocks_are_those_of_the_whole(monkeypatch):
    random = np.random.default_rng(0)
    pixels, palette = random.integers(0, 256, (2, 1000, 3), dtype=np.uint8)
    whole = stored.map_to_nearest(Histogram(pixels), palette)
    monkeypatch.setattr(stored, "_DISTANCES", 7000)
    parts = stored.map_to_nearest(Histogram(pixels), palette)
    assert whole.indices.dtype == np.uint16
    np.testing.assert_array_equal(whole.indices, parts.indices)
    assert whole.sse == parts.sse


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
