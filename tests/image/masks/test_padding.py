"""What is outside the picture has the value of the padding, as readers see it."""

import io

import numpy as np
import pytest
from PIL import Image

from icsys.errors import ImageError
from icsys.image.view import View
from icsys.options import Options
from mask_files import (
    KINDS,
    WHOLE,
    classes,
    reduced,
)
from png_files import png_of

PADDED = Options(size="20x40", fit="pad")
CORNERS = (0, 0), (0, -1), (-1, 0), (-1, -1)


@pytest.mark.parametrize(
    ("kind", "pad", "shown"),
    [
        ("grey 1", 0, False), ("grey 1", 255, True), ("grey 1", 1, True), ("grey 2", 255, 255), ("grey 2", 85, 85),
        ("grey 4", 7, 7), ("grey 2", 1, 1), ("grey 8", 255, 255), ("grey 16", 255, 255), ("grey 16", 65535, 65535),
        ("palette 2", 255, 255), ("palette 8", 0, 0), ("2 channels 8", 255, (255, 255)), ("3 channels 8", 7, (7, 7, 7)),
        ("4 channels 8", 0, (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_outside_the_picture_readers_see_the_padding(kind, pad, shown):
    image = reduced(KINDS[kind], View.of((67, 41), 1, PADDED), PADDED, pad=pad)
    found, inner = np.asarray(image), np.asarray(reduced(KINDS[kind], View.of((67, 41), 1, scaled()), scaled()))
    assert all(np.array_equal(found[corner], shown) for corner in CORNERS)
    assert np.array_equal(found[14:26], inner)
    assert image.mode == Image.open(io.BytesIO(KINDS[kind])).mode or kind == "grey 1"


def scaled():
    return Options(size="20x12", fit="stretch")


@pytest.mark.parametrize(("kind", "pad"), [("grey 8", 256), ("grey 4", 300), ("palette 4", 256), ("3 channels 8", 999)])
def test_a_padding_that_the_depth_cannot_hold_is_an_error(kind, pad):
    with pytest.raises(ImageError, match=str(pad)) as caught:
        reduced(KINDS[kind], View.of((67, 41), 1, PADDED), PADDED, pad=pad)
    assert caught.value.code == "mask_pad"
    assert reduced(KINDS[kind], View.of((67, 41), 1, WHOLE), pad=pad)  # nothing is padded


def test_the_padding_of_a_short_palette_has_a_colour_of_its_own():
    palette = np.array([[0, 0, 0], [255, 255, 255], [9, 9, 9]], np.uint8)
    ids = classes(ids=range(3))
    image = reduced(png_of(ids[..., np.newaxis], 2, palette=palette.tobytes()), View.of((67, 41), 1, PADDED), PADDED)
    colors = np.asarray(image.convert("RGB"))
    assert tuple(colors[0, 0].tolist()) not in set(map(tuple, palette.tolist()))
    assert image.getpalette()[:9] == palette.ravel().tolist()
