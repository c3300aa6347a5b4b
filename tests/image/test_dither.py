"""Dithering keeps areas' means where plain mapping cannot, and uses no colour but the palette's."""

import numpy as np
import pytest

from helpers import synthetic_photo
from icsys.image.dither import floyd_steinberg


@pytest.mark.parametrize("level", [40, 90, 128, 200])
def test_the_mean_of_a_flat_area_is_kept_with_black_and_white_alone(level):
    palette = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    indices = floyd_steinberg(np.full((64, 64), level, np.uint8), palette)
    assert set(np.unique(indices)) == {0, 1}
    assert abs(255 * indices.mean() - level) < 4


def test_a_colour_of_the_palette_stays():
    palette = np.array([[10, 20, 30], [200, 100, 0], [255, 255, 255]], np.uint8)
    expected = np.random.default_rng(0).integers(0, 3, (20, 30))
    np.testing.assert_array_equal(floyd_steinberg(palette[expected], palette), expected)


@pytest.mark.parametrize("n_colors", [1, 5, 256])
def test_only_entries_of_the_palette_are_used(n_colors):
    palette = np.random.default_rng(1).integers(0, 256, (n_colors, 3), np.uint8)
    indices = floyd_steinberg(synthetic_photo(), palette)
    assert indices.dtype == np.uint8
    assert indices.max() < n_colors
