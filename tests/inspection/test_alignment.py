"""Pictures that are functions of the place, so that each crop of them is known exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.inspection.alignment import MOST_GAIN, align, difference, largest_part, lay, softened


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


def test_the_difference_is_that_of_the_pixels_that_both_have_once_they_are_as_bright():
    first, second = drawn(24) + 100, (drawn(24) + 100) * np.float32(0.96)
    second[0, 8:12, 8:12] += 40
    found = difference(first, second, np.zeros((1, 4), np.float32), 4)
    ours, theirs = first[0, 1:-1, 1:-1].astype(float), second[0, 1:-1, 1:-1].astype(float)
    gain = (ours * theirs).sum() / (theirs * theirs).sum()
    assert 1 < gain < MOST_GAIN
    assert found.rms[0] == pytest.approx(np.sqrt(((ours - gain * theirs) ** 2).mean()), rel=1e-3)
    assert found.block[0] == pytest.approx(abs((ours - gain * theirs)[7:11, 7:11].mean()), rel=1e-3)
    assert found.outside[0] == 0


def test_more_than_a_slight_change_of_brightness_stays_a_difference():
    first = drawn(24) + 100
    found = difference(first, first * np.float32(0.7), np.zeros((1, 4), np.float32), 4)
    assert found.rms[0] == pytest.approx((1 - 0.7 * MOST_GAIN) * np.sqrt((first[0, 1:-1, 1:-1] ** 2).mean()), rel=1e-3)


def test_the_largest_part_of_a_block_is_that_of_a_loop():
    first, second = drawn(12), drawn(12)[:, ::-1]
    mask = np.ones((1, 12, 12), np.float32)
    mask[:, :, 9:] = 0
    expected = 0.0
    for top in range(12 - 4 + 1):
        for left in range(9 - 4 + 1):
            one, other = (values[0, top : top + 4, left : left + 4].astype(float) for values in (first, second))
            expected = max(expected, (one - other).std() / (max(one.std(), other.std()) + 5))
    assert largest_part(first, second, mask, 4, 5.0)[0] == pytest.approx(expected, rel=1e-3)


def test_softened_pictures_are_those_of_a_loop():
    values = drawn(9)
    expected = values.astype(float).copy()
    for axis in (1, 2):
        rolled = np.moveaxis(expected, axis, 0)
        rolled[1:-1] = (rolled[:-2] + 2 * rolled[1:-1] + rolled[2:]) / 4
    np.testing.assert_allclose(softened(values), expected, rtol=1e-5)
