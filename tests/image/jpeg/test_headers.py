"""Headers read in one pass say what Pillow says, and make the same picture as headers that Pillow has read."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile, jpeg_factory

from damaged_images import mutant, seeds
from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options
from icsys.image import decode
from icsys.image.decode import decode_photo
from icsys.image.jpeg.headers import plain_header
from icsys.image.jpeg.scans import count_scans
from icsys.image.opened_file import exif_orientation

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTED = Image.Exif()
ORIENTED.update({ExifTags.Base.Make: "ICS " * 9, ExifTags.Base.Orientation: 6, ExifTags.Base.XResolution: 72.5})
ODD = ORIENTED.tobytes().replace(struct.pack(">HHL", 0x112, 3, 1), struct.pack(">HHL", 0x112, 3, 2))
RESOURCES = b"Photoshop 3.0\0" + b"".join(
    b"8BIM" + struct.pack(">HB7sL", code, 6, b"ICS", 5) + b"12345\0" for code in (0x3ED, 0x404)
)
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
OPTIONS = (Options(step=1), Options(size=(9, 7), fit="pad", on_corrupt="keep"), Options(step=3, resample="skip"))


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def photo(*segments, mode="RGB", **settings):
    """Return a JPEG with more segments behind its start."""
    data = image_bytes(Image.fromarray(synthetic_photo(40, 50)).convert(mode), "JPEG", **settings)
    return data[:2] + b"".join(segments) + data[2:]


def agrees(data):
    """Return whether the headers were read in one pass; fail if Pillow reads them in another way."""
    header = plain_header(data)
    if header is None:
        return False
    image = jpeg_factory(io.BytesIO(data), "")
    assert (type(image), image.mode, image.size) == (JpegImageFile, header.mode, header.size)
    assert exif_orientation(image) == header.orientation
    assert image.info.get("icc_profile") == header.profile
    assert bool(image.info.get("progressive")) == header.progressive
    assert not header.one_scan or count_scans(data) == 1
    return True


PLAIN = {
    "colour": photo(),
    "grey": photo(mode="L"),
    "progressive": photo(progressive=True),
    "restarts and a comment": photo(comment=b"made by code", restart_marker_rows=1),
    "a profile": photo(icc_profile=PROFILE),
    "XMP": photo(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    "other programs": photo(segment(0xE4, bytes(9)), segment(0xED, b"Ducky"), segment(0xE2, b"FPXR\0")),
    "Adobe": photo(segment(0xEE, b"Adobe\0d\0\0\0\0\1")),
    "EXIF": photo(exif=ORIENTED),
    "EXIF and XMP": photo(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), exif=ORIENTED),
    "Photoshop": photo(segment(0xED, RESOURCES), segment(0xED, RESOURCES[:24])),
}
OTHER = {
    "CMYK": photo(mode="CMYK"),
    "EXIF data in parts": photo(segment(0xE1, b"Exif\0\0" + ORIENTED.tobytes()[6:]), exif=ORIENTED),
    "EXIF data without a directory": photo(segment(0xE1, b"Exif\0\0II*\0")),
    "two orientations": photo(exif=ODD),
    "a profile in parts": photo(icc_profile=PROFILE * 150),
    "a profile that lacks a part": photo(segment(0xE2, b"ICC_PROFILE\0\1\2" + PROFILE)),
    "a resource without a name": photo(segment(0xED, RESOURCES[:20])),
    "a short JFIF": photo(segment(0xE0, b"JFIF\0")),
    "a short Adobe": photo(segment(0xEE, b"Adobe")),
    "two pictures": image_bytes(synthetic_photo(8, 9), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 8))]),
    "stray bytes": photo(b"\0\0"),
    "fill bytes": photo(b"\xff\xff"),
    "PNG": image_bytes(synthetic_photo(8, 9), "PNG"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_headers_are_read_as_pillow_reads_them(kind):
    assert agrees(PLAIN[kind])


@pytest.mark.parametrize("kind", OTHER)
def test_other_headers_are_left_to_pillow(kind):
    assert plain_header(OTHER[kind]) is None


def test_headers_that_end_early_are_left_to_pillow():
    data = photo(icc_profile=PROFILE)
    start = data.rindex(b"\xff\xda")
    assert all(plain_header(data[:end]) is None for end in range(start + 14))
    assert plain_header(data[: start + 14]) == plain_header(data)


def test_mutants_that_count_as_plain_are_read_as_pillow_reads_them():
    assert sum(agrees(mutant("JPEG", number)) for number in range(1500)) > 150


@given(st.sampled_from(sorted(PLAIN)), st.data())
def test_changed_bytes_of_headers_never_tell_another_picture(kind, data):
    """No byte of a header can be changed so that Pillow would refuse the file or see another picture."""
    changed = bytearray(PLAIN[kind])
    place = data.draw(st.integers(2, changed.rindex(b"\xff\xda") + 13))
    changed[place] = data.draw(st.integers(0, 255))
    agrees(bytes(changed))


def outcome(data, options):
    """Return all that decoding gives: the photo, or the error."""
    try:
        found = decode_photo(data, options)
    except ImageError as error:
        return error.code, str(error)
    return found.pixels.shape, found.pixels.tobytes(), *found[1:]


@pytest.mark.parametrize("number", range(len(OPTIONS)))
def test_a_photo_is_the_same_where_pillow_reads_its_headers(number, monkeypatch):
    files = [*PLAIN.values(), *seeds("JPEG"), *(mutant("JPEG", 3 * i + number) for i in range(100))]
    made = [outcome(data, OPTIONS[number]) for data in files]
    monkeypatch.setattr(decode, "plain_header", lambda _: None)
    assert made == [outcome(data, OPTIONS[number]) for data in files]


def test_the_limits_of_a_plain_photo_are_checked_before_memory_is_asked_for():
    def admit(size):
        raise AssertionError(size)

    for limits in ({"max_pixels": 40 * 50 - 1}, {"max_bytes": len(photo()) - 1}):
        with pytest.raises(ImageError) as caught:
            decode_photo(photo(), Options(**limits), admit)
        assert caught.value.code == "too_large"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_plain_photo_asks_for_the_memory_that_pillow_s_headers_tell(mode, progressive, monkeypatch):
    asked = []

    def admit(size):
        asked.append(size)
        return decode.unlimited(size)

    data = photo(mode=mode, progressive=progressive)
    for options in OPTIONS:
        decode_photo(data, options, admit)
    monkeypatch.setattr(decode, "plain_header", lambda _: None)
    for options in OPTIONS:
        decode_photo(data, options, admit)
    assert asked[: len(OPTIONS)] == asked[len(OPTIONS) :]
    assert min(asked) >= len(mode) * (-(-40 // 8)) * (-(-50 // 8)) + (6000 if progressive and mode == "RGB" else 0)


def test_pixels_are_those_of_pillow_where_nothing_is_resized():
    for data in (PLAIN["colour"], PLAIN["grey"]):
        with Image.open(io.BytesIO(data)) as image:
            expected = np.asarray(image).astype(int)
        assert np.abs(decode_photo(data, Options(step=1)).pixels - expected).max() <= 3
