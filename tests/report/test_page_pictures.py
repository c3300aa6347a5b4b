"""Pixels as a page holds them."""

import base64

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers import image_bytes, soft_photo, synthetic_photo
from icsys import Options, compress_image
from icsys.image.read_output import read_pixels
from icsys.report.page_pictures import data_uri, palette_of, palette_of_indices, resized


def decode(uri):
    kind, _, text = uri.partition(",")
    assert kind == "data:image/png;base64"
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)), elements=st.sampled_from([0, 9])))
def test_a_data_uri_decodes_to_the_pixels(pixels):
    assert np.array_equal(decode(data_uri(pixels)), pixels)


def test_a_data_uri_of_many_colours_is_truecolour():
    pixels = synthetic_photo(40, 50)
    assert len(palette_of(pixels).counts) > 256
    assert np.array_equal(decode(data_uri(pixels)), pixels)


def test_grey_is_read_as_three_equal_channels():
    grey = synthetic_photo(20, 30, channels=1)
    pixels = resized(image_bytes(grey), Options(step=1))
    assert pixels.shape == (20, 30, 3)
    assert all(np.array_equal(pixels[..., channel], grey) for channel in range(3))


def test_what_is_transparent_lies_over_the_background_before_and_after():
    """A page compares what is seen: an image that loses nothing looks the same on both sides."""
    data = image_bytes(soft_photo())
    options = Options(alpha="keep", strategy="SO", step=2, background="#3060c0")
    before, after = resized(data, options), read_pixels(compress_image(data, options).data, options.background)
    np.testing.assert_array_equal(before, after)
    assert tuple(before[0, 0]) == (0x30, 0x60, 0xC0)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint16]))
def test_indices_give_the_palette_of_their_pixels(entries, seed, dtype):
    random = np.random.default_rng(seed)
    entries = min(entries, np.iinfo(dtype).max + 1)
    palette = random.integers(0, 7, (entries, 3), np.uint8)  # some are equal
    indices = random.integers(0, random.integers(1, entries + 1), (20, 30)).astype(dtype)
    found, expected = palette_of_indices(indices, palette), palette_of(palette[indices])
    assert found.colors.tolist() == expected.colors.tolist()
    assert found.counts.tolist() == expected.counts.tolist()
