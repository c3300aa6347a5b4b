"""The JPEG decoder: its sizes, its pixels beside other decoders, and the damage that it refuses."""

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import image_bytes, synthetic_photo
from icsys.errors import ImageError
from icsys.image.jpeg.decoder import can_shrink, decode_jpeg


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 3]))
def test_each_side_is_divided_and_rounded_up(width, height, shrink, channels):
    shrink = shrink if can_shrink(width, height, shrink) else 1
    data = image_bytes(synthetic_photo(height, width, channels=channels), "JPEG")
    pixels, faults = decode_jpeg(data, "L" if channels == 1 else "RGB", (width, height), shrink)
    assert faults.warning is None
    assert pixels.shape == (-(-height // shrink), -(-width // shrink), channels)


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize("progressive", [False, True])
def test_pixels_are_those_of_opencv(shrink, progressive, china):
    data = image_bytes(china, "JPEG", quality=90, progressive=progressive)
    size = china.shape[1::-1]
    flag = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    flag = flag.get(shrink, cv2.IMREAD_REDUCED_COLOR_8)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), flag)[..., ::-1]
    difference = np.abs(decode_jpeg(data, "RGB", size, shrink)[0].astype(int) - expected)
    assert difference.mean() < 0.5


def test_flipped_bits_that_break_the_entropy_coding_are_seen():
    """A tenth of them, here: one that only changes a coefficient gives another valid picture."""
    data = image_bytes(synthetic_photo(120, 160), "JPEG", quality=85)
    seen = 0
    for place in np.random.default_rng(0).integers(len(data) // 3, len(data) - 2, 200).tolist():
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        with contextlib.suppress(ImageError):
            decode_jpeg(bytes(damaged), "RGB", (160, 120), 1)
            seen -= 1
        seen += 1
    assert seen >= 10


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_file_that_ends_early_is_corrupt_and_kept_on_demand(kept):
    data = image_bytes(synthetic_photo(120, 160), "JPEG")
    with pytest.raises(ImageError, match="damaged JPEG") as caught:
        decode_jpeg(data[: int(kept * len(data))], "RGB", (160, 120), 2)
    assert caught.value.code == "corrupt"
    pixels, faults = decode_jpeg(data[: int(kept * len(data))], "RGB", (160, 120), 2, keep=True)
    assert pixels.shape == (60, 80, 3)
    assert "premature end" in faults.damage.lower()


def test_another_size_than_in_the_header_is_broken():
    data = image_bytes(synthetic_photo(120, 160), "JPEG")
    with pytest.raises(ImageError, match="damaged JPEG"):
        decode_jpeg(data, "RGB", (200, 120), 1)
