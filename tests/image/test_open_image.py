"""Formats are found from the content, and frames are counted without decoding them."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys.image.open_image import IMAGE_SUFFIXES, count_frames, open_image, sniff

MOST = 1000  # frames that are counted
PILLOW_FORMATS = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "GIF": ".gif",
    "BMP": ".bmp",
    "AVIF": ".avif",
}


@pytest.mark.parametrize("name", PILLOW_FORMATS)
def test_a_format_is_found_from_the_first_32_bytes(name):
    data = image_bytes(synthetic_photo(8, 9), name)
    assert sniff(data[:32]) == name
    assert open_image(data)[0] == name


def test_big_tiff_is_a_tiff():
    assert sniff(image_bytes(synthetic_photo(8, 9), "TIFF", big_tiff=True)[:32]) == "TIFF"


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1heic", "HEIF"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"avis\0\0\0\0avifavis", "AVIF"),
        (b"isom\0\0\0\0isommp41", None),
    ],
)
def test_avif_and_heif_are_distinguished_by_their_brands(brands, name):
    box = struct.pack(">I4s", 8 + len(brands), b"ftyp") + brands
    assert sniff(box + b"avif" * 4) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.7\n",
        b"8BPS\0\1",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BMore text than image, at any rate here",
        b"PK\3\4",
        b"\0\0\0\x18ftypisom",
    ],
)
def test_nothing_else_is_taken_for_an_image(data):
    assert sniff(data) is None


@given(st.binary(max_size=64))
def test_sniff_takes_any_bytes(data):
    assert sniff(data) is None or isinstance(sniff(data), str)


def test_suffixes_are_lower_case_and_cover_every_format():
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    expected = "jpg jpeg jpe jfif png webp tif tiff gif bmp avif heic heif hif"
    assert {f".{name}" for name in expected.split()} <= IMAGE_SUFFIXES


def frames(name, count, **settings):
    """Encode ``count`` different frames, and return what is counted."""
    pictures = [Image.fromarray(synthetic_photo(30, 40, seed=seed)) for seed in range(count)]
    data = image_bytes(pictures[0], name, save_all=True, append_images=pictures[1:], **settings)
    return data, count_frames(*_opened(data), MOST)


def _opened(data):
    name, image = open_image(data)
    return name, data, image


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "MPO"])
def test_frames_are_counted(name, count):
    data, counted = frames(name, count)
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == count
    assert counted == count


def test_frames_of_a_big_tiff_are_counted():
    assert frames("TIFF", 3, big_tiff=True)[1] == 3


@pytest.mark.parametrize("name", ["GIF", "TIFF"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_cut_file_counts_at_least_one_frame_and_no_more_than_it_had(name, kept):
    data, _ = frames(name, 5)
    _, image = open_image(data)
    assert 1 <= count_frames(name, data[: int(len(data) * kept)], image, MOST) <= 5


@given(st.binary(max_size=200))
def test_counting_ends_on_any_bytes(tail):
    for name, head in (("GIF", b"GIF89a"), ("TIFF", b"II*\0\x08\0\0\0"), ("TIFF", b"MM\0+\0\x08\0\0")):
        assert count_frames(name, head + tail, Image.new("L", (1, 1)), MOST) >= 1


def test_a_loop_of_tiff_directories_ends():
    data = bytearray(image_bytes(np.zeros((2, 2), np.uint8), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    assert count_frames("TIFF", bytes(data), Image.new("L", (1, 1)), MOST) == 1


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "MPO"])
def test_counting_stops_one_above_the_most_that_matter(name):
    data, counted = frames(name, 7)
    assert counted == 7
    assert count_frames(*_opened(data), 4) == 5
