"""The benchmark of shared palettes."""

import numpy as np

from icsys import Options
from palettes import dataset_palette, errors, kmeans_palette, mean_error, memory, pooled, write_images
from photos import load_rgb, write_photos


def test_errors_stand_beside_the_errors_of_kmeans(tmp_path):
    write_photos(tmp_path / "drawn", 4, 40, 30)
    rows = errors(tmp_path / "drawn", tmp_path, [4], 2, 1)
    assert [row[:2] for row in rows] == [["4", name] for name in ("KMeans", "MKM", "FKM", "MBKM")]
    assert rows[0][3:] == ["1.000", "1.000"]
    for _, _, error, ratio, _ in rows[1:]:
        assert float(error.replace(",", "")) > 0
        assert 0.9 < float(ratio) < 1.02
    assert 0.5 < float(rows[1][4]) < 1.5


def test_a_palette_of_all_colours_has_no_error(tmp_path):
    photos = write_photos(tmp_path, 1, 5, 4, suffix=".png")
    colors = pooled(photos, Options(step=1))
    assert colors.counts.sum() == 20
    assert mean_error(colors, colors.colors()) == 0.0
    assert len(kmeans_palette(colors, 3)) == 3
    palette = dataset_palette(tmp_path, Options(step=1, colors=2, palette="dataset"))
    expected = np.square(colors.colors()[:, None].astype(int) - palette).sum(axis=2).min(axis=1)
    assert np.isclose(mean_error(colors, palette), (expected * colors.counts).sum() / 20)


def test_images_are_pieces_of_photos(tmp_path, monkeypatch):
    monkeypatch.setattr("palettes._PIECES", 2)
    monkeypatch.setattr("palettes._DRAWN_SIDES", (120, 90))
    paths = write_images(tmp_path / "drawn", 3)
    assert {load_rgb(path).shape for path in paths} == {(60, 80, 3)}
    assert len({path.read_bytes() for path in paths}) == 3


def test_memory_is_measured_for_every_number_of_images(tmp_path):
    photos = write_photos(tmp_path / "drawn", 2, 20, 20)
    assert [row[0] for row in memory(photos, tmp_path, [1, 2])] == ["1", "2"]
