"""Which chunk of a PNG counts for its colours, against a table of one rule a line."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from helpers import synthetic_photo
from icc_profiles import linear_profile
from icsys.image.decode import decode_photo
from icsys.image.described.description import SRGB_PRIMARIES, Curve, described_by_codes
from icsys.image.described.light import to_srgb_levels
from icsys.image.png.colors import png_description
from icsys.options import Options
from png_files import chunk, number_chunk, png_of

FULL = Options(step=1, strategy="SO")
PIXELS = synthetic_photo(12, 16).astype(np.uint16)
P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB_PLACES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CHUNKS = {
    "cicp": chunk(b"cICP", bytes([9, 8, 0, 1])),
    "reserved": chunk(b"cICP", bytes([9, 3, 0, 1])),
    "matrix": chunk(b"cICP", bytes([9, 8, 1, 1])),
    "profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(SRGB_PROFILE)),
    "broken profile": chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")),
    "srgb": chunk(b"sRGB", b"\3"),
    "reserved srgb": chunk(b"sRGB", b"\4"),
    "gamma": number_chunk(b"gAMA", 100_000),
    "chrm": number_chunk(b"cHRM", *P3),
}


def expected(names):
    """Return primaries (code of H.273) and exponent, or None where no number counts."""
    if "cicp" in names:
        return 9, 1.0
    if "profile" in names or "srgb" in names or "gamma" not in names:
        return None
    return (12 if "chrm" in names else 1), 1.0


@settings(max_examples=60)
@given(st.lists(st.sampled_from(list(CHUNKS)), unique=True, max_size=6))
def test_the_first_of_cicp_profile_srgb_and_gamma_counts(names):
    for kind in ({"cicp", "reserved", "matrix"}, {"profile", "broken profile"}, {"srgb", "reserved srgb"}):
        first = [name for name in names if name in kind][:1]
        names = [name for name in names if name not in kind or name in first]
    photo = decode_photo(png_of(PIXELS, 8, *(CHUNKS[name] for name in names)), FULL)
    found = expected(names)
    if found is None:
        assert np.array_equal(photo.pixels, PIXELS)
        return
    description = described_by_codes(found[0], 8)
    assert description.transfer == found[1]
    assert np.abs(photo.pixels.astype(int) - to_srgb_levels(PIXELS.astype(np.uint8), description)).max() <= 1


@pytest.mark.parametrize("gamma", [45_000, 45_455, 46_000])
@pytest.mark.parametrize("places", [None, SRGB_PLACES, (31_300, 32_900, 64_010, 33_000, 29_950, 60_000, 15_000, 6_010)])
def test_a_gamma_of_srgb_keeps_every_byte(gamma, places):
    chunks = [number_chunk(b"gAMA", gamma), *([number_chunk(b"cHRM", *places)] if places else [])]
    data = png_of(PIXELS, 8, *chunks)
    photo = decode_photo(data, FULL)
    assert np.array_equal(photo.pixels, PIXELS)
    assert photo.as_stored


@pytest.mark.parametrize("gamma", [44_999, 46_001, 55_555, 22_222])
def test_another_gamma_is_applied(gamma):
    description = png_description(png_of(PIXELS, 8, number_chunk(b"gAMA", gamma)), has_profile=lambda: False)
    assert description.chromaticities == SRGB_PRIMARIES
    assert description.transfer == 100_000 / gamma


@pytest.mark.parametrize(
    "chunks",
    [
        [number_chunk(b"cHRM", *P3)],
        [number_chunk(b"gAMA", 0)],
        [number_chunk(b"gAMA", 2**31 + 5)],
        [chunk(b"gAMA", b"\1\2")],
        [chunk(b"gAMA", b"\0\1\x86\xa0", sound=False)],
        [number_chunk(b"gAMA", 45_455), number_chunk(b"cHRM", *[0] * 8)],
        [number_chunk(b"gAMA", 45_455), number_chunk(b"cHRM", *[30_000] * 8)],
        [chunk(b"cICP", bytes([2, 2, 0, 1]))],
        [chunk(b"cICP", bytes([9, 16, 0, 1, 0]))],
    ],
)
def test_chunks_without_a_meaning_change_nothing(chunks):
    description = png_description(png_of(PIXELS, 8, *chunks), has_profile=lambda: False)
    assert description is None or description.is_srgb


def test_a_narrow_range_and_hdr_are_found():
    narrow = png_description(png_of(PIXELS, 8, chunk(b"cICP", bytes([1, 13, 0, 0]))), has_profile=lambda: True)
    assert narrow.narrow
    hdr = decode_photo(png_of(PIXELS, 8, chunk(b"cICP", bytes([9, 16, 0, 1]))), FULL)
    assert "HDR (PQ)" in hdr.warning
    assert described_by_codes(9, 18).hdr == Curve.HLG.value


def test_cicp_of_srgb_overrules_a_profile():
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(linear_profile(b"RGB ")))
    assert not np.array_equal(decode_photo(png_of(PIXELS, 8, profile), FULL).pixels, PIXELS)
    data = png_of(PIXELS, 8, chunk(b"cICP", bytes([1, 13, 0, 1])), profile)
    assert np.array_equal(decode_photo(data, FULL).pixels, PIXELS)


def test_linear_light_equals_what_littlecms_makes_of_a_linear_profile():
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(linear_profile(b"RGB ")))
    by_profile = decode_photo(png_of(PIXELS, 8, profile), FULL).pixels.astype(int)
    by_gamma = decode_photo(png_of(PIXELS, 8, CHUNKS["gamma"]), FULL).pixels
    assert np.abs(by_profile - by_gamma).max() <= 1
