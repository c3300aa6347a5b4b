"""How a run grows."""

import numpy as np

from growth import Panel, Point, tables
from memory import growth, peak_bytes
from perceptual import row
from photos import generate_photo


def test_every_panel_becomes_a_table_with_a_row_for_each_point():
    points = [Point("MKM", 1, 0.5, 2_000_000), Point("MKM", 10, 1.5, None)]
    text = tables([Panel("images", "small images", points), Panel("megapixels", "4 photos", points[:1])])
    assert [cell.strip() for cell in text.splitlines()[5].split("|")[1:-1]] == ["MKM", "1", "0.500", "2.00"]
    assert text.count("## ") == 2


def test_peak_memory_holds_what_was_held():
    np.ones(64_000_000, np.uint8)
    after = peak_bytes()
    assert after > 64_000_000


def test_memory_beyond_an_image_is_told_in_bytes(tmp_path):
    np.save(tmp_path / "image.npy", generate_photo(80, 60, 0))
    assert growth(tmp_path / "image.npy", 8, "fast") >= 0


def test_colour_spaces_are_compared_by_mean_ratio_and_share_of_images():
    assert row(16, [[2.0, 1.0], [2.0, 3.0]]) == ["16", "2.000", "2.000", "1.000", "50%"]
