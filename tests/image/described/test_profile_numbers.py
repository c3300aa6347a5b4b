"""Profiles of linear light against LittleCMS, where 8 bits suffice, and against the formula of sRGB in 16 bits."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icc_profiles import linear_profile
from icsys.image.color_conversion import to_srgb
from icsys.image.decode import decode_photo
from icsys.image.described.light import to_srgb_levels
from icsys.image.described.profile_numbers import described_by_hdr_profile, described_by_linear_profile
from icsys.options import Options
from png_files import chunk, png_of

FULL = Options(step=1, strategy="SO")
LINEAR = linear_profile(b"RGB ")


def with_exponent(profile, exponent):
    """Replace the empty curves of a profile by powers of the same length."""
    curve = b"curv\0\0\0\0\0\0\0\0"
    assert profile.count(curve) == 3
    power = b"para\0\0\0\0\0\0\0\0" + struct.pack(">i", round(exponent * 65536))
    at = len(profile)
    table = bytearray(profile + power)
    for i in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * i
        if table[entry + 1 : entry + 4] == b"TRC":
            struct.pack_into(">II", table, entry + 4, at, len(power))
    struct.pack_into(">I", table, 0, len(table))
    return bytes(table)


def with_codes(profile, *codes):
    """Add the tag ``cicp`` to a profile in place of its description."""
    content = b"cicp" + bytes(4) + bytes(codes)
    at = len(profile)
    table = bytearray(profile + content)
    place = table.index(b"cprt")
    table[place : place + 12] = b"cicp" + struct.pack(">II", at, len(content))
    struct.pack_into(">I", table, 0, len(table))
    return bytes(table)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_by_a_profile_equals_hdr_by_codes(transfer):
    samples = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint16)
    profile = with_codes(LINEAR, 9, transfer, 0, 1)
    by_profile = decode_photo(png_of(samples, 8, chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))), FULL)
    by_codes = decode_photo(png_of(samples, 8, chunk(b"cICP", bytes([9, transfer, 0, 1]))), FULL)
    assert np.array_equal(by_profile.pixels, by_codes.pixels)
    assert by_profile.warning == by_codes.warning
    avif = decode_photo(image_bytes(samples.astype(np.uint8), "AVIF", icc_profile=profile), FULL)
    assert avif.warning == by_codes.warning


@pytest.mark.parametrize("codes", [(1, 13, 0, 1), (9, 8, 0, 1), (0, 16, 0, 1), (9,)])
def test_codes_of_a_profile_without_hdr_are_left_to_littlecms(codes):
    assert described_by_hdr_profile(with_codes(LINEAR, *codes)) is None


def srgb_from_linear(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_dark_tones_of_16_bits_stay_apart(channels):
    samples = np.random.default_rng(0).integers(0, 2000, (20, 30, channels)).astype(np.uint16)
    profile = LINEAR if channels > 2 else linear_profile(b"GRAY")
    if channels in {2, 4}:
        samples[..., -1] = 65535
    data = png_of(samples, 16, chunk(b"iCCP", b"x\0\0" + zlib.compress(profile)), grey=True)
    pixels = decode_photo(data, FULL).pixels.reshape(20, 30, -1)
    expected = srgb_from_linear(samples[..., : 1 if channels < 3 else 3] / 65535)
    assert np.abs(pixels - expected).max() <= 1


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.1])
def test_colours_equal_those_of_littlecms(exponent):
    profile = with_exponent(LINEAR, exponent)
    pixels = synthetic_photo(30, 40)
    description = described_by_linear_profile(profile, grey=False)
    assert description.transfer == pytest.approx(exponent, abs=1e-4)
    expected = np.asarray(to_srgb(Image.fromarray(pixels), profile)).astype(int)
    assert np.abs(to_srgb_levels(pixels, description) - expected).max() <= 1


@pytest.mark.parametrize(
    "profile",
    [
        *(b"", b"no profile", LINEAR[:200], bytes(200), with_exponent(LINEAR, 1.8), with_exponent(LINEAR, 0)),
        *(linear_profile(b"RGB ", np.linspace(0, 1, 5)), LINEAR.replace(b"rXYZ", b"A2B0"), linear_profile(b"GRAY")),
    ],
)
def test_other_profiles_are_left_to_littlecms(profile):
    assert described_by_linear_profile(profile, grey=False) is None


@given(st.integers(0, len(LINEAR)), st.binary(min_size=1, max_size=8))
def test_a_damaged_profile_describes_something_or_nothing(place, content):
    described_by_linear_profile(LINEAR[:place] + content + LINEAR[place + len(content) :], grey=True)
