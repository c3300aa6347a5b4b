"""Pictures that are functions of the place, so that each crop of them is known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.inspection.alignment import align, difference, lay, softened


def drawn(side, left=0.0, right=1.0, top=0.0, bottom=1.0):
    """Draw the part of a smooth picture between two columns and two rows, both from 0 to 1; shape (1, side, side)."""
    x, y = (a + (np.arange(side) + 0.5) / side * (b - a) for a, b in ((left, right), (top, bottom)))
    x, y = np.meshgrid(x, y)
    value = 120 + 50 * np.sin(7 * x + 3 * y) + 40 * np.cos(11 * y - 5 * x) + 30 * np.sin(17 * x * y)
    return value[None].astype(np.float32)


@settings(max_examples=30)
@given(st.tuples(*[st.floats(0, 0.02)] * 4), st.sampled_from([24, 48, 96]), st.booleans())
def test_a_crop_is_laid_over_its_picture(crop, side, is_first):
    left, right, top, bottom = crop
    whole, part = drawn(side), drawn(side, left, 1 - right, top, 1 - bottom)
    one, other = (part, whole) if is_first else (whole, part)
    found = align(one, other, 12)
    before = np.abs(one - other)[0, 4:-4, 4:-4].max()
    after = np.abs(one - lay(other, found))[0, 4:-4, 4:-4].max()
    assert after < 0.5 + 0.2 * before
    if is_first:  # the first lies within the second
        width, height = 1 - left - right, 1 - top - bottom
        expected = [width - 1, (left - right) / 2, height - 1, (top - bottom) / 2]
        np.testing.assert_allclose(found[0], expected, atol=0.25 / side)
    assert difference(one, other, found, 3).outside[0] < 0.3 / side + 0.002


@pytest.mark.parametrize("shift", [0.03, 0.05])
def test_a_picture_that_is_moved_is_no_crop(shift):
    moved = drawn(48, shift, 1 + shift)
    found = align(moved, drawn(48), 12)
    assert difference(moved, drawn(48), found, 3).outside[0] > shift - 0.01


def test_the_difference_is_that_of_the_pixels_that_both_have():
    first, second = drawn(24), drawn(24) + 3
    second[0, 8:12, 8:12] += 40
    found = difference(first, second, np.zeros((1, 4), np.float32), 4)
    inner = (first - second)[0, 1:-1, 1:-1]
    assert found.rms[0] == pytest.approx(np.sqrt((inner**2).mean()), rel=1e-4)
    assert found.block[0] == pytest.approx(43, rel=1e-4)
    assert found.outside[0] == 0


def test_softened_pictures_are_those_of_a_loop():
    values = drawn(9)
    expected = values.astype(float).copy()
    for axis in (1, 2):
        rolled = np.moveaxis(expected, axis, 0)
        rolled[1:-1] = (rolled[:-2] + 2 * rolled[1:-1] + rolled[2:]) / 4
    np.testing.assert_allclose(softened(values), expected, rtol=1e-5)
