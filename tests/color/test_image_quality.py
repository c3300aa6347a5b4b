"""Measures of likeness beside their slow twins."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers import synthetic_photo
from icsys.color.image_quality import Quality, measure, psnr_of
from report import naive


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_all_measures_are_those_of_the_slow_twin(data):
    shape = (data.draw(st.integers(11, 14)), data.draw(st.integers(11, 14)), 3)
    first, second = (data.draw(arrays(np.uint8, shape)) for _ in range(2))
    if np.array_equal(first, second):
        return
    found = measure(first, second)
    assert found.mse == pytest.approx(naive.mse(first, second))
    assert found.psnr == pytest.approx(naive.psnr(first, second))
    assert found.ssim == pytest.approx(naive.ssim(first, second), abs=2e-4)
    assert found.delta_e == pytest.approx(naive.mean_ciede2000(first, second), rel=1e-6)


def test_the_slow_twin_agrees_with_pairs_of_the_literature():
    """From the table of Sharma, Wu and Dalal (2005): hues on both sides of the zero, greys, and a large difference."""
    for first, second, expected in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert naive.ciede2000(first, second) == pytest.approx(expected, abs=1e-4)


def test_psnr_is_that_of_opencv():
    first, second = synthetic_photo(seed=1), synthetic_photo(seed=2)
    assert measure(first, second).psnr == pytest.approx(cv2.PSNR(first, second))


@pytest.mark.parametrize(("side", "window"), [(1, 1), (2, 1), (4, 3), (7, 7), (11, 11)])
def test_a_small_picture_has_the_largest_window_that_fits(side, window):
    first, second = synthetic_photo(side, side + 2, seed=1), synthetic_photo(side, side + 2, seed=2)
    assert measure(first, second).ssim == pytest.approx(naive.ssim(first, second, window), abs=3e-6)


@pytest.mark.parametrize("rows", [1, 2, 5, 13, 29, 30])
def test_bands_do_not_change_a_measure(monkeypatch, rows):
    first, second = synthetic_photo(30, 40, seed=1), synthetic_photo(30, 40, seed=2)
    whole = measure(first, second)
    monkeypatch.setattr("icsys.color.image_quality._BAND", rows * 40)
    found = measure(first, second)
    for name in ("mse", "psnr", "ssim", "delta_e"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-12)


def test_equal_pictures_have_no_psnr():
    picture = synthetic_photo()
    assert measure(picture, picture.copy()) == Quality(0.0, None, 1.0, 0.0)
    assert psnr_of(0.0) is None
