"""Colours changed in palettes: the levels that closed forms and Python's colorsys give, colour by colour."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from icsys import UsageError
from icsys.loading.palette_jitter import jitter_palettes

HALF = 0.51  # of a level: what rounding changes, and float32 in four steps beside it


def clipped(level):
    return min(max(level, 0.0), 255.0)


def changed(color, brightness, contrast, saturation, hue):
    """Return a colour after all changes, unrounded."""
    color = [clipped(level * brightness) for level in color]
    color = [clipped(127.5 + (level - 127.5) * contrast) for level in color]
    grey = 0.2989 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    color = [clipped(grey + (level - grey) * saturation) for level in color]
    turned, depth, value = colorsys.rgb_to_hsv(*(level / 255 for level in color))
    return [level * 255 for level in colorsys.hsv_to_rgb((turned + hue) % 1, depth, value)]


FACTORS = st.floats(0, 3, width=32)
CHANGE = st.tuples(FACTORS, FACTORS, FACTORS, st.floats(-0.5, 0.5, width=32))


@given(st.data())
@settings(max_examples=60)
def test_a_palette_becomes_what_each_of_its_colours_becomes(data):
    palettes = data.draw(nps.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))))
    changes = data.draw(st.lists(CHANGE, min_size=len(palettes), max_size=len(palettes)))
    found = jitter_palettes(palettes, *np.array(changes, np.float32).T)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == (palettes.shape, np.uint8, True)
    for before, after, change in zip(palettes.tolist(), found.tolist(), changes, strict=True):
        expected = [changed(color, *change) for color in before]
        np.testing.assert_allclose(after, expected, rtol=0, atol=HALF)


@given(
    palettes=nps.arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 17), st.just(3))),
    kept=st.sets(st.sampled_from(["brightness", "contrast", "saturation", "hue"])),
)
@settings(max_examples=40)
def test_factors_of_one_and_no_turn_leave_palettes_as_they_are(palettes, kept):
    same = {name: np.full(len(palettes), name != "hue", np.float32) for name in kept}
    found = jitter_palettes(palettes, **same)
    np.testing.assert_array_equal(found, palettes)
    assert not np.shares_memory(found, palettes)


def test_each_change_alone_does_what_its_name_says():
    palettes = np.array([[[200, 100, 50], [7, 7, 7]]], np.uint8)
    one = np.ones(1)
    assert jitter_palettes(palettes, brightness=one / 2).tolist() == [[[100, 50, 25], [4, 4, 4]]]
    assert jitter_palettes(palettes, contrast=0 * one).tolist() == [[[128] * 3] * 2]
    assert jitter_palettes(palettes, saturation=0 * one).tolist() == [[[124] * 3, [7] * 3]]
    assert jitter_palettes(palettes, hue=one / 3).tolist() == [[[50, 200, 100], [7, 7, 7]]]
    assert jitter_palettes(palettes, hue=-one / 2).tolist() == [[[50, 150, 200], [7, 7, 7]]]


def test_each_palette_has_a_change_of_its_own():
    palettes = np.full((3, 2, 3), 100, np.uint8)
    assert jitter_palettes(palettes, brightness=[0, 0.5, 9])[:, 1, 2].tolist() == [0, 50, 255]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"brightness": [1.0]}, r"brightness of shape \(1,\): expected \(2,\)"),
        ({"contrast": 1.0}, r"contrast of shape \(\): expected \(2,\)"),
        ({"saturation": [1.0, -0.1]}, r"saturation=-0.1: expected finite numbers from 0 on"),
        ({"brightness": [np.nan, 1]}, "brightness=nan: expected finite"),
        ({"contrast": [np.inf, 1]}, "contrast=inf: expected finite"),
        ({"hue": [0, 0.6]}, r"hue=0.6: expected numbers from -0.5 to 0.5"),
        ({"hue": ["a", "b"]}, r"hue of shape \(2,\)"),
    ],
)
def test_wrong_changes_are_refused(change, says):
    with pytest.raises(UsageError, match=says):
        jitter_palettes(np.zeros((2, 4, 3), np.uint8), **change)


@pytest.mark.parametrize("palettes", [np.zeros((4, 3), np.uint8), np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 3))])
def test_what_is_no_palettes_is_refused(palettes):
    with pytest.raises(UsageError, match=r"expected \(n, K, 3\) of uint8"):
        jitter_palettes(palettes)
