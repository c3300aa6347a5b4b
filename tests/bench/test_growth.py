"""How a run grows."""

import numpy as np

from growth import Panel, Point, by_images, by_megapixels, plot, tables
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


def test_peak_memory_holds_what_was_held():
    np.ones(64_000_000, np.uint8)
    after = peak_bytes()
    assert after > 64_000_000


def test_memory_beyond_an_image_is_given_in_bytes(tmp_path):
    np.save(tmp_path / "image.npy", generate_photo(80, 60, 0))
    assert growth(tmp_path / "image.npy", 8, "fast") >= 0


def test_colour_spaces_are_compared_by_mean_ratio_and_share_of_images():
    assert row(16, [[2.0, 1.0], [2.0, 3.0]]) == ["16", "2.000", "2.000", "1.000", "50%"]
