"""Palette positions and levels of grey stay as the source stores them where nothing is resized, and colours fit."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes
from icsys import Options, compress_image

MASK = Options(step=1, colors=256, never_larger=False, png_effort="fast")
SEED = st.integers(0, 2**32 - 1)


def picture_of(seed, values, mode):
    """Return a picture whose pixels are some of ``values``; colours of a palette may repeat."""
    random = np.random.default_rng(seed)
    pixels = random.choice(np.array(sorted(values), np.uint8), (7, 9))
    picture = Image.fromarray(pixels)
    if mode == "P":
        picture = Image.frombytes("P", picture.size, pixels.tobytes())
        picture.putpalette(random.integers(0, 6, 768, np.uint8).tobytes())
    return picture


def read(data):
    return Image.open(io.BytesIO(data))


@settings(max_examples=60, deadline=None)
@given(SEED, st.sets(st.integers(0, 255), min_size=1, max_size=30), st.sampled_from(["L", "P"]), st.integers(2, 256),
       st.sampled_from(["PNG", "BMP", "TIFF"]))  # fmt: skip
def test_values_below_the_number_of_colours_are_kept(seed, values, mode, colors, name):
    source = image_bytes(picture_of(seed, values, mode), name)
    stored = np.asarray(read(source))
    compressed = compress_image(source, MASK.replace(colors=colors))
    output = read(compressed.data)
    if compressed.mse == 0:
        assert np.array_equal(output.convert("RGB"), read(source).convert("RGB"))
        assert stored.max() >= colors or np.array_equal(output, stored)
    assert output.mode == "P"
    assert len(output.getpalette()) // 3 <= colors


@given(SEED, st.binary(min_size=1, max_size=20))
@settings(deadline=None, max_examples=40)
def test_positions_are_kept_with_their_alpha(seed, opacity):
    source = image_bytes(picture_of(seed, range(12), "P"), transparency=opacity)
    compressed = compress_image(source, MASK.replace(alpha="keep"))
    shown = [np.array(read(data).convert("RGBA")) for data in (source, compressed.data)]
    for pixels in shown:  # the colours of clear pixels do not show
        pixels[pixels[..., 3] == 0] = 0
    np.testing.assert_array_equal(*shown)
    np.testing.assert_array_equal(np.asarray(read(compressed.data)), np.asarray(read(source)))


def test_the_positions_of_a_gif_are_kept_in_an_archive_of_arrays():
    picture = picture_of(1, {0, 7, 15, 255}, "P")
    picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
    compressed = compress_image(image_bytes(picture, "GIF", optimize=False), Options(step=1, colors=256, format="npz"))
    with np.load(io.BytesIO(compressed.data)) as arrays:
        np.testing.assert_array_equal(arrays["indices"], np.asarray(picture))
        np.testing.assert_array_equal(arrays["palette"][arrays["indices"]], picture.convert("RGB"))


@pytest.mark.parametrize("options", [{"step": 2}, {"size": (5, 4)}, {"colors": 255}])
def test_other_pictures_have_positions_of_their_own(options):
    source = image_bytes(picture_of(3, {0, 255}, "L"))
    compressed = compress_image(source, MASK.replace(**({"step": None} if "size" in options else {}) | options))
    assert np.asarray(read(compressed.data)).max() < 255
