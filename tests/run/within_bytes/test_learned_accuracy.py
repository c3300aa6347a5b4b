"""Accuracy between arms: on the arms themselves, rising with size and colours, and beyond them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from icsys.errors import UsageError
from icsys.records.learn_file import LearnedArm, LearnFile
from icsys.run.within_bytes.learned_accuracy import LearnedAccuracy

ACCURACY = st.floats(0, 100)


def arm(side, colors, accuracy, *, options=True):
    return LearnedArm(f"{side} {colors}", {} if options else None, side, side // 2 or 1, colors, accuracy, None, "png")


def learned(*arms):
    return LearnFile("learn.json", arms, None)


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from([2, 4, 8, 16, 32, 64, 128, 256]), ACCURACY, min_size=1), ACCURACY)
def test_in_the_largest_size_it_is_the_isotonic_regression(by_colors, full):
    found = LearnedAccuracy(learned(*(arm(64, k, a) for k, a in by_colors.items()), arm(64, None, full)))
    ks = sorted(by_colors)
    expected = IsotonicRegression().fit_transform(np.arange(len(ks) + 1), [*(by_colors[k] for k in ks), full])
    assert [found.of(64, k) for k in [*ks, None]] == pytest.approx(expected, abs=1e-9)
    assert found.fewest_colors == ks[0]


@settings(max_examples=25)
@given(ACCURACY, ACCURACY, ACCURACY, ACCURACY, ACCURACY)
def test_a_larger_setting_is_never_worse(few, full, half, half_few, quarter):
    arms = (arm(64, 16, few), arm(64, None, full), arm(32, None, half), arm(32, 16, half_few), arm(16, 16, quarter))
    found = LearnedAccuracy(learned(*arms))
    sides = [4, 8, 16, 20, 32, 50, 64, 65, 200]
    for colors in (2, 16, 40, None):
        accuracies = [found.of(side, colors) for side in sides]
        assert all(b >= a - 1e-9 for a, b in itertools.pairwise(accuracies))
    assert found.of(200, 16) == found.of(64, 16)


def test_between_the_arms_it_is_a_line_over_the_logarithms():
    arms = (arm(64, 4, 70.0), arm(64, 16, 80.0), arm(64, None, 82.0), arm(16, 16, 60.0), arm(16, None, 66.0))
    found = LearnedAccuracy(learned(*arms))
    assert found.of(64, 8) == pytest.approx(75)
    assert found.of(16, 16) == pytest.approx(60)
    assert found.of(16, None) == pytest.approx(66)
    assert found.of(32, 16) == pytest.approx(70)
    assert found.of(16, 4) == pytest.approx(50)  # the cost of 16 colours, the fewest of that size
    assert found.of(8, 16) == pytest.approx(50)  # 10 points for each half, as between the arms
    middle = 2 ** ((math.log2(16) + 10) / 2)
    assert found.of(16, round(middle)) == pytest.approx(63, abs=0.05)


def test_where_no_arm_is_smaller_size_is_kept_as_long_as_colours_can_fall():
    found = LearnedAccuracy(learned(arm(64, 2, 60.0), arm(64, 64, 69.0)))
    assert found.of(64, 2) > found.of(31, 64)
    assert found.of(64, 1) == pytest.approx(50)


def test_arms_that_were_not_judged_or_that_ics_does_not_write_do_not_count():
    arms = (arm(64, 16, 80.0), arm(64, 4, None), arm(64, 8, 10.0, options=False), arm(128, 16, None))
    found = LearnedAccuracy(learned(*arms))
    assert (found.side, found.fewest_colors) == (64, 16)
    with pytest.raises(UsageError, match=r"learn\.json.*no setting with options and a number of colours was judged"):
        LearnedAccuracy(learned(arm(64, None, 80.0), arm(32, 16, 70.0)))
