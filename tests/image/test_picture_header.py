"""The geometry of a picture from its headers is the one that decoding finds, for every format and orientation."""

import io
from contextlib import suppress

import pytest
from PIL import ExifTags, Image, ImageOps

from damaged_images import FORMATS, TURNED_HEIC, mutant, seeds
from heif_files import clap, with_properties
from helpers import image_bytes, synthetic_photo
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.picture_header import read_header
from icsys.image.view import View
from icsys.options import Options
from png_files import chunk

FULL = Options(step=1, strategy="SO")
GEOMETRIES = (
    FULL,
    Options(step=5),
    Options(scale=0.4),
    Options(size="13x9", fit="cover"),
    Options(size="9x17", fit="pad"),
)
ORIENTED = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO")


def exif(orientation):
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = orientation
    return data


def check_equal(data, options):
    """Check that a header says what decoding finds."""
    header, photo = read_header(data, options), decode_photo(data, options)
    info = photo.info
    assert (header.format, header.orientation, header.mode) == (info.format, info.orientation, info.mode)
    view = View.of(header.stored, header.orientation, options)
    assert view.upright == (info.width, info.height)
    assert view.output == photo.pixels.shape[1::-1]


@pytest.mark.parametrize("name", FORMATS)
def test_a_header_says_what_decoding_finds(name):
    for data in seeds(name):
        for options in GEOMETRIES:
            check_equal(data, options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ORIENTED)
def test_a_header_has_the_orientation_that_is_applied(name, orientation):
    photo = Image.fromarray(synthetic_photo(20, 30))
    data = image_bytes(photo, name, exif=exif(orientation))
    check_equal(data, GEOMETRIES[3])
    header = read_header(data, FULL)
    assert (header.stored, header.orientation) == ((30, 20), orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_jpeg_of_any_mode_and_a_palette_have_their_orientation(mode, orientation):
    photo = Image.fromarray(synthetic_photo(20, 30))
    check_equal(image_bytes(photo.convert(mode), "JPEG", exif=exif(orientation)), GEOMETRIES[2])
    check_equal(image_bytes(photo.quantize(9), "TIFF", exif=exif(orientation), compression="tiff_lzw"), FULL)


def test_a_crop_of_heif_and_avif_counts_before_the_turn():
    for data in (TURNED_HEIC, image_bytes(synthetic_photo(64, 96), "AVIF", speed=10, exif=exif(6))):
        for aperture in (clap(20, 1, 10, 1, 0, 1, 1, 1), clap(900, 1, 10, 1, 0, 1, 1, 1)):
            check_equal(with_properties(data, aperture), FULL)


def with_facts_behind(data, *chunks):
    return data[:-12] + b"".join(chunks) + data[-12:]


def profile(data):
    """Return EXIF data as ImageMagick writes them into a text."""
    lines = ["", "exif", str(len(data)), data.hex()]
    return b"Raw profile type exif\0" + "\n".join(lines).encode()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("animated", [False, True])
def test_exif_data_behind_the_pixels_of_a_png_count_without_decoding_them(orientation, animated):
    photo = Image.fromarray(synthetic_photo(20, 30))
    settings = {"save_all": True, "append_images": [photo.rotate(9)]} if animated else {}
    data, facts = image_bytes(photo, "PNG", **settings), exif(orientation).tobytes()
    for one in (
        chunk(b"eXIf", facts[6:]),
        chunk(b"tEXt", profile(facts)),
        chunk(b"eXIf", b"junk"),
        chunk(b"tEXt", b"a\0b"),
    ):
        made = with_facts_behind(data, one)
        check_equal(made, FULL)
    if not animated:
        assert read_header(with_facts_behind(data, chunk(b"eXIf", facts[6:])), FULL).orientation == orientation


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_can_be_decoded_has_a_header_that_says_the_same(name):
    decoded = 0
    for number in range(60):
        data = mutant(name, number)
        try:
            decode_photo(data, FULL)
        except ImageError:
            with suppress(ImageError):  # and nothing else is raised
                read_header(data, FULL)
            continue
        decoded += 1
        check_equal(data, FULL)
    assert decoded


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_no_pixel_is_decoded(name):
    """What is left of a file that is cut within its pixels has the same header."""
    data = image_bytes(synthetic_photo(200, 300), name)
    cut = data if name == "WEBP" else data[: len(data) * 3 // 4]
    assert read_header(cut, FULL).stored == (300, 200)


@pytest.mark.parametrize("options", [Options(max_pixels=100), Options(max_bytes=90), Options(max_frames=1)])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "AVIF"])
def test_the_limits_are_those_of_decoding(name, options):
    photo = Image.fromarray(synthetic_photo(20, 30))
    frames = {} if name == "JPEG" else {"save_all": True, "append_images": [photo.rotate(5)]}
    data = image_bytes(photo, name, **frames)
    codes = []
    for read in (read_header, decode_photo):
        try:
            read(data, options)
        except ImageError as error:
            codes.append((error.code, str(error)))
    assert len(codes) in {0, 2}
    assert codes[:1] == codes[1:]
    assert len(codes) == 2 or (name == "JPEG" and options.max_frames == 1)


@pytest.mark.parametrize("data", [b"", b"no image", b"%PDF-1.7" + bytes(90), b"\x89PNG\r\n\x1a\n", b"GIF89a\1"])
def test_what_is_no_picture_fails_as_decoding_does(data):
    found = []
    for read in (read_header, decode_photo):
        with pytest.raises(ImageError) as caught:
            read(data, FULL)
        found.append((caught.value.code, str(caught.value)))
    assert found[0] == found[1]


def test_a_pillow_image_that_turns_agrees():
    """ImageOps, which turns pictures by their EXIF data, is the other witness of an upright size."""
    for orientation in range(1, 9):
        data = image_bytes(synthetic_photo(20, 30), "JPEG", exif=exif(orientation))
        with Image.open(io.BytesIO(data)) as image:
            expected = ImageOps.exif_transpose(image).size
        header = read_header(data, FULL)
        assert View.of(header.stored, header.orientation, FULL).upright == expected
