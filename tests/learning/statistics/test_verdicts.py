"""Verdicts in worlds whose truth is known: how often they are wrong, and how often they find what is there."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from icsys.learning.arm import Arm
from icsys.learning.statistics.paired import paired_difference
from icsys.learning.statistics.resolution import power
from icsys.learning.statistics.verdicts import (
    ALPHA,
    SHARE_KEPT,
    alphas_of_arms,
    chains_of_arms,
    shows_learning,
    unseen_losses,
    verdicts,
)
from simulated_arms import World

COLORS, SIZES = ["K64", "K16", "K4"], ["small", "small K16"]


def most_of(runs, probability):
    """Return the count that is exceeded in one of 100 such series of runs."""
    return stats.binom.ppf(0.99, runs, probability)


@pytest.mark.parametrize("group", [1, 3])
def test_twins_are_called_losing_in_at_most_17_of_200_runs(group):
    losing = keeping = 0
    for seed in range(200):
        world = World(seed, 400, group=group)
        found = verdicts({"full": world.arm(0.8), "twin": world.arm(0.8)}, "full", [["twin"]], world.groups)
        losing += found["twin"].verdict == "loses"
        keeping += found["twin"].verdict == "keeps"
    assert losing <= 17
    assert keeping < 100  # 400 images do not tell


@pytest.mark.parametrize(
    ("images", "group", "accuracy", "change", "models"),
    [
        (60, 1, 0.8, 0.5, 0.03),  # few images
        (200, 1, 0.8, 0.05, 0.0),  # few disagree
        (600, 1, 0.97, 0.1, 0.0),  # few err
        (600, 3, 0.8, 0.3, 0.03),
        (600, 1, 0.6, 0.3, 0.1),  # models scatter
    ],
)
def test_arms_that_lose_just_one_percent_are_seldom_said_to_keep(images, group, accuracy, change, models):
    """In two chains and three arms in none, the probability of any such error is at most 5 %."""
    names, wrong, runs = [*COLORS, *SIZES, "WebP", "JPEG", "fewer"], 0, 150
    for seed in range(runs):
        world = World(seed, images, group=group)
        correct = {"full": world.arm(accuracy, images=change, models=models, both=change)}
        for name in names:
            correct[name] = world.arm(SHARE_KEPT * accuracy, images=change, models=models, both=change)
        wrong += any(
            one.verdict == "keeps" for one in verdicts(correct, "full", [COLORS, SIZES], world.groups).values()
        )
    assert wrong <= most_of(runs, ALPHA)


def test_a_loss_of_three_points_is_found_as_often_as_the_power_says():
    found = kept = 0
    predicted = []
    for seed in range(200):
        world = World(seed, 1500)
        full, worse = (world.arm(rate, images=0.15, models=0.01, both=0.2) for rate in (0.8, 0.77))
        correct = {"full": full, "worse": worse}
        one = verdicts(correct, "full", [["worse"]], world.groups)["worse"]
        found += one.verdict == "loses"
        kept += one.verdict == "keeps"
        predicted.append(power(0.03 - 0.008, one.difference.error, one.difference.df, ALPHA))
    assert np.mean(predicted) > 0.8
    assert found >= 160
    assert found / 200 == pytest.approx(np.mean(predicted), abs=0.08)
    assert kept == 0


def test_twins_are_said_to_keep_where_images_suffice():
    keeping = 0
    for seed in range(30):
        world = World(seed, 6000)
        correct = {name: world.arm(0.9, images=0.05, models=0.0, both=0.05) for name in ("full", "twin")}
        keeping += verdicts(correct, "full", [["twin"]], world.groups)["twin"].verdict == "keeps"
    assert keeping >= 24


def random_arms(seed, repeats, images, names):
    random = np.random.default_rng(seed)
    rates = random.uniform(0.5, 1, len(names))
    return {name: random.random((repeats, images)) < rate for name, rate in zip(names, rates, strict=True)}


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 40), st.integers(1, 5))
def test_after_the_first_that_does_not_keep_none_of_its_chain_does(seed, repeats, images, group):
    correct = random_arms(seed, repeats, images, ["full", *COLORS, *SIZES, "WebP"])
    found = verdicts(correct, "full", [COLORS, SIZES], np.arange(images) // group)
    assert list(found) == list(correct)
    for chain in (COLORS, SIZES):
        keeps = [found[name].verdict == "keeps" for name in chain]
        assert keeps == sorted(keeps, reverse=True)
    for name, (difference, verdict) in found.items():
        assert verdict == ("reference" if name == "full" else verdict)
        assert all(map(math.isfinite, difference.interval()))
        assert difference.mean == pytest.approx(correct[name].mean() - correct["full"].mean())
        if name != "full":
            bound = paired_difference(correct[name], correct["full"], np.arange(images) // group, SHARE_KEPT)
            assert (verdict == "loses") == (bound.upper(ALPHA) < 0)


def test_a_chain_stops_though_later_arms_would_pass():
    right = np.arange(3000).reshape(1, 3000).repeat(3, 0) % 10 > 0
    worse = right.copy()
    worse[:, 5::20] = False
    correct = {"full": right, "K64": right, "K16": worse, "K4": right, "WebP": right}
    found = verdicts(correct, "full", [["K64", "K16", "K4"]], np.arange(3000))
    assert {name: one.verdict for name, one in found.items()} == {
        "full": "reference",
        "K64": "keeps",
        "K16": "loses",
        "K4": "unclear",
        "WebP": "keeps",
    }


@given(st.sets(st.sampled_from([*COLORS, *SIZES, "WebP", "JPEG"]), min_size=1), st.floats(0.001, 0.2))
def test_chains_share_alpha(names, alpha):
    levels = alphas_of_arms(sorted(names), [COLORS, SIZES], alpha)
    assert levels.keys() == names
    chains = {
        "colors" if name in COLORS else "sizes" if name in SIZES else name: level for name, level in levels.items()
    }
    assert sum(chains.values()) == pytest.approx(alpha)
    if "colors" in chains:
        assert chains["colors"] == pytest.approx(alpha * (1 if len(chains) == 1 else 2 / 3))


@pytest.mark.parametrize(("images", "verdict"), [(4, "unclear"), (250, "unclear"), (320, "keeps")])
def test_agreement_on_few_images_shows_little(images, verdict):
    """An arm that loses 1 of 100 agrees on 300 images in one of 20 cases: that is the rule of three."""
    right = np.ones((3, images), bool)
    assert verdicts({"full": right, "K64": right}, "full", [["K64"]], np.arange(images))["K64"].verdict == verdict


@pytest.mark.parametrize("images", [1, 5, 5000])
def test_without_accuracy_there_is_nothing_to_keep(images):
    wrong = np.zeros((3, images), bool)
    found = verdicts({"full": wrong, "K64": wrong, "K16": ~wrong}, "full", [["K64"], ["K16"]], np.arange(images))
    assert [found[name].verdict for name in ("K64", "K16")] == ["unclear", "unclear"]


@pytest.mark.parametrize("images", [1, 3000])
def test_one_group_gives_no_verdict(images):
    right = np.ones((3, images), bool)
    found = verdicts({"full": right, "K64": right, "K2": ~right}, "full", [], np.zeros(images, np.int32))
    assert {found[name].verdict for name in ("K64", "K2")} == {"unclear"}


def test_arms_of_unequal_repeats_are_refused():
    with pytest.raises(AssertionError):
        verdicts({"full": np.ones((3, 9), bool), "K64": np.ones((2, 9), bool)}, "full", [], np.arange(9))


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.001, 0.05))
def test_unseen_losses_make_the_variance_that_of_the_most_likely_counts(gained, lost, allowed):
    """The likelihood of counts of gains and losses, whose rates differ by the loss allowed, over a fine grid."""
    images = 200
    full, arm = np.ones((1, images), bool), np.ones((1, images), bool)
    full[0, :gained], arm[0, gained : gained + lost] = False, False
    shift = allowed * images
    rates = np.concatenate([[1e-12], np.linspace(1e-4, 40, 40_001)])
    likelihood = gained * np.log(rates) + lost * np.log(rates + shift) - 2 * rates
    best = rates[likelihood.argmax()]
    assert unseen_losses(arm, full, allowed) == pytest.approx(max(0.0, 2 * best + shift - gained - lost), abs=5e-3)


def test_arms_of_a_chain_or_a_codec_are_tested_in_turn():
    arms = [
        Arm("full"),
        Arm("K16", chain="colors"),
        Arm("32x32", chain="sizes"),
        Arm("WebP = K16", codec="WebP", as_small_as="K16"),
        Arm("K4", chain="colors"),
        Arm("JPEG = K16", codec="JPEG", as_small_as="K16"),
        Arm("WebP = K4", codec="WebP", as_small_as="K4"),
        Arm("fewer = K16", as_small_as="K16"),
    ]
    assert chains_of_arms(arms) == [["K16", "K4"], ["32x32"], ["WebP = K16", "WebP = K4"], ["JPEG = K16"]]


@pytest.mark.parametrize(("rare", "verdict"), [(0, "unclear"), (8, "unclear"), (60, "keeps")])
def test_no_arm_keeps_where_always_naming_the_largest_class_would_keep_too(rare, verdict):
    labels, groups = (np.arange(800) < rare).astype(np.int32), np.arange(800, dtype=np.int32)
    right = np.ones((3, 800), bool)
    found = verdicts({"full": right, "K4": right}, "full", [["K4"]], groups, labels=labels)
    assert found["K4"].verdict == verdict
    assert verdicts({"full": right, "K4": right}, "full", [["K4"]], groups)["K4"].verdict == "keeps"


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_models_that_name_the_largest_class_show_no_learning(classes, seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, 200).astype(np.int32)
    largest = max(range(classes), key=lambda label: (labels == label).sum())
    full = np.tile(labels == largest, (3, 1))
    assert not shows_learning(full, labels, np.arange(200, dtype=np.int32))
    assert shows_learning(np.ones((3, 200), bool), labels, np.arange(200, dtype=np.int32))
