"""Odd headers of a JPEG cost no pixel: it decodes as the file without them, and damage behind them is found."""

import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image
from icsys.image.jpeg.integrity import jpeg_faults

WHOLE = Options(step=1, strategy="SO", png_effort="fast")
KEEP = WHOLE.replace(on_corrupt="keep")
PIXELS = np.kron(np.random.default_rng(2).integers(0, 256, (5, 7, 3)), np.ones((8, 8, 1))).astype(np.uint8)
FILES = {
    (mode, progressive): image_bytes(Image.fromarray(PIXELS).convert(mode), "JPEG", progressive=progressive)
    for mode in ("RGB", "L", "CMYK")
    for progressive in (False, True)
}
EXPECTED = {kind: compress_image(data, WHOLE).data for kind, data in FILES.items()}
BASELINE = FILES["RGB", False]


def segments(data):
    """Return where each header segment begins, the first scan's included."""
    starts = [2]
    while data[starts[-1] + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, starts[-1] + 2)
        starts.append(starts[-1] + 2 + length)
    return starts


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


# Bytes that cannot be taken for a segment whose marker is damaged.
STRAYS = st.one_of(
    st.integers(1, 5000).map(bytes),
    st.binary(min_size=1, max_size=3).map(lambda content: content.replace(b"\xff", b"\xff\0")),
    st.sampled_from(
        [b"\xff\0", b"\xff\xd3", b"\xff\1", b"stray bytes", b"stray bytes that are more than a small table has"]
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(FILES)), st.dictionaries(st.integers(1, 5), STRAYS, min_size=1, max_size=3), st.booleans())
def test_stray_bytes_before_the_scan_cost_no_pixel(kind, strays, keep):
    data, starts = FILES[kind], segments(FILES[kind])
    for place in sorted(strays, reverse=True):
        for at in starts[place : place + 1]:
            data = data[:at] + strays[place] + data[at:]
    compressed = compress_image(data, KEEP if keep else WHOLE)
    assert compressed.data == EXPECTED[kind]
    assert not compressed.damaged


def test_stray_bytes_are_named():
    start = segments(BASELINE)[3]
    compressed = compress_image(BASELINE[:start] + b"\0\0\0" + BASELINE[start:], WHOLE)
    assert compressed.warning == "3 stray bytes between the headers of the JPEG were passed over"
    assert compressed.source.format == "JPEG"


ODDITIES = {
    "stray bytes": lambda data: data[:20] + b"\0\0" + data[20:],
    "a damaged profile": lambda data: data[:20] + segment(0xE2, b"ICC_PROFILE\0\5\2abc") + data[20:],
    "half a profile": lambda data: data[:20] + segment(0xE2, b"ICC_PROFILE\0\1\2abc") + data[20:],
    "a new JFIF": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7"),
    "a short JFIF": lambda data: data[:2] + segment(0xE0, b"JFIF\0\1") + data[20:],
    "an odd Adobe transform": lambda data: data[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\7") + data[20:],
    "noise for EXIF data": lambda data: data[:20] + segment(0xE1, b"Exif\0\0noise") + data[20:],
    "noise for pages": lambda data: data[:20] + segment(0xE2, b"MPF\0noise") + data[20:],
    "noise of Photoshop": lambda data: data[:20] + segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff") + data[20:],
    "two oddities": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7")[:-2],
}


@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("progressive", [False, True])
def test_an_odd_header_costs_no_pixel_and_hides_no_damage(oddity, progressive):
    data = image_bytes(synthetic_photo(80, 90), "JPEG", progressive=progressive)
    if oddity == "two oddities" and progressive:
        pytest.skip("a progressive file without its end may lack scans")
    odd = ODDITIES[oddity](data)
    for options in (WHOLE, KEEP):
        compressed = compress_image(odd, options)
        assert compressed.data == compress_image(data, WHOLE).data
        assert not compressed.damaged
    assert jpeg_faults(odd).damage is None
    cut = odd[: len(odd) * 3 // 4]
    with pytest.raises(ImageError, match="damaged JPEG"):
        compress_image(cut, WHOLE)
    assert compress_image(cut, KEEP).damaged


@pytest.mark.parametrize("stray", [b"\0\0", bytes(40) + b"\1", b"\x12\x34"])
def test_bytes_left_over_in_a_scan_are_damage(stray):
    with pytest.raises(ImageError, match="extraneous"):
        compress_image(BASELINE[:-2] + stray + BASELINE[-2:], WHOLE)


@pytest.mark.parametrize("kind", [("RGB", False), ("L", False), ("CMYK", False)])
@pytest.mark.parametrize("stray", [bytes(4), bytes(600), b"\x20" * 9])
def test_equal_bytes_behind_the_pixels_cost_none(kind, stray):
    data = FILES[kind]
    for end in (data[-2:], data[-2:] + b"appended"):
        compressed = compress_image(data[:-2] + stray + end, WHOLE)
        assert compressed.data == EXPECTED[kind]
        assert not compressed.damaged


@pytest.mark.parametrize("size", [8, 40, 200, 500])
@pytest.mark.parametrize("value", [b"\0", b"\x55", b"\xaa", b"\x7f"])
def test_equal_bytes_in_the_place_of_pixels_are_not_taken_for_what_lies_behind_them(size, value):
    """Few of these files are valid pictures, and no decoder finds them."""
    refused = 0
    for seed in range(12):
        data = image_bytes(synthetic_photo(60, 80, seed=seed), "JPEG", quality=90)
        try:
            assert compress_image(data[: -2 - size] + value * size + data[-2:], WHOLE).warning is None
        except ImageError:
            refused += 1
    assert refused >= 9


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_header_is_not_taken_for_stray_bytes(kind):
    """Every outcome with a note has the pixels of the whole file."""
    data, choose = FILES[kind], random.Random(3)  # noqa: S311 - where bytes change
    end = len(data) if kind[1] else segments(data)[-1] + 14
    noted = 0
    for _ in range(250):
        changed = bytearray(data)
        changed[choose.choice([*range(2, end)] + [s for s in segments(data) for _ in range(9)])] ^= (
            1 << choose.randrange(8)
        )
        try:
            compressed = compress_image(bytes(changed), WHOLE)
        except ImageError:
            continue
        if compressed.warning:
            noted += 1
            assert compressed.data == EXPECTED[kind]
    assert noted < 30
