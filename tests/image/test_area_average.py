"""Averages over areas against a product of matrices in float64, and against OpenCV."""

import cv2
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import synthetic_photo
from icsys.image import area_average as area
from icsys.image.area_average import average_areas, average_image
from icsys.native.library import LIBRARY, Kernels, levels


def shares(edges, n):
    """Return the share of each of n pixels in what lies between two edges, shape (outputs, n): rows add up to 1."""
    low, high = edges[:-1, None], edges[1:, None]
    covered = np.clip(np.minimum(high, np.arange(1, n + 1)) - np.maximum(low, np.arange(n)), 0, None)
    return covered / covered.sum(axis=1, keepdims=True)


def exact_mean(pixels, x, y):
    return np.einsum("yh,xw,hwc->yxc", shares(y, pixels.shape[0]), shares(x, pixels.shape[1]), pixels.astype(float))


@st.composite
def pixels_and_edges(draw):
    height, width, depth = draw(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4)))
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (height, width, depth), np.uint8)

    def edges(n):
        ends = draw(st.lists(st.floats(0, n), min_size=2, max_size=12, unique=True))
        ends = np.sort(ends)
        wide = ends[np.insert(np.diff(ends) > 1e-3, 0, True)]
        return wide if len(wide) > 1 else np.array([0.0, n])

    return pixels, edges(width), edges(height)


@settings(deadline=None)
@given(pixels_and_edges())
def test_every_pixel_counts_by_the_share_that_is_covered(case):
    pixels, x, y = case
    assert np.abs(average_areas(pixels, x, y) - exact_mean(pixels, x, y)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("size", [(31, 40), (97, 61), (150, 99), (1, 1), (640, 427)])
def test_sizes_are_those_of_opencv_but_for_rounding(china, size):
    x, y = (np.linspace(0, side, count + 1) for side, count in zip(china.shape[1::-1], size, strict=True))
    expected = cv2.resize(china.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    assert np.abs(average_areas(china, x, y) - expected).max() <= 0.51


@settings(deadline=None)
@given(pixels_and_edges())
def test_every_instruction_set_gives_the_same_average(case):
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for level in levels():
            patch.setattr(area, "KERNELS", Kernels(LIBRARY, level))
            found.append(average_areas(*case))
    assert all(np.array_equal(other, found[0]) for other in found)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "P", "1"])
def test_bands_add_up_to_the_picture_as_a_whole(mode, monkeypatch):
    image = Image.fromarray(synthetic_photo(97, 61)).convert(mode)
    edges = np.linspace(3.2, 60.1, 14), np.linspace(0.7, 96.3, 30)
    whole = average_image(image, *edges)
    monkeypatch.setattr(area, "BAND_PIXELS", 100)
    banded = average_image(image, *edges)
    assert whole.mode == banded.mode
    assert np.array_equal(np.asarray(whole), np.asarray(banded))


def test_colours_count_by_their_opacity():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 4), np.uint8)
    edges = np.linspace(0, 12, 4)
    made = np.asarray(average_image(Image.fromarray(pixels), edges, edges)).astype(float)
    weighted = pixels.astype(float)
    weighted[..., :3] *= weighted[..., 3:] / 255
    expected = exact_mean(weighted, edges, edges)
    assert np.abs(made[..., 3] - expected[..., 3]).max() <= 0.51
    assert np.abs(made[..., :3] - expected[..., :3] * 255 / expected[..., 3:]).max() <= 3


def test_no_second_copy_of_a_large_picture_is_made():
    image = Image.new("P", (6000, 5000))
    edges = np.linspace(0, 6000, 301), np.linspace(0, 5000, 251)
    average_image(image, *edges)
    before = psutil.Process().memory_info().rss
    peak = []
    kept = area.average_areas

    def watched(*arguments):
        peak.append(psutil.Process().memory_info().rss)
        return kept(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(area, "average_areas", watched)
        average_image(image, *edges)
    # As RGB it would be 90 MB, or 120 in Pillow.
    assert max(peak) - before < 30_000_000


@pytest.mark.parametrize(("x", "y"), [([0.0, 5.5], [0.0, 4.0]), ([-0.5, 5.0], [0.0, 4.0]), ([0.0, 5.0], [0.0, 4.1])])
def test_edges_outside_the_picture_are_refused(x, y):
    with pytest.raises(ValueError, match="expected within"):
        average_areas(np.zeros((4, 5, 3), np.uint8), np.array(x), np.array(y))
