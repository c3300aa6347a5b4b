"""Intervals of totals: exact for a whole population, and as sure as they say on populations whose total is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from icsys.studio.cost.intervals import TotalInterval, t_quantile, total_by_ratio, total_of_sample

VALUES = st.lists(st.floats(0, 1e9), min_size=1, max_size=30)
MADE = {
    "normal": lambda random, count: random.normal(1000, 200, count).clip(0),
    "uniform": lambda random, count: random.uniform(0, 5000, count),
    "skewed": lambda random, count: random.lognormal(8, 0.5, count),
    "two kinds": lambda random, count: (
        np.where(random.random(count) < 0.4, 2000, 9000) * random.uniform(0.8, 1.2, count)
    ),
    "some without output": lambda random, count: (random.random(count) < 0.7) * random.normal(3000, 300, count),
}


def share_held(intervals, total):
    return np.mean([low <= total <= high for _, low, high in intervals])


@pytest.mark.parametrize("sampled", [8, 32, 128])
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_the_interval_holds_the_total_in_about_95_of_100_samples(made, sampled):
    random = np.random.default_rng(7)
    population = made(random, 300)
    found = [total_of_sample(random.choice(population, sampled, replace=False), 300) for _ in range(600)]
    # 600 samples tell a share of 0.95 to within 0.018, two standard errors; skewed values have fewer.
    assert 0.91 <= share_held(found, population.sum()) <= 0.985
    assert np.mean([one.total for one in found]) == pytest.approx(population.sum(), rel=0.02)


@pytest.mark.parametrize("sampled", [8, 16])
def test_the_interval_by_ratio_holds_the_total_and_is_shorter(sampled):
    random = np.random.default_rng(9)
    others = random.lognormal(8, 0.5, 500)
    values = others * random.normal(0.4, 0.05, 500).clip(0)
    found, plain = [], []
    for _ in range(600):
        order = random.permutation(500)[:96]
        wide = total_of_sample(others[order], 500)
        few = order[:sampled]
        found.append(total_by_ratio(values[few], others[few], wide, 500))
        plain.append(total_of_sample(values[few], 500))
    assert 0.91 <= share_held(found, values.sum()) <= 0.99
    assert np.mean([one.relative for one in found]) < 0.6 * np.mean([one.relative for one in plain])


@given(VALUES)
def test_a_sample_of_all_is_exact(values):
    total = pytest.approx(math.fsum(values))
    assert total_of_sample(values, len(values)) == TotalInterval(total, total, total)
    exact = TotalInterval(*[math.fsum(values)] * 3)
    by_ratio = total_by_ratio(values, values, exact, len(values))
    assert by_ratio.low == by_ratio.total == by_ratio.high == total


@given(VALUES, st.integers(1, 10**6))
def test_the_estimate_lies_in_its_interval(values, more):
    found = total_of_sample(values, len(values) + more)
    assert 0 <= found.low <= found.total <= found.high
    assert found.relative >= 0


@given(st.integers(1, 10**5))
def test_the_quantile_is_that_of_student(df):
    assert t_quantile(df) == pytest.approx(stdtrit(df, 0.975), rel=2e-3 if df < 6 else 1e-4)


def test_an_end_without_a_bound_is_none_in_json():
    assert total_of_sample([3], 2).plain("bytes") == {"bytes": 6.0, "bytes_low": 0.0, "bytes_high": None}
    assert total_of_sample([3], 1).plain("bytes") == {"bytes": 3.0, "bytes_low": 3.0, "bytes_high": 3.0}
