"""Fingerprints beside SciPy's cosine transform, OpenCV's Laplacian, and averages over repeated pixels."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dctn

from helpers import synthetic_photo
from icsys.inspection.fingerprint import GRID, cell_weights, fingerprint_of


@given(st.integers(1, 70), st.integers(1, 40))
def test_cells_are_means_of_pixels_that_are_repeated_until_cells_are_whole(length, number):
    values = np.random.default_rng(length).normal(size=length)
    expected = np.repeat(values, number).reshape(number, length).mean(1)
    np.testing.assert_allclose(cell_weights(length, number) @ values, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(48, 72), (72, 48), (24, 24)])
def test_the_hash_tells_which_of_the_lowest_frequencies_are_above_the_noise(shape):
    pixels = synthetic_photo(*shape, seed=4)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    grid = luma.reshape(GRID, shape[0] // GRID, GRID, shape[1] // GRID).mean((1, 3))
    frequencies = dctn(grid)
    places = sorted(np.ndindex(GRID, GRID), key=lambda place: (place[0] ** 2 + place[1] ** 2, place))[1:65]
    found = fingerprint_of(pixels)
    assert f"{found.hash:064b}" == "".join("1" if frequencies[place] / 4 > 8 else "0" for place in places)
    assert found.light == pytest.approx(luma.mean(), abs=0.01)
    assert found.contrast == pytest.approx(grid.std(), abs=0.01)
    np.testing.assert_allclose(np.frombuffer(found.luma, np.uint8).reshape(GRID, GRID), grid, atol=0.51)


def test_sharpness_is_the_variance_of_the_laplacian():
    pixels = synthetic_photo(40, 50, channels=1)
    expected = cv2.Laplacian(pixels.astype(np.float64), cv2.CV_64F)[1:-1, 1:-1].var()
    assert fingerprint_of(pixels).sharpness == pytest.approx(expected, rel=1e-3)
    blurred = cv2.GaussianBlur(pixels, (0, 0), 2)
    assert fingerprint_of(blurred).sharpness < 0.1 * expected
    assert fingerprint_of(pixels[:2]).sharpness == 0


def test_grey_and_colour_of_the_same_picture_have_one_fingerprint():
    grey = synthetic_photo(channels=1)
    one, other = fingerprint_of(grey), fingerprint_of(np.repeat(grey[..., None], 3, 2))
    assert (one.hash, one.luma) == (other.hash, other.luma)
