"""Measures of likeness beside those of scikit-image, and beside slow twins where that has none."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from helpers import synthetic_photo
from icsys.color import quality_metrics as quality
from icsys.color.quality_metrics import ciede2000, luma_of, mean_ciede2000, psnr_of, ssim, to_lab
from icsys.native.library import LIBRARY, Kernels, levels
from report import naive


def luma(pixels):
    return pixels.astype(float) @ [0.299, 0.587, 0.114]


def pairs():
    """Two pictures, alike or not, at least as large as the window."""
    sides = st.tuples(st.integers(11, 24), st.integers(11, 24))
    noise = st.integers(0, 255).map(lambda most: most / 2)

    def pair(shape, most, seed):
        random = np.random.default_rng(seed)
        first = random.integers(0, 256, (*shape, 3)).astype(np.uint8)
        return first, np.clip(first + random.uniform(-most, most, first.shape), 0, 255).astype(np.uint8)

    return st.builds(pair, sides, noise, st.integers(0, 99))


def float_luma(pixels):
    return luma_of(pixels.reshape(-1, 3)).reshape(pixels.shape[:2])


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_ssim_is_that_of_scikit_image(pair):
    first, second = pair
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = structural_similarity(luma(first), luma(second), **settings)
    assert ssim(float_luma(first), float_luma(second)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("side", "window"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (8, 7), (10, 9), (11, 11)])
def test_a_small_picture_has_the_largest_window_that_fits(side, window):
    first, second = synthetic_photo(side, side + 2, seed=1), synthetic_photo(side, side + 2, seed=2)
    for x, y in ((first, second), (first.transpose(1, 0, 2), second.transpose(1, 0, 2))):
        assert ssim(float_luma(x), float_luma(y)) == pytest.approx(naive.ssim(x, y, window), abs=3e-6)


def test_ssim_is_the_same_whatever_the_instruction_set(monkeypatch, china):
    few = (china // 16 * 16).astype(np.uint8)
    found = set()
    for level in levels():
        monkeypatch.setattr(quality, "KERNELS", Kernels(LIBRARY, level))
        found.add(ssim(float_luma(china), float_luma(few)))
    assert len(found) == 1
    assert 0 < found.pop() < 1


@given(arrays(np.uint8, st.tuples(st.integers(1, 30), st.just(3))), st.integers(0, 2**32 - 1))
def test_ciede2000_is_that_of_scikit_image(first, seed):
    random = np.random.default_rng(seed)
    second = random.integers(0, 256, first.shape).astype(np.uint8)
    near = np.clip(first + random.integers(-3, 4, first.shape), 0, 255).astype(np.uint8)
    for other in (second, near, first):
        expected = deltaE_ciede2000(rgb2lab(first), rgb2lab(other))
        found = ciede2000(to_lab(first), to_lab(other))
        # The root of what rounding leaves of nothing.
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_of_pairs_of_the_literature(first, second, expected):
    """From the table of Sharma, Wu and Dalal (2005)."""
    found = ciede2000(np.array([first], float), np.array([second], float))
    assert found == pytest.approx([expected], abs=1e-4)


def test_the_mean_difference_weighs_pairs_by_how_often_they_occur():
    random = np.random.default_rng(0)
    first, second = (to_lab(random.integers(0, 256, (20_000, 3)).astype(np.uint8)) for _ in range(2))
    counts = random.integers(1, 50, 20_000)
    expected = np.average(ciede2000(first, second), weights=counts)
    assert mean_ciede2000(first, second, counts) == pytest.approx(expected, abs=1e-6)


def test_grey_levels_are_colours_whose_channels_are_equal():
    levels = np.arange(256, dtype=np.uint8)[:, None]
    assert np.array_equal(luma_of(levels), luma_of(np.repeat(levels, 3, axis=1)))
    assert np.array_equal(to_lab(levels), to_lab(np.repeat(levels, 3, axis=1)))


def test_psnr_is_of_the_error_of_a_channel():
    assert psnr_of(3 * 255**2) == pytest.approx(0)
    assert psnr_of(3.0) == pytest.approx(20 * math.log10(255))
    assert psnr_of(0.0) is None
