"""Contrasts of arms of equal bytes beside SciPy's t test, and Holm's adjustment beside its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from icsys.learning.statistics.equal_bytes import equal_bytes, holm
from simulated_arms import World


@given(st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.02]), max_size=8), st.floats(0.001, 0.999))
def test_adjusted_values_reject_what_the_steps_of_holm_reject(chances, alpha):
    rejected, left = set(), sorted(range(len(chances)), key=lambda place: chances[place])
    while left and chances[left[0]] * len(left) <= alpha:
        rejected.add(left.pop(0))
    adjusted = holm(chances)
    assert {place for place, one in enumerate(adjusted) if one <= alpha} == rejected
    assert all(p <= one <= 1 for p, one in zip(chances, adjusted, strict=True))


def test_a_contrast_is_a_paired_t_test_in_points():
    world = World(5, 2000, repeats=1)
    correct = {"WebP = K4": world.arm(0.75), "K4": world.arm(0.72)}
    (found,) = equal_bytes(correct, [("WebP = K4", "K4")], world.groups)
    expected = stats.ttest_rel(*(one[0].astype(float) for one in correct.values()))
    interval = expected.confidence_interval()
    assert (found.arm, found.other) == ("WebP = K4", "K4")
    assert found.difference == pytest.approx(100 * (correct["WebP = K4"].mean() - correct["K4"].mean()))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert found.adjusted_p == found.p


def test_equal_arms_are_seldom_told_apart():
    """Of six contrasts of twins, any has an adjusted p of at most 0.05 in at most 5 % of the runs."""
    wrong = 0
    for seed in range(150):
        world = World(seed, 300)
        correct = {name: world.arm(0.7) for name in "abcdef"}
        pairs = [(name, "a") for name in "bcdef"]
        wrong += any(one.adjusted_p <= 0.05 for one in equal_bytes(correct, pairs, world.groups))
    assert wrong <= stats.binom.ppf(0.99, 150, 0.05)


@pytest.mark.parametrize("groups", [np.arange(20), np.zeros(20, np.int32)])
def test_identical_arms_have_a_p_of_one(groups):
    right = np.ones((3, 20), bool)
    (found,) = equal_bytes({"JPEG": right, "K16": right}, [("JPEG", "K16"), ("WebP", "K16")], groups)
    assert (found.difference, found.p, found.adjusted_p) == (0.0, 1.0, 1.0)
    assert found.low < 0 < found.high
