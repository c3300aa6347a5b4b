"""GIF: the first frame lies on a clear canvas, against a GIF written by hand and its pixels in NumPy."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.image.decode import decode_photo
from icsys.options import Options

WHOLE = Options(step=1, alpha="keep")
PALETTES = [np.array(colors, np.uint8) for colors in ([[255, 0, 0], [0, 0, 255], [0, 255, 0], [9, 9, 9]],
                                                      [[7, 5, 3], [90, 0, 0], [0, 80, 0], [0, 0, 70]])]  # fmt: skip


def lzw(indices):
    """Pack 2-bit indices into the blocks of a GIF, with a clear code before each, so that codes stay three bits."""
    codes = [code for index in indices.ravel() for code in (4, index)] + [5]
    packed = np.packbits([code >> bit & 1 for code in codes for bit in range(3)], bitorder="little").tobytes()
    blocks = [packed[i : i + 255] for i in range(0, len(packed), 255)]
    return b"\2" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif(canvas, corner, indices, *, local=False, transparent=None, interlaced=False):
    """Write a GIF of one frame by hand."""
    height, width = indices.shape
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80 | 1, 2, 0) + PALETTES[0].tobytes()
    control = b"" if transparent is None else b"!\xf9\4" + bytes([1, 0, 0, transparent, 0])
    flags = local * 0x81 | interlaced * 0x40
    frame = b"," + struct.pack("<HHHHB", *corner, width, height, flags) + local * PALETTES[1].tobytes()
    rows = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
    return head + control + frame + lzw(indices[rows] if interlaced else indices) + b";"


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans(), st.sampled_from([None, 0, 3]), st.booleans())
def test_what_the_first_frame_does_not_cover_is_clear(data, local, transparent, interlaced):
    side = st.integers(0, 12)
    canvas, corner = data.draw(st.tuples(side, side)), data.draw(st.tuples(side, side))
    width, height = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    indices = np.random.default_rng(width).integers(0, 4, (height, width))
    (x, y), frame = corner, PALETTES[local][indices]
    shown = np.zeros((max(canvas[1], y + height), max(canvas[0], x + width), 4), np.uint8)
    shown[y : y + height, x : x + width] = np.dstack([frame, (indices != transparent) * np.uint8(255)])

    photo = decode_photo(
        gif(canvas, corner, indices, local=local, transparent=transparent, interlaced=interlaced), WHOLE
    )
    if (shown[..., 3] == 255).all():
        np.testing.assert_array_equal(photo.pixels, shown[..., :3])
    else:
        visible = shown[..., 3] == 255
        np.testing.assert_array_equal(photo.pixels[..., 3], shown[..., 3])
        np.testing.assert_array_equal(photo.pixels[visible], shown[visible])


@pytest.mark.parametrize("resample", ["box", "lanczos", "skip"])
def test_the_clear_part_is_laid_over_the_background(resample):
    file = gif((20, 20), (5, 5), np.ones((10, 10), int))
    photo = decode_photo(file, Options(step=5, resample=resample, background="#102030"))
    expected = np.full((4, 4, 3), [0x10, 0x20, 0x30])
    expected[1:3, 1:3] = PALETTES[0][1]
    assert np.abs(photo.pixels.astype(int) - expected).max() <= (30 if resample == "lanczos" else 0)
    assert (photo.info.mode, photo.info.channels) == ("P", 4)
