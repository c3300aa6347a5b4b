"""What the benchmark of honest verdicts counts, on few photos."""

import numpy as np
import pytest
from PIL import Image

from helpers import synthetic_photo
from learn_honesty import load, main, planted


def test_a_folder_with_splits_is_trained_on_one_and_tested_on_the_other(tmp_path):
    for split, name, seed in (("train", "a", 1), ("train", "b", 2), ("test", "a", 3), ("test", "b", 4)):
        place = tmp_path / split / name
        place.mkdir(parents=True)
        Image.fromarray(synthetic_photo(90, 60, seed=seed)).save(place / "one.png")
    photos = load(tmp_path, None)
    assert photos.design.labels.tolist() == [0, 1, 0, 1]
    assert photos.design.tested.tolist() == [True, True, False, False]
    assert photos.design.trained.tolist() == [False, False, True, True]
    assert photos.full.shape == photos.few.shape == (4, 64, 64, 3)
    assert all(len(np.unique(one.reshape(-1, 3), axis=0)) > 16 for one in photos.full)


def test_a_planted_loss_is_three_points_in_the_mean_and_the_same_in_all_models():
    random = np.random.default_rng(0)
    correct = random.random((3, 200)) < 0.8
    losses = []
    for _ in range(300):
        worse = planted(correct, random)
        assert not (worse & ~correct).any()
        gone = (correct & ~worse).any(axis=0)
        assert not worse[:, gone].any()
        losses.append(correct.mean() - worse.mean())
    assert np.mean(losses) == pytest.approx(0.03, abs=0.003)


def test_the_page_has_a_column_for_each_set_of_photos(tmp_path):
    main(["--images", "24", "--runs", "3", "--divisions", "1", "--parts", "2", "--out", str(tmp_path / "page.md")])
    lines = (tmp_path / "page.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:3]] for line in lines if line.startswith("| ")]
    assert cells[0] == ["question", "photos made by code"]
    assert cells[2] == ["images, of which tested", "24, 24"]
    assert len(cells) == 9
    assert cells[-1][1].endswith("(1)")
