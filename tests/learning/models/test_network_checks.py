"""Which arms the network rechecks, and what it says of them; without PyTorch."""

import sys

import numpy as np
import pytest

from icsys import MissingExtraError, Options
from icsys.learning.arm import COLORS, FULL, SIZES, Arm, ArmPictures
from icsys.learning.design import FOLDS, Design, Predictions
from icsys.learning.models.network_checks import arms_to_check, network_checks
from icsys.learning.models.network_judge import NetworkJudge
from icsys.learning.statistics.paired import paired_difference

N = 40


def pictures_of(arm, value=0):
    pixels = np.full((0 if arm.is_subset else N, 8, 8, 3), value, np.uint8)
    return ArmPictures(arm, pixels, np.ones(N, np.int64), 8, 8)


ARMS = [
    Arm(FULL, Options()),
    *(Arm(f"K{k}", Options(), chain=COLORS) for k in (64, 16, 4)),
    *(Arm(name, Options(), chain=SIZES) for name in ("4x4", "4x4 K16")),
    Arm("WebP = K16", codec="WebP", as_small_as="K16"),
    Arm("JPEG = K16", codec="JPEG", as_small_as="K16"),
    Arm("WebP = K4", codec="WebP", as_small_as="K4"),
    Arm("fewer = K16", as_small_as="K16"),
]
PICTURES = [pictures_of(arm, place) for place, arm in enumerate(ARMS)]


@pytest.mark.parametrize(
    ("recommended", "expected"),
    [
        ("K16", [FULL, "K16", "K4", "WebP = K16", "JPEG = K16"]),
        ("K4", [FULL, "K4", "WebP = K4"]),
        ("K64", [FULL, "K64", "K16"]),
        ("4x4", [FULL, "4x4", "4x4 K16"]),
        ("4x4 K16", [FULL, "4x4 K16"]),
        (FULL, [FULL, "K64"]),
        (None, [FULL, "K16", "K4", "WebP = K16", "JPEG = K16"]),
    ],
)
def test_the_arms_that_matter(recommended, expected):
    assert [one.arm.name for one in arms_to_check(PICTURES, recommended)] == expected


def test_arms_that_are_not_judged_are_passed_over():
    some = [
        one._replace(arm=one.arm._replace(is_judged=one.arm.name != "K4"))
        for one in PICTURES
        if one.arm.name in {FULL, "K16", "K4"}
    ]
    assert [one.arm.name for one in arms_to_check(some, "K16")] == [FULL, "K16"]
    assert [one.arm.name for one in arms_to_check(some, None)] == [FULL, "K16"]
    assert [one.arm.name for one in arms_to_check(some[:1], None)] == [FULL]


class Stand:
    """Predicts class 0 for as many tested images as the value of the pictures times two, and class 1 for the rest."""

    repeats = 2

    def judge(self, pixels, kept=None):
        assert kept is None
        own = np.ones((2, N // 2), np.int32)
        own[:, : 2 * int(pixels[0, 0, 0, 0])] = 0
        return Predictions(own, own, np.zeros(own.shape, np.float32))


DESIGN = Design(
    np.ones(N, np.int32), 2, np.ones(N, bool), np.arange(N) % 2 == 0, np.arange(N, dtype=np.int32) // 4, FOLDS
)


def test_checks_hold_each_arm_against_the_one_in_full():
    checks = network_checks(Stand(), DESIGN, PICTURES, "K16")
    assert [one.name for one in checks] == [FULL, "K16", "K4", "WebP = K16", "JPEG = K16"]
    assert [one.accuracy for one in checks] == pytest.approx([100 - 10 * wrong for wrong in (0, 2, 3, 6, 7)])
    assert (checks[0].difference, checks[0].low, checks[0].high) == (0, 0, 0)
    correct = np.tile(np.arange(N // 2) >= 4, (2, 1))
    expected = paired_difference(correct, np.ones_like(correct), DESIGN.groups[::2])
    assert checks[1].difference == pytest.approx(100 * expected.mean) == pytest.approx(-20)
    assert (checks[1].low, checks[1].high) == pytest.approx([100 * bound for bound in expected.interval()])


def test_a_stop_leaves_what_is_done():
    answers = iter([False, False, True])
    assert [one.name for one in network_checks(Stand(), DESIGN, PICTURES, "K16", lambda: next(answers))] == [
        FULL,
        "K16",
    ]


def test_without_pytorch_the_error_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"model='cnn' needs PyTorch: pip install 'icsys\[torch\]'"):
        NetworkJudge(PICTURES[0].pixels, DESIGN)
