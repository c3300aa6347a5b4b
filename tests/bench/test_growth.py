"""How a run grows."""

import numpy as np

from growth import Panel, Point, by_images, by_many_images, by_megapixels, growth_table, plot, tables
from memory import growth, peak_bytes
from perceptual import row
from photos import generate_photo


def test_every_panel_becomes_a_table_with_a_row_for_each_point():
    points = [Point("MKM", 1, 0.5, 2_000_000), Point("MKM", 10, 1.5, None)]
    text = tables([Panel("images", "small images", points), Panel("megapixels", "4 photos", points[:1])])
    assert [cell.strip() for cell in text.splitlines()[5].split("|")[1:-1]] == ["MKM", "1", "0.500", "2.00"]
    assert text.count("## ") == 2


def test_every_point_is_measured_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("growth._SMALL", (64, 48))
    monkeypatch.setattr("growth._COPIES", 2)
    panels = [
        Panel("images", "small", by_images(tmp_path, 1, 1), "seconds"),
        Panel("megapixels", "sizes", by_megapixels(tmp_path, (0.02,), 1)),
    ]
    assert [point.x for point in panels[0].points] == [1, 10, 100]
    assert [(point.line, point.x) for point in panels[1].points] == [(f"MKM, --jobs {jobs}", 0.02) for jobs in (1, 2)]
    assert all(point.seconds > 0 for panel in panels for point in panel.points)
    plot(panels, tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").read_text("utf-8").count("<svg") == 1


def test_each_further_image_is_told_and_a_million_extrapolated():
    points = [Point("a run", 1000, 1.0, 60_000_000), Point("a run", 10_000, 10.0, 60_900_000)]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in growth_table(points).splitlines()[2:]]
    assert cells[1][3:] == ["60.9", "1,000", "100"]
    assert cells[2][:4] == ["a run (extrapolated)", "1,000,000", "1,000", "160"]
    measured = growth_table([*points, Point("a run", 1_000_000, 900.0, None)])
    assert "extrapolated" not in measured


def test_many_images_are_run_twice(tmp_path, monkeypatch):
    monkeypatch.setattr("growth._FEWEST", 3)
    monkeypatch.setattr("growth._EACH", 2)
    first, second = by_many_images(tmp_path, 29)
    assert (first.x, second.x) == (3, 3)
    assert sorted(path.name for path in (tmp_path / "many-3").iterdir()) == ["class0000", "class0001"]
    assert len(list((tmp_path / "many-3-out").rglob("*.png"))) == 3


def test_peak_memory_holds_what_was_held():
    np.ones(64_000_000, np.uint8)
    after = peak_bytes()
    assert after > 64_000_000


def test_memory_beyond_an_image_is_given_in_bytes(tmp_path):
    np.save(tmp_path / "image.npy", generate_photo(80, 60, 0))
    assert growth(tmp_path / "image.npy", 8, "fast") >= 0


def test_colour_spaces_are_compared_by_mean_ratio_and_share_of_images():
    assert row(16, [[2.0, 1.0], [2.0, 3.0]]) == ["16", "2.000", "2.000", "1.000", "50%"]
