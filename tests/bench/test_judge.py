"""The error that all palettes are judged by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from judge import distinct_colors, pack, palette_mse, round_palette, unpack

pictures = arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8), st.just(3)))
palettes = arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(3)))


@given(pictures, palettes)
def test_error_is_that_of_the_nearest_entry_for_every_pixel(image, palette):
    differences = image.reshape(-1, 1, 3).astype(int) - palette[None].astype(int)
    naive = (differences**2).sum(axis=2).min(axis=1)
    assert palette_mse(image, palette) == naive.sum() / naive.size


@given(pictures)
def test_an_image_judged_by_its_own_colours_has_no_error(image):
    assert palette_mse(image, image.reshape(-1, 3)) == 0


@given(pictures)
def test_packed_colours_unpack(image):
    np.testing.assert_array_equal(unpack(pack(image)), image.reshape(-1, 3))


@given(pictures)
def test_distinct_colours_and_counts_make_the_image_again(image):
    colors, counts = distinct_colors(image)
    expected, expected_counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    np.testing.assert_array_equal(colors, expected)
    np.testing.assert_array_equal(counts, expected_counts)


def test_an_image_of_more_distinct_colours_than_a_block_is_judged_whole():
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    gray = np.full((1, 3), 128, np.uint8)
    assert palette_mse(image, gray) == pytest.approx(((image.astype(float) - 128) ** 2).sum() / 40_000, rel=1e-12)


def test_centres_are_rounded_and_kept_in_range():
    rounded = round_palette(np.array([[0.6, 254.4, 255.7], [-0.2, 1.2, 300.0]]))
    np.testing.assert_array_equal(rounded, [[1, 254, 255], [0, 1, 255]])
