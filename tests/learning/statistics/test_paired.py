"""Paired estimates beside slow twins, a bootstrap of whole groups, and worlds whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from icsys.learning.statistics.paired import Estimate, images_per_group, paired_difference, paired_estimate
from simulated_arms import World


@st.composite
def measured(draw):
    """Values of R repeats and t images, and their groups, at least two of them."""
    repeats, images = draw(st.integers(2, 5)), draw(st.integers(2, 12))
    values = draw(
        st.lists(st.lists(st.integers(-4, 4), min_size=images, max_size=images), min_size=repeats, max_size=repeats)
    )
    groups = draw(st.lists(st.integers(-2, 3), min_size=images, max_size=images).filter(lambda them: len({*them}) > 1))
    return np.array(values, np.float64), np.array(groups, np.int32)


def slow_estimate(values, groups):
    """Return mean, variance and degrees of freedom, entry by entry."""
    repeats, images = values.shape
    names = sorted({*groups.tolist()})
    mean = sum(values[r][i] for r in range(repeats) for i in range(images)) / (repeats * images)
    of_repeats = [sum(values[r][i] for i in range(images)) / images for r in range(repeats)]
    of_images = [sum(values[r][i] for r in range(repeats)) / repeats for i in range(images)]
    image = repeat = both = 0.0
    factor = len(names) / (len(names) - 1)
    for name in names:
        members = [i for i in range(images) if groups[i] == name]
        image += factor * (sum(of_images[i] - mean for i in members) / images) ** 2
        for r in range(repeats):
            rest = sum(values[r][i] - of_repeats[r] - of_images[i] + mean for i in members) / images
            both += factor * rest**2 / (repeats * (repeats - 1))
    repeat = sum((one - mean) ** 2 for one in of_repeats) / (repeats * (repeats - 1))
    return mean, image, repeat, both


@given(measured())
def test_it_is_the_sum_of_its_parts(case):
    values, groups = case
    found = paired_estimate(values, groups)
    mean, image, repeat, both = slow_estimate(values, groups)
    count, repeats = len({*groups.tolist()}), len(values)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.error**2 == pytest.approx(image + max(0.0, repeat - both), abs=1e-12)
    if repeat > both + 1e-12:
        parts = (image**2, count - 1), (repeat**2, repeats - 1), (both**2, (count - 1) * (repeats - 1))
        expected = (image + repeat - both) ** 2 / sum(square / df for square, df in parts)
        assert found.df == pytest.approx(max(1.0, expected))
    elif repeat < both - 1e-12:
        assert found.df == count - 1


@given(measured())
def test_single_images_give_the_mean_squares_of_a_two_way_table(case):
    values, _ = case
    repeats, images = values.shape
    rows, columns = values.mean(1, keepdims=True), values.mean(0, keepdims=True)
    of_images = repeats * columns.var() * images / (images - 1)
    of_repeats = images * rows.var() * repeats / (repeats - 1)
    rest = ((values - rows - columns + values.mean()) ** 2).sum() / ((images - 1) * (repeats - 1))
    expected = (of_images + max(0.0, of_repeats - rest)) / (repeats * images)
    assert paired_estimate(values, np.arange(images)).error ** 2 == pytest.approx(expected, abs=1e-12)


@given(measured(), st.randoms(use_true_random=False))
def test_neither_order_nor_names_of_groups_matter(case, random):
    values, groups = case
    order = random.sample(range(len(groups)), len(groups))
    one, other = paired_estimate(values, groups), paired_estimate(values[:, order], 7 - 3 * groups[order])
    assert (one.mean, one.error) == pytest.approx((other.mean, other.error), abs=1e-9)


def test_one_repeat_of_single_images_is_the_paired_t_test():
    values = np.random.default_rng(1).normal(0.1, 1, (1, 40))
    found = paired_estimate(values, np.arange(40))
    expected = stats.ttest_1samp(values[0], 0).confidence_interval(0.9)
    assert found.interval(0.9) == pytest.approx((expected.low, expected.high))
    assert (found.lower(0.05), found.upper(0.05)) == pytest.approx(found.interval(0.9))


def test_the_error_of_images_is_that_of_a_bootstrap_of_whole_groups():
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(150), random.integers(1, 8, 150))
    values = (random.normal(0, 1, 150)[groups] + random.normal(0, 1, (3, len(groups)))).mean(0)
    sums, sizes = np.bincount(groups, values), np.bincount(groups)
    drawn = random.integers(0, 150, (6000, 150))
    bootstrapped = (sums[drawn].sum(1) / sizes[drawn].sum(1)).std() * math.sqrt(150 / 149)
    error = paired_estimate(values[None], groups).error
    assert error == pytest.approx(bootstrapped, rel=0.04)
    assert error > 1.5 * paired_estimate(values[None], np.arange(len(groups))).error  # groups matter here


# The interval is longest where images and models act together, and shortest where the scatter of few models dominates.
@pytest.mark.parametrize(
    ("images", "models", "both", "least", "most"),
    [
        (1.0, 0.0, 0.0, 0.93, 0.97),
        (1.0, 0.03, 1.0, 0.93, 0.98),
        (1.0, 0.1, 1.0, 0.92, 0.97),
        (0.3, 0.0, 1.0, 0.94, 0.99),
        (1.0, 0.5, 1.0, 0.90, 0.96),
    ],
)
def test_intervals_hold_the_truth_in_95_of_100_cases(images, models, both, least, most):
    """Groups of three images that resemble one another, three models."""
    random = np.random.default_rng(3)
    groups = np.arange(240) // 3
    held = 0
    for _ in range(1000):
        of_images = images * (random.standard_normal(80)[groups] + random.standard_normal(240)) / math.sqrt(2)
        values = of_images + models * random.standard_normal((3, 1)) + both * random.standard_normal((3, 240))
        low, high = paired_estimate(values, groups).interval()
        held += low <= 0 <= high
    assert least <= held / 1000 <= most


def test_what_images_and_models_have_together_counts_once():
    """The squared error is the variance that is observed, where either part alone holds all of it."""
    random = np.random.default_rng(4)
    found = [paired_estimate(random.standard_normal((10, 30)), np.arange(30)) for _ in range(1500)]
    observed = np.var([one.mean for one in found])
    assert np.mean([one.error**2 for one in found]) == pytest.approx(observed, rel=0.25)  # twice it, without care


def test_differences_of_accuracies_are_honest_on_groups():
    held = 0
    for seed in range(600):
        world = World(seed, 300, group=3)
        one, other = world.arm(0.75), world.arm(0.72)
        low, high = paired_difference(one, other, world.groups).interval()
        held += low <= 0.03 <= high
    assert 0.93 <= held / 600 <= 0.98


def test_arms_that_agree_everywhere_may_differ_elsewhere():
    right = np.ones((3, 50), bool)
    found = paired_difference(right, right, np.arange(50))
    assert found.mean == 0
    assert found.error == pytest.approx(1 / 50)


def test_the_least_error_is_that_of_one_image_and_its_group():
    right = np.ones((3, 60), bool)
    groups = np.arange(60) // 3
    once, often = right.copy(), right.copy()
    once[0, 0] = False  # one model, one image
    often[:, ::4] = False
    assert paired_difference(once, right, groups).error == pytest.approx(math.sqrt(3) / 60)
    expected = paired_estimate(often.astype(float) - right, groups)
    assert paired_difference(often, right, groups).error == pytest.approx(expected.error)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_images_per_group_is_the_mean_size_that_an_image_sees(groups):
    assert images_per_group(np.array(groups)) == pytest.approx(np.mean([groups.count(one) for one in groups]))


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("images", [1, 7])
def test_one_group_excludes_nothing(repeats, images):
    right = np.arange(repeats * images).reshape(repeats, images) % 2 == 0
    found = paired_difference(right, ~right, np.zeros(images, np.int32))
    assert found.interval() == (-1, 1)
    assert (found.lower(0.05), found.upper(0.05)) == (-1, 1)
    assert math.isfinite(found.mean)


def test_constant_values_have_no_error_and_no_nan():
    found = paired_estimate(np.full((3, 8), 0.25), np.arange(8))
    assert found.interval() == (0.25, 0.25)
    assert found.df == 7


def test_bounds_stay_within_what_is_possible():
    assert Estimate(0.9, 0.2, 2.0, -1.0, 1.0).interval()[1] == 1.0
