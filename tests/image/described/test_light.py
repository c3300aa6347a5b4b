"""Described colours against naive twins, and published matrices and levels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from icsys.image.described.description import (
    SRGB,
    SRGB_PRIMARIES,
    Chromaticities,
    ColorDescription,
    Curve,
    described_by_codes,
)
from icsys.image.described.light import changes_nothing, grey_levels_of, has_matrix, to_srgb_levels

CODES = [(p, t) for p in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22) for t in (1, 4, 5, 7, 8, 13, 16, 17, 18)]
PLACES = st.tuples(st.floats(-0.08, 0.08), st.floats(-0.08, 0.08))


def srgb_level(light):
    light = min(max(light, 0), 1)
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def light_of(value, transfer):
    """Return linear light, 1 for white, by the formulas of ITU-R BT.2100, IEC 61966-2-1 and SMPTE 240M and 428."""
    if isinstance(transfer, float):
        return value**transfer
    if transfer is Curve.SRGB:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    if transfer is Curve.SMPTE_240M:
        return value / 4 if value < 0.0913 else ((value + 0.1115) / 1.1115) ** (1 / 0.45)
    if transfer is Curve.SMPTE_428:
        return 52.37 / 48 * value**2.6
    if transfer is Curve.HLG:
        return value**2 / 3 if value <= 0.5 else (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    power = value ** (32 / 2523)
    return (max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610) * 10000 / 203


def xyz_of(place):
    return np.array([place[0] / place[1], 1, (1 - sum(place)) / place[1]])


def naive_srgb(color, given_colors, transfer, top):
    """Convert one colour with every step of its own: light, XYZ, Bradford's adaptation, sRGB."""
    light = np.array([light_of(value / top, transfer) for value in color])

    def to_xyz(places):
        columns = np.array([[x, y, 1 - x - y] for x, y in places[1:]]).T
        return columns @ np.diag(np.linalg.inv(columns) @ xyz_of(places[0]))

    if transfer is Curve.HLG:
        light = light * max((to_xyz(given_colors) @ light)[1], 0) ** 0.2 * 1000 / 203
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = (cones @ xyz_of(SRGB_PRIMARIES.white)) / (cones @ xyz_of(given_colors.white))
    xyz = np.linalg.inv(cones) @ (scale * (cones @ (to_xyz(given_colors) @ light)))
    return [srgb_level(one) for one in np.linalg.inv(to_xyz(SRGB_PRIMARIES)) @ xyz]


@settings(max_examples=40)
@given(st.tuples(PLACES, PLACES, PLACES, PLACES), st.sampled_from([0.5, 1.0, 2.2, *Curve]), st.booleans(), st.data())
def test_any_primaries_and_curve_equal_a_naive_conversion(moves, transfer, deep, data):
    places = Chromaticities(*((x + dx, y + dy) for (x, y), (dx, dy) in zip(SRGB_PRIMARIES, moves, strict=True)))
    assume(places.blue[1] > 0.01 and has_matrix(places))
    top = 65535 if deep else 255
    colors = data.draw(st.lists(st.tuples(*[st.integers(0, top)] * 3), min_size=1, max_size=5))
    made = to_srgb_levels(np.array(colors, np.uint16 if deep else np.uint8), ColorDescription(places, transfer))
    expected = np.array([naive_srgb(color, places, transfer, top) for color in colors])
    assert np.abs(made - expected).max() < 0.75  # rounding, and 65,536 steps of light


def test_colors_without_luminance_are_black_by_hybrid_log_gamma():
    """The white lies beside its primaries, so that a part of them has a luminance below 0."""
    white, red, green, blue = SRGB_PRIMARIES
    places = Chromaticities((white[0] - 0.0625, white[1]), red, green, (blue[0] + 0.0625, blue[1]))
    levels = to_srgb_levels(np.uint8([[1, 0, 0], [200, 0, 0]]), ColorDescription(places, Curve.HLG))
    assert not levels.any()


@pytest.mark.parametrize(("primaries", "transfer"), CODES)
def test_grey_stays_grey_whatever_its_white(primaries, transfer):
    description = described_by_codes(primaries, transfer)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    made = to_srgb_levels(ramp, description).astype(int)
    assert np.ptp(made, axis=1).max() <= 1
    assert (np.diff(made, axis=0) >= 0).all()
    levels = grey_levels_of(description, 1)
    assert np.abs(levels - made[:, 1]).max() <= 1
    assert np.array_equal(grey_levels_of(description, 2)[::257], levels)


def test_bt_2020_has_the_published_matrix():
    """ITU-R BT.2407, 2: linear BT.2020 to linear BT.709."""
    matrix = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    colors = np.random.default_rng(3).integers(0, 65536, (500, 3)).astype(np.uint16)
    expected = [[srgb_level(one) for one in matrix @ (color / 65535)] for color in colors]
    assert np.abs(to_srgb_levels(colors, described_by_codes(9, 8)) - expected).max() < 1


@pytest.mark.parametrize(("transfer", "signal"), [(16, 0.58069), (18, 0.75)])
def test_the_diffuse_white_of_hdr_is_white(transfer, signal):
    """ITU-R BT.2408, table 1: 203 nits are 58 % of PQ and 75 % of HLG."""
    levels = grey_levels_of(described_by_codes(9, transfer), 2)
    assert levels[round(signal * 65535)] in {254, 255}
    assert levels[round((signal - 0.02) * 65535)] < 250
    assert levels[-1] == 255


def test_narrow_range_has_black_at_16_and_white_at_235():
    levels = grey_levels_of(described_by_codes(1, 13, narrow=True), 1)
    assert levels[[0, 16, 126, 235, 255]].tolist() == [0, 0, round(110 * 255 / 219), 255, 255]


@pytest.mark.parametrize("codes", [(0, 13), (2, 13), (1, 0), (1, 2), (3, 1), (1, 19), (255, 255), (1, 3)])
def test_reserved_and_unspecified_codes_describe_nothing(codes):
    assert described_by_codes(*codes) is None


def test_srgb_by_any_name_changes_nothing():
    assert changes_nothing(described_by_codes(1, 13))
    assert changes_nothing(described_by_codes(1, 1, camera_is_srgb=True))
    assert changes_nothing(SRGB)
    rounded = Chromaticities(*((round(x, 3), round(y, 3) + 0.0009) for x, y in SRGB_PRIMARIES))
    assert changes_nothing(ColorDescription(rounded, Curve.SRGB))
    assert not changes_nothing(described_by_codes(1, 1))
    assert not changes_nothing(described_by_codes(12, 13))
    assert not changes_nothing(described_by_codes(1, 13, narrow=True))


@pytest.mark.parametrize(
    "places",
    [
        [(0.3, 0.3)] * 4,
        [(0.3127, 0.0), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06)],
        [(0.3127, 0.329), (0.64, 0.33), (0.64, 0.33), (0.15, 0.06)],
        [(0.0, 0.0)] * 4,
        [(0.3127, 0.329), (0.1, 0.1), (0.2, 0.2), (0.3, 0.3)],
    ],
)
def test_primaries_without_a_space_of_colours_are_found(places):
    assert not has_matrix(Chromaticities(*places))
