"""The benchmark of fixed features beside a network: what it counts, what it keeps, and its page; without PyTorch."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import rankdata

from icsys.learning.design import Predictions
from learn_agreement import Judgement, Row, main, rank_agreement, remembered, summary_row


def row(network, fixed, halves, error=1.0):
    return Row("K4", 100.0, network, error, halves, fixed)


def test_only_forms_that_the_network_tells_from_full_colour_are_counted():
    rows = [row(-10, -9, (-9, -11)), row(-5, -4, (-6, -5)), row(-3, -6, (-3, -4)), row(1.9, 50, (50, -90))]
    assert [one.is_counted for one in rows] == [True, True, True, False]
    fixed, network = rankdata([-9, -4, -6]), rankdata([-10, -5, -3])
    assert rank_agreement(rows[:3])[0] == pytest.approx(np.corrcoef(fixed, network)[0, 1])
    assert rank_agreement(rows[:3])[2] == pytest.approx(1)
    assert np.isnan(rank_agreement(rows[:2])).all()
    assert summary_row("a", rows)[:5] == ["a", "3 of 4 (few)", "0.50", "0.50", "1.0"]
    assert summary_row("a", rows[:3] * 2)[1] == "6 of 6"


def test_what_is_kept_is_not_judged_again(tmp_path):
    judgement = Judgement(np.array([[True, False]]), np.array([[False, False]]), 2.5)
    file = tmp_path / "a" / "one.npz"
    remembered(file, lambda: judgement)
    again = remembered(file, pytest.fail)
    np.testing.assert_array_equal(again.own, judgement.own)
    np.testing.assert_array_equal(again.originals, judgement.originals)
    assert again.seconds == 2.5


class Stand:
    """Names class 0 where a picture has more than a few colours."""

    def __init__(self, _full, design, *, repeats, **_others):
        self.design, self.repeats = design, repeats

    def judge(self, pixels, _kept=None):
        few = np.array([len(np.unique(one.reshape(-1, 3), axis=0)) < 40 for one in pixels[self.design.tested]])
        own = np.tile(few.astype(np.int32), (self.repeats, 1))
        return Predictions(own, own, np.zeros(own.shape, np.float32))


def test_the_page_has_a_row_for_each_set_and_form(tmp_path, monkeypatch):
    for name in ("FixedFeatureJudge", "NetworkJudge"):
        monkeypatch.setattr(f"learn_agreement.{name}", Stand)
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            folder = tmp_path / "pets" / split / label
            folder.mkdir(parents=True)
            for place in range(3):
                Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{place}.png")
    page = tmp_path / "page.md"
    main([str(tmp_path / "pets"), "--about", "pets (made up)", "--size", "32", "--repeats", "2", "--out", str(page)])
    lines = page.read_text("utf-8").splitlines()
    cells = [line.split("|")[1].strip() for line in lines if line.startswith("| ") and not line.startswith("| --")]
    assert cells == [
        *("set", "pets (made up), on own", "pets (made up), on originals", "form"),
        *(f"{name} (not counted)" for name in ("K64", "K16", "K8", "K4", "K2")),
        *(f"{name} (not counted)" for name in ("16x16", "16x16 K16", "8x8", "8x8 K16")),
        *(f"{name} (not counted)" for name in ("WebP = K16", "JPEG = K16", "WebP = K4", "fewer = K16")),
    ]
