"""Oklab agrees with its author's published examples and gives every colour back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icsys.color import oklab
from icsys.color.oklab import from_oklab, to_oklab

colors = arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(3)))


@given(colors)
def test_every_colour_comes_back(rgb):
    np.testing.assert_array_equal(np.rint(from_oklab(to_oklab(rgb))), rgb)


@pytest.mark.parametrize(
    ("xyz", "lab"),
    [
        ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
        ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
        ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
        ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
    ],
)
def test_the_published_pairs_of_xyz_and_lab(xyz, lab):
    """The table in the author's article gives XYZ and Lab; linear sRGB lies between (IEC 61966-2-1)."""
    rgb_from_xyz = np.linalg.inv(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    linear = rgb_from_xyz @ xyz
    found = oklab._LAB_FROM_LMS @ np.cbrt(oklab._LMS_FROM_RGB @ linear)  # noqa: SLF001 - out of gamut: no public way
    np.testing.assert_allclose(found, lab, atol=2e-3)


def test_grey_has_no_chroma_and_lightness_rises():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    lab = to_oklab(grey)
    assert np.abs(lab[:, 1:]).max() < 1e-4
    assert (np.diff(lab[:, 0]) > 0).all()


def test_what_lies_outside_the_gamut_is_cut_off():
    outside = from_oklab(np.array([[2.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.7, 0.4, 0.4]]))
    assert outside.min() >= 0
    assert outside.max() <= 255
