"""Damage is found where a format allows it, good files pass, and as many pixels as possible are kept."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image
from icsys.image.integrity import find_damage
from icsys.image.jpeg.integrity import check_jpeg

FULL = Options(step=1, strategy="SO")
KEEP = FULL.replace(on_corrupt="keep")
PIXELS = synthetic_photo(100, 120)
# The formats that a decoder can be set to read in part, by Pillow's format and settings.
KEPT = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("JPEG", {"restart_marker_rows": 1}),
    ("PNG", {}),
    ("GIF", {"interlace": 0}),
    ("BMP", {}),
]


def shown(compressed):
    return np.asarray(Image.open(io.BytesIO(compressed.data)).convert("RGB")).astype(int)


@pytest.mark.parametrize(("name", "settings"), KEPT)
def test_a_cut_picture_is_refused_or_kept_up_to_the_cut(name, settings):
    data = image_bytes(PIXELS, name, **settings)
    cut = data[: len(data) * 6 // 10]
    with pytest.raises(ImageError, match="damaged") as caught:
        compress_image(cut, FULL)
    assert caught.value.code == "corrupt"
    kept = compress_image(cut, KEEP)
    assert kept.warning == str(caught.value)
    whole = compress_image(data, FULL)
    assert whole.warning is None
    if not settings.get("progressive"):
        first = slice(60, None) if name == "BMP" else slice(0, 40)  # a BMP begins with its last row
        np.testing.assert_array_equal(shown(kept)[first], shown(whole)[first])
    else:  # all of the picture, less sharp
        assert np.abs(shown(kept) - shown(whole)).mean() < 40


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kept", [0.5, 0.8, 0.95])
def test_every_kind_of_jpeg_is_found_cut(mode, progressive, kept):
    data = image_bytes(Image.fromarray(PIXELS).convert(mode), "JPEG", progressive=progressive)
    assert find_damage("JPEG", data) is None
    assert find_damage("JPEG", data[: int(len(data) * kept)])


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"keep_rgb": True}])
@pytest.mark.parametrize("quality", [5, 75, 100])
def test_a_good_jpeg_passes(subsampling, settings, quality):
    if settings.get("keep_rgb"):
        subsampling = "4:4:4"
    for shape in ((1, 1), (7, 9), (100, 120)):
        check_jpeg(image_bytes(synthetic_photo(*shape), "JPEG", subsampling=subsampling, quality=quality, **settings))


def test_what_lies_around_the_pixels_is_no_damage():
    data = image_bytes(PIXELS, "JPEG")
    for good in (data[:-2], data + b"appended", data + data):
        check_jpeg(good)


def test_a_progressive_jpeg_that_lacks_its_last_scans_is_damaged():
    """The rest decodes without a warning, as a picture of less detail."""
    data = image_bytes(PIXELS, "JPEG", progressive=True)
    with pytest.raises(ImageError, match="Premature end"):
        check_jpeg(data[: data.rindex(b"\xff\xc4")])


def test_an_odd_scan_header_is_no_damage_and_hides_none():
    """libjpeg warns of it and decodes on; some cameras write it."""
    data = image_bytes(PIXELS, "JPEG")
    end = data.index(b"\xff\xda") + 2 + 12
    odd = data[: end - 3] + b"\0\0\0" + data[end:]
    check_jpeg(odd)
    with pytest.raises(ImageError, match="premature end"):
        check_jpeg(odd[: len(odd) // 2])


def test_more_flipped_bits_are_found_than_pillow_finds():
    """Restart markers and Huffman codes give many away; a flip that leaves a valid code cannot be found."""
    data = image_bytes(synthetic_photo(200, 300), "JPEG", quality=90)
    start = data.index(b"\xff\xda") + 14
    choose = random.Random(5)  # noqa: S311 - where bits flip
    ours = pillows = 0
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(8):
            damaged[choose.randrange(start, len(data) - 2)] ^= 1 << choose.randrange(8)
        ours += find_damage("JPEG", bytes(damaged)) is not None
        try:
            Image.open(io.BytesIO(damaged)).load()
        except OSError:
            pillows += 1
    assert pillows < 20
    assert ours > 2 * max(pillows, 15)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_a_good_file_is_the_same_under_either_policy(name):
    data = image_bytes(PIXELS, name)
    assert compress_image(data, FULL).data == compress_image(data, KEEP).data


def test_a_png_whose_data_do_not_match_their_checksum_is_kept_with_a_warning():
    data = bytearray(image_bytes(PIXELS))
    start = data.index(b"IDAT")
    data[start + 4 + int.from_bytes(data[start - 4 : start], "big")] ^= 1
    kept = compress_image(bytes(data), KEEP)
    assert "checksum" in kept.warning
    np.testing.assert_array_equal(shown(kept), PIXELS)


@pytest.mark.parametrize("settings", [{"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_damage_within_a_compressed_tiff_is_found(settings):
    data = bytearray(image_bytes(PIXELS, "TIFF", **settings))
    for place in range(len(data) // 2 - 20, len(data) // 2 + 20):
        data[place] ^= 0x5A
    with pytest.raises(ImageError) as caught:
        compress_image(bytes(data), FULL)
    assert caught.value.code == "corrupt"
    assert compress_image(bytes(data), KEEP).warning


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff\xe0", image_bytes(PIXELS, "WEBP")[:99]])
def test_what_cannot_be_decoded_at_all_fails_under_either_policy(data):
    for options in (FULL, KEEP):
        with pytest.raises(ImageError) as caught:
            compress_image(data, options)
        assert caught.value.code in {"empty", "unidentified", "broken"}


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_of_every_kind_are_taken(kind):
    data = image_bytes(PIXELS, "JPEG")
    assert compress_image(kind(data), FULL).data == compress_image(data, FULL).data
