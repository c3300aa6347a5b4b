"""The benchmark of rare colours: its pictures, its measures and its page."""

import numpy as np
import pytest

from photos import generate_photo
from rare_colors import LIGHT, Quality, constrained_lloyd, keeps_light, lights, main, quality, rare_pixels, row, sheet


def test_lights_are_small_and_red_among_grey():
    for picture, light in lights(4):
        assert 0 < light.sum() < 40
        assert np.abs(picture[light].mean(axis=0) - LIGHT).max() < 10
        others = picture[~light].astype(int)
        assert np.ptp(others, axis=1).mean() < 5


def test_a_light_that_is_kept_is_told_from_one_that_is_lost():
    picture, light = next(lights(1))
    assert keeps_light(picture, light, 8, keep_colors="#e6191e")
    assert not keeps_light(picture, light, 2)


def test_rare_pixels_lie_in_cells_of_few_pixels():
    picture = np.zeros((40, 50, 3), np.uint8)
    picture[0, 0] = 255
    picture[1, :2] = 200
    assert np.flatnonzero(rare_pixels(picture)).tolist() == [0]


def test_quality_is_that_of_the_pixels():
    picture = np.zeros((40, 50, 3), np.uint8)
    picture[0, 0] = 250
    assert quality(picture, 2) == Quality(0, 0, 0)
    few = quality(picture, 1)
    assert few.rare == pytest.approx(few.worst**2)
    assert few.mean < few.rare


def test_a_constrained_iteration_is_no_better_than_a_free_one_and_keeps_its_colours():
    photo = generate_photo(48, 32, 0)
    kept = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)
    free = constrained_lloyd(photo, 8, kept[:0])
    assert free < constrained_lloyd(photo, 8, kept) < constrained_lloyd(photo, 6, kept[:0]) * 1.02


def test_rows_are_geometric_means_beside_no_option():
    usual = [Quality(4, 10, 2), Quality(1, 0, 2)]
    assert row("x", [Quality(8, 5, 2), Quality(2, 0, 8)], usual) == ["x", "2.00", "0.50", "2.00"]


def test_the_page_has_every_table(tmp_path, monkeypatch):
    monkeypatch.setattr("rare_colors.sample_photos", lambda: iter(()))
    for name, value in {"_SIDE": 32, "_STARTS": 1, "_ITERATIONS": 3, "POWERS": (1.0, 0.5)}.items():
        monkeypatch.setattr(f"rare_colors.{name}", value)
    main(["--images", "1", "--colors", "6,8", "--lights", "1", "--out", str(tmp_path / "page.md")])
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings[1:-1] == ["## MKM, K = 6", "## MKM, K = 8", "## FKM, K = 8", "## MBKM, K = 8"]
    assert "keep-colors '#e6191e'" in page
    assert page.count("| MBKM, K = ") == 2


def test_the_picture_shows_a_light_four_times():
    shown = np.asarray(sheet(zoom=1)).astype(int)
    assert shown.shape == (40, 4 * 40 + 3 * 2, 3)
    reds = [(np.ptp(shown[:, start : start + 40], axis=2) > 100).sum() for start in range(0, 168, 42)]
    assert reds[0] > 1
    assert reds[1] == 0 < min(reds[2:])
