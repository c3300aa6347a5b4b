"""Totals from a sample that prefers large files: as sure as they say on sets whose totals are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.studio.cost.drawn_sample import DrawnSample, with_unseen
from icsys.studio.cost.estimate import NEAR_ENOUGH, steps_of
from icsys.studio.cost.intervals import TotalInterval, total_of_sample

SIZES = {
    "alike": lambda random, count: random.lognormal(8, 0.3, count),
    "skewed": lambda random, count: random.lognormal(8, 1, count),
    "heavy tail": lambda random, count: random.lognormal(8, 1.5, count),
    "5 in 100 are 20 times larger": lambda random, count: (
        np.where(random.random(count) < 0.05, 20, 1) * random.lognormal(8, 0.3, count)
    ),
    "1 in 100 is 100 times larger": lambda random, count: (
        np.where(random.random(count) < 0.01, 100, 1) * random.lognormal(8, 0.3, count)
    ),
    "two formats": lambda random, count: np.where(random.random(count) < 0.4, 8000.0, 90000.0),
    "unknown": lambda random, count: np.ones(count),  # noqa: ARG005
}
OUTPUTS = {
    "scaled": lambda random, sizes: sizes * random.lognormal(-2, 0.3, len(sizes)),
    "one size": lambda random, sizes: 3000 * random.lognormal(0, 0.3, len(sizes)),
    "between": lambda random, sizes: np.sqrt(sizes) * random.lognormal(2, 0.3, len(sizes)),
    "some fail": lambda random, sizes: (random.random(len(sizes)) > 0.1) * random.lognormal(8, 0.3, len(sizes)),
    "equal": lambda random, sizes: np.full(len(sizes), 844.0),  # noqa: ARG005
    "copies": lambda random, sizes: 3000 * random.lognormal(0, 0.4, 1 + len(sizes) // 3)[np.arange(len(sizes)) // 3],
}


def sampled(sizes, values, seed, counts):
    """Return the interval of the total at each number of photos, as an estimate makes it."""
    sample = DrawnSample(sizes, seed, 256)
    for count in counts:
        part = values[sample.order[:count]]
        found = sample.total(part.tolist())
        if (part > 0).all():
            found = with_unseen(found, sample.count([True] * count), len(sizes))
        yield count, found


@pytest.mark.parametrize("made", OUTPUTS.values(), ids=OUTPUTS)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_the_interval_holds_the_total_in_about_95_of_100_sets(sizes, made):
    random = np.random.default_rng(7)
    held, errors = [], []
    for seed in range(25):
        for population, counts in ((20, (8, 16)), (1000, (8, 64))):
            files = sizes(random, population)
            values = made(random, files)
            total = values.sum()
            for _, found in sampled(files, values, seed, counts):
                held.append(found.low <= total * (1 + 1e-9) and total * (1 - 1e-9) <= found.high)
                errors.append(found.total / total)
    # 100 samples tell a share of 0.94 to within 0.05, two standard errors.
    assert np.mean(held) >= 0.87
    assert np.mean(errors) == pytest.approx(1, abs=0.06)


def test_few_huge_files_among_many_small_ones_are_met():
    """The interval of a plain random sample holds the total in few of 100 such sets."""
    random = np.random.default_rng(3)
    held = {"plain": 0, "drawn": 0}
    for seed in range(100):
        files = SIZES["1 in 100 is 100 times larger"](random, 1000)
        values = OUTPUTS["scaled"](random, files)
        plain = total_of_sample(random.choice(values, 16, replace=False), 1000)
        [(_, drawn)] = sampled(files, values, seed, [16])
        for name, found in (("plain", plain), ("drawn", drawn)):
            held[name] += found.low <= values.sum() <= found.high
    assert held["plain"] < 50
    assert held["drawn"] >= 80


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_rare_failures_that_no_sample_shows_are_within_the_interval(share):
    random = np.random.default_rng(9)
    held = []
    for seed in range(60):
        outputs = random.random(800) > share
        for count in (8, 32, 128):
            sample = DrawnSample(np.ones(800), seed, 256)
            found = sample.count(outputs[sample.order[:count]].tolist())
            held.append(found.low <= outputs.sum() <= found.high)
    assert np.mean(held) >= 0.92


def test_to_end_as_soon_as_the_interval_is_short_keeps_it_as_sure():
    random = np.random.default_rng(8)
    held = []
    for name, sizes in SIZES.items():
        for seed in range(12):
            files = sizes(random, 600)
            values = OUTPUTS["scaled" if name != "unknown" else "one size"](random, files)
            for _, found in sampled(files, values, seed, steps_of(600)):
                if found.relative <= NEAR_ENOUGH:
                    break
            held.append(found.low <= values.sum() <= found.high)
    assert np.mean(held) >= 0.89


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=30), st.integers(0, 100))
def test_a_sample_of_all_is_exact(values, seed):
    sample = DrawnSample(np.asarray(values) + 1, seed, 256)
    assert sorted(sample.order) == list(range(len(values)))
    measured = [values[place] for place in sample.order]
    total = pytest.approx(math.fsum(values))
    assert sample.total(measured) == TotalInterval(total, total, total)
    count = sum(value > 0 for value in values)
    assert sample.count([value > 0 for value in measured]) == TotalInterval(count, count, count)


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=2, max_size=40), st.data())
def test_the_estimate_lies_in_its_interval_and_no_end_below_what_was_measured(pairs, data):
    sizes, values = (np.array(one) for one in zip(*pairs, strict=True))
    sample = DrawnSample(sizes, data.draw(st.integers(0, 9)), 256)
    count = data.draw(st.integers(1, len(pairs) - 1))
    part = values[sample.order[:count]]
    found = sample.total(part.tolist())
    assert part.sum() <= found.low * (1 + 1e-9) + 1e-9
    assert found.low <= found.total <= found.high
    number = sample.count((part > 0).tolist())
    assert (part > 0).sum() <= number.low <= number.total <= number.high <= len(pairs) - (part == 0).sum()


def test_the_sample_is_alike_each_time_and_has_no_image_twice():
    for images in (0, 1, 7, 300, 5000):
        sizes = np.random.default_rng(1).lognormal(8, 1, images)
        order = DrawnSample(sizes, 3, 256).order
        assert order == DrawnSample(sizes, 3, 256).order
        assert len(set(order)) == len(order) == min(images, 256)
        assert all(0 <= number < images for number in order)
    assert DrawnSample(sizes, 3, 256).order != DrawnSample(sizes, 4, 256).order
    firsts = [number for seed in range(400) for number in DrawnSample(np.ones(20), seed, 256).order[:8]]
    counts = [firsts.count(number) for number in range(20)]
    assert 110 < min(counts) <= max(counts) < 210  # 160 each, standard deviation 10
