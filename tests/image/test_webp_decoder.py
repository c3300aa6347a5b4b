"""WebP: the first frame of an animation lies on a clear canvas, as Chromium shows it."""

import struct

import numpy as np
import pytest

from helpers import image_bytes, synthetic_photo
from icsys.image.decode import decode_photo
from icsys.options import Options

FRAME = synthetic_photo(10, 12)


def chunk(kind, body):
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def three_bytes(*numbers):
    return b"".join(number.to_bytes(3, "little") for number in numbers)


def animation(canvas, corner, *, alpha):
    """Write an animation of one frame by hand (RFC 9649); its background colour is green, and no reader shows it."""
    width, height = canvas
    image = image_bytes(FRAME, "WEBP", lossless=True)[12:]
    flags = 0x02 | alpha * 0x10
    rectangle = [corner[0] // 2, corner[1] // 2, FRAME.shape[1] - 1, FRAME.shape[0] - 1]
    body = b"".join([
        chunk(b"VP8X", struct.pack("<I", flags) + three_bytes(width - 1, height - 1)),
        chunk(b"ANIM", b"\0\xff\0\xff\0\0"),
        chunk(b"EXIF", b"odd"),
        chunk(b"ANMF", three_bytes(*rectangle, 100) + b"\0" + image),
    ])  # fmt: skip
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("canvas", [(12, 10), (20, 18)])
def test_what_the_first_frame_does_not_cover_is_clear(canvas, alpha):
    corner = (canvas[0] - 12, canvas[1] - 10)
    photo = decode_photo(animation(canvas, corner, alpha=alpha), Options(step=1, alpha="keep"))
    if corner == (0, 0):
        np.testing.assert_array_equal(photo.pixels, FRAME)
    else:
        expected = np.zeros((*canvas[::-1], 4), np.uint8)
        expected[corner[1] :, corner[0] :] = np.dstack([FRAME, np.full(FRAME.shape[:2], 255)])
        np.testing.assert_array_equal(photo.pixels[photo.pixels[..., 3] > 0], expected[expected[..., 3] > 0])
        np.testing.assert_array_equal(photo.pixels[..., 3], expected[..., 3])
