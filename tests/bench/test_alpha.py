"""The benchmark of palettes with alpha: its pictures, its judge and its arithmetic."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from alpha import EFFORTS, Error, libimagequant, main, ours, rival, row, seen_error, sheet
from icsys import quantize
from photos import generate_photo
from softedges import SIZE, soft_pictures

WITHOUT_IMAGEQUANT = importlib.util.find_spec("imagequant") is None


@pytest.fixture(scope="module")
def pictures():
    return dict(soft_pictures([("a", generate_photo(96, 64, 0)), ("b", generate_photo(96, 64, 1))]))


def test_pictures_have_clear_soft_and_opaque_pixels(pictures):
    assert len(pictures) == 6
    for picture in pictures.values():
        assert (picture.shape, picture.dtype) == ((*SIZE[::-1], 4), np.uint8)
        opacity = picture[..., 3]
        assert opacity.min() == 0
        assert len(np.unique(opacity)) > 100
        assert opacity.max() > 200


def test_the_same_photos_give_the_same_pictures(pictures):
    again = dict(soft_pictures([("a", generate_photo(96, 64, 0))]))
    for name, picture in again.items():
        np.testing.assert_array_equal(picture, pictures[name])


@given(arrays(np.uint8, (5, 4, 4)), arrays(np.uint8, (3, 4)))
def test_the_error_is_that_of_the_best_entry_over_both_backgrounds(image, palette):
    image[0, 0, 3] = 9  # one that is seen
    totals, visible = np.zeros(2), 0
    for pixel in image.reshape(-1, 4).astype(float):
        if pixel[3] == 0:
            continue
        visible += 1
        errors = []
        for entry in palette.astype(float):
            shown = [[c[3] / 255 * c[:3] + (1 - c[3] / 255) * b for c in (pixel, entry)] for b in (0, 255)]
            errors.append([np.square(one - other).sum() for one, other in shown])
        totals += min(errors, key=sum)
    error = seen_error(image, palette)
    assert error.mean == pytest.approx(totals.sum() / 2 / visible, abs=1e-6)


def test_all_colours_leave_no_error(pictures):
    picture = pictures["antialiased text"][:16, :16]
    assert seen_error(picture, picture.reshape(-1, 4)) == Error(0.0, 0.0)


@pytest.mark.skipif(WITHOUT_IMAGEQUANT, reason="imagequant is not installed")
def test_the_rival_is_the_better_one_of_two(pictures):
    picture = pictures["cutout of a"]
    both = [seen_error(picture, libimagequant(picture, 8, dithering)).mean for dithering in (0.0, 1.0)]
    assert rival(picture, 8).mean == min(both)


@pytest.mark.skipif(WITHOUT_IMAGEQUANT, reason="imagequant is not installed")
@pytest.mark.parametrize("colors", [16, 64, 256])
def test_ours_is_no_worse_on_what_is_seen(colors, pictures):
    for picture in pictures.values():
        assert seen_error(picture, ours(picture, colors)).mean <= rival(picture, colors).mean


def test_rows_compare_picture_by_picture():
    mine, other = [Error(8, 10), Error(6, 6)], [Error(10, 10), Error(4, 10)]
    assert row("mine", mine, other) == ["mine", "0.879", "0.900", "1.500", "1.000", "100%"]
    assert set(row("mine", [Error(0, 0)], [Error(0, 0)])[1:]) == {"-"}


def test_a_sheet_shows_every_number_of_colours_over_every_background(pictures):
    picture = pictures["lights"]
    shown = np.asarray(sheet(picture, [8]))
    width, height = SIZE
    assert shown.shape == (4 * height, 2 * width, 3)
    few = quantize(picture, 8, alpha="keep").to_array().astype(int)
    over_black = (few[..., :3] * few[..., 3:] / 255).round()
    assert np.abs(shown[height : 2 * height, width:] - over_black).max() <= 1


@pytest.mark.skipif(WITHOUT_IMAGEQUANT, reason="imagequant is not installed")
def test_the_page_has_a_table_for_every_k(tmp_path):
    main(["--images", "1", "--colors", "4", "--sheets", str(tmp_path / "sheets"), "--out", str(tmp_path / "page.md")])
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## K = 4" in page
    assert all(f"MKM, {effort}" in page for effort in EFFORTS)
    assert len(list((tmp_path / "sheets").iterdir())) == 5
