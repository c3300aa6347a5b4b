"""Outputs of every format are read back as they were written; damage is one kind of error."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image, quantize
from icsys.image.stored import read_indexed, read_pixels
from icsys.options import ENCODINGS


def written(encoding, pixels, **others):
    strategy = "SO" if encoding == "jpeg" else others.pop("strategy", "MKM")
    return compress_image(image_bytes(pixels), Options(format=encoding, strategy=strategy, step=1, **others)).data


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colors", [2, 5, 40, 300])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pixels_are_those_that_were_written(encoding, colors, channels):
    pixels = synthetic_photo(30, 40, channels=channels)
    data = written(encoding, pixels, colors=colors)
    shown = read_pixels(data)
    assert (shown.shape, shown.dtype) == ((30, 40, 3), np.uint8)
    if encoding == "jpeg":
        np.testing.assert_array_equal(shown, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    else:
        np.testing.assert_array_equal(shown, quantize(pixels, colors).to_array())


@pytest.mark.parametrize("channels", [1, 3])
def test_size_only_archives_are_read_as_pixels(channels):
    pixels = synthetic_photo(30, 40, channels=channels)
    data = written("npz", pixels, strategy="SO")
    assert read_indexed(data) is None
    np.testing.assert_array_equal(read_pixels(data)[..., 0], pixels if channels == 1 else pixels[..., 0])


@pytest.mark.parametrize(("encoding", "colors"), [("png", 2), ("png", 40), ("npz", 2), ("npz", 40), ("npz", 300)])
def test_indices_and_palette_are_those_that_were_written(encoding, colors):
    pixels = synthetic_photo(30, 40)
    indices, palette = read_indexed(written(encoding, pixels, colors=colors))
    few = quantize(pixels, colors)
    np.testing.assert_array_equal(indices, few.indices)
    np.testing.assert_array_equal(palette, few.palette)


@pytest.mark.parametrize("encoding", ["webp", "jpeg"])
def test_formats_without_a_palette_say_so(encoding):
    assert read_indexed(written(encoding, synthetic_photo(30, 40), colors=4)) is None


@pytest.mark.parametrize("read", [read_indexed, read_pixels])
@pytest.mark.parametrize("encoding", ["png", "npz"])
def test_a_file_that_was_cut_off_is_refused(encoding, read):
    data = written(encoding, synthetic_photo(60, 80), colors=9)
    for end in (0, 3, len(data) // 3, len(data) - 30):
        with pytest.raises(ImageError):
            read(data[:end])
