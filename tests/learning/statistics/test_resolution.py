"""What images can tell, beside how often simulated verdicts do."""

import math

import numpy as np
import pytest
from scipy import stats

from icsys.learning.statistics.paired import paired_difference
from icsys.learning.statistics.resolution import power, resolution
from icsys.learning.statistics.verdicts import ALPHA
from simulated_arms import World

RIGHT = np.ones((3, 100), bool)


def test_the_loss_that_it_names_is_excluded_in_80_of_100_cases():
    """Twins: the lower bound of their difference lies above the loss named by another sample of the same world."""
    named = []
    for seed in range(60):
        world = World(seed, 500)
        correct = {name: world.arm(0.8) for name in ("full", "K128", "K64", "K32")}
        named.append(resolution(correct, "full", ["K128", "K64", "K32"], world.groups, ALPHA).resolves / 100)
    loss, excluded = np.median(named), 0
    for seed in range(100, 400):
        world = World(seed, 500)
        found = paired_difference(world.arm(0.8), world.arm(0.8), world.groups)
        excluded += found.lower(ALPHA) > -loss
    assert 0.72 <= excluded / 300 <= 0.88


def test_as_many_images_as_it_names_resolve_what_is_allowed():
    needed = []
    for images in (500, 4000):
        found = []
        for seed in range(7):
            world = World(seed, images)
            correct = {name: world.arm(0.8, models=0.0) for name in ("full", "K128", "K64")}
            found.append(resolution(correct, "full", ["K128", "K64"], world.groups, ALPHA))
        first = found[0]
        assert first.loss_allowed == pytest.approx(0.8, abs=0.1)
        assert first.images_needed == pytest.approx(images * (first.resolves / first.loss_allowed) ** 2, abs=1)
        needed.append(np.median([one.images_needed for one in found]))
    assert needed[0] == pytest.approx(needed[1], rel=0.25)


def test_where_all_images_agree_it_is_the_rule_of_three():
    found = resolution({"full": RIGHT, "K128": RIGHT}, "full", ["K128"], np.arange(100), 0.05)
    expected = stats.t.ppf(0.95, 99) ** 2
    assert found.resolves == pytest.approx(expected)  # of 100 images, in points
    assert found.loss_allowed == pytest.approx(1.0)
    assert found.images_needed == math.ceil(100 * expected)


def test_a_stricter_level_resolves_less():
    world = World(1, 300)
    correct = {"full": world.arm(0.8), "K128": world.arm(0.8)}
    strict, loose = (resolution(correct, "full", ["K128"], world.groups, alpha).resolves for alpha in (0.01, 0.05))
    assert strict > loose


@pytest.mark.parametrize(
    ("full", "mild", "groups"),
    [
        (RIGHT, [], np.arange(100)),
        (~RIGHT, ["K128"], np.arange(100)),
        (RIGHT, ["K128"], np.zeros(100, np.int32)),
        (RIGHT[:, :1], ["K128"], np.zeros(1, np.int32)),
    ],
)
def test_where_nothing_can_be_said_it_names_no_number_of_images(full, mild, groups):
    found = resolution({"full": full, "K128": full}, "full", mild, groups, 0.05)
    assert found.images_needed is None
    assert 0 < found.resolves <= 100
    assert math.isfinite(found.loss_allowed)


@pytest.mark.parametrize(("loss", "df"), [(0.0, 10), (1.0, 30), (2.5, 200)])
def test_the_power_is_that_of_the_t_test(loss, df):
    assert power(loss, 1.0, df, 0.05) == pytest.approx(stats.nct.sf(stats.t.ppf(0.95, df), df, loss), abs=0.02)


def test_without_error_every_loss_is_found():
    assert power(0.1, 0.0, 5, 0.05) == 1.0
    assert power(0.0, 0.0, 5, 0.05) == 0.05
