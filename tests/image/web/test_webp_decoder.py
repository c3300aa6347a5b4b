"""WebP: the first frame of an animation lies on a clear canvas, as Chromium shows it."""

import struct

import numpy as np
import pytest
from PIL import ImageCms

from helpers import image_bytes, synthetic_photo
from icsys import ImageError
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


def webp(*chunks, size=None):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def extended(flags):
    return chunk(b"VP8X", struct.pack("<I", flags) + three_bytes(FRAME.shape[1] - 1, FRAME.shape[0] - 1))


PLAIN = image_bytes(FRAME, "WEBP", lossless=True)
PIXELS = PLAIN[12:]
EXIF = chunk(b"EXIF", b"noise" * 5)
PROFILE = chunk(b"ICCP", b"noise" * 5)
TOO_LONG = b"EXIF" + struct.pack("<I", 500) + b"noise"
WHOLE = {
    "appended": PLAIN + b"appended",
    "noise for EXIF data": webp(extended(8), PIXELS, EXIF),
    "noise for a profile": webp(extended(0x20), PROFILE, PIXELS),
    "a profile behind the pixels": webp(extended(0x20), PIXELS, PROFILE),
    "an unknown chunk": webp(extended(0), chunk(b"ABCD", b"1234"), PIXELS),
}
MENDED = {
    "cut in EXIF data": webp(extended(8), PIXELS, EXIF)[:-7],
    "EXIF data of a wrong length": webp(extended(8), PIXELS, TOO_LONG),
    "EXIF data without padding": webp(extended(8), PIXELS, EXIF[:-1]),
    "a file that is said to be longer": webp(PIXELS, size=5000),
    "a file that is said to be shorter": webp(PIXELS, size=9),
    "unknown flags": webp(extended(0xC1), PIXELS),
    "pixels twice": webp(extended(0), PIXELS, PIXELS),
}


@pytest.mark.parametrize("name", WHOLE | MENDED)
def test_what_lies_beside_the_pixels_fails_no_webp(name):
    photo = decode_photo((WHOLE | MENDED)[name], Options(step=1))
    np.testing.assert_array_equal(photo.pixels, FRAME)
    assert (photo.warning is not None) == (name in MENDED)
    assert not photo.damaged


@pytest.mark.parametrize("alpha", [False, True])
def test_a_lossy_webp_keeps_its_alpha_and_profile_when_it_is_mended(alpha):
    channels = np.dstack([FRAME, FRAME[..., 0]]) if alpha else FRAME
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    data = image_bytes(channels, "WEBP", icc_profile=profile)
    options = Options(step=1, alpha="keep")
    mended = decode_photo(data + b"EXIF" + struct.pack("<I", 500), options)
    cut = bytearray(data + TOO_LONG)
    cut[4:8] = struct.pack("<I", len(cut) - 8)
    for photo in (mended, decode_photo(bytes(cut), options)):
        np.testing.assert_array_equal(photo.pixels, decode_photo(data, options).pixels)


@pytest.mark.parametrize("kept", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(
    "settings", [{"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "lossless": True}]
)
def test_a_webp_that_ends_in_its_pixels_is_refused(kept, settings):
    data = image_bytes(FRAME, "WEBP", **settings)
    end = data.index(b"VP8L") + 8 + int.from_bytes(data[data.index(b"VP8L") + 4 :][:4], "little")
    with pytest.raises(ImageError):
        decode_photo(data[: int(end * kept)], Options(step=1))
