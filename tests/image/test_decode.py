"""Decoding: every format, mode, orientation and fault a photo may come with, against independent decoders."""

import io
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from damaged_images import FORMATS, TURNED_HEIC
from helpers import image_bytes, synthetic_photo
from icsys.choices import FITS, RESAMPLES
from icsys.errors import ImageError, UsageError
from icsys.image import decode
from icsys.image.decode import decode_photo, to_array
from icsys.options import Options

FULL = Options(step=1)


def exif(orientation):
    """Return EXIF data that hold an orientation."""
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = orientation
    return data


def png(width, height, depth, color_type, rows, *extra):
    """Write a PNG by hand, for the kinds that Pillow does not write; ``rows`` are packed bytes."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*e) for e in extra) + pixels + chunk(b"IEND", b"")


def code_of(data, options=FULL):
    """Return the code of the ImageError that decoding raises."""
    with pytest.raises(ImageError) as caught:
        decode_photo(data, options)
    assert str(caught.value)
    return caught.value.code


# Formats


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_give_the_pixels_that_opencv_gives(name, channels):
    data = image_bytes(synthetic_photo(37, 53, channels=channels), name)
    pixels = decode_photo(data, FULL).pixels
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(pixels, expected if channels == 1 else expected[..., ::-1])


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_are_close_to_what_opencv_gives(china, name):
    data = image_bytes(china, name, quality=90)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(decode_photo(data, FULL).pixels.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_grey_stays_grey(name):
    photo = decode_photo(image_bytes(synthetic_photo(37, 53, channels=1), name), FULL)
    assert photo.pixels.shape == (37, 53)
    assert photo.info.channels == 1


def test_a_gif_is_read_by_its_palette():
    picture = Image.fromarray(synthetic_photo(37, 53)).quantize(64)
    photo = decode_photo(image_bytes(picture, "GIF"), FULL)
    assert np.array_equal(photo.pixels, np.asarray(picture.convert("RGB")))
    assert (photo.info.mode, photo.info.channels) == ("P", 3)


def test_a_heif_image_is_turned_upright_once():
    photo = decode_photo(TURNED_HEIC, FULL)
    assert (photo.info.format, photo.info.width, photo.info.height) == ("HEIF", 64, 96)
    corners = photo.pixels[[8, 8, -8, -8], [8, -8, 8, -8]].astype(int)
    assert np.abs(corners - [[30, 200, 30], [220, 220, 60], [200, 30, 30], [30, 30, 200]]).max() < 8


def test_a_heif_image_without_its_decoder_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert code_of(TURNED_HEIC) == "missing_extra"
    with pytest.raises(ImageError, match=r"icsys\[heif\]"):
        decode_photo(TURNED_HEIC, FULL)


def test_the_content_counts_and_not_the_name():
    assert decode_photo(image_bytes(synthetic_photo(), "WEBP"), FULL).info.format == "WEBP"


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_frame_is_taken_and_the_frames_are_counted(name):
    first, *others = (np.full((24, 32, 3), level, np.uint8) for level in (200, 90, 10))
    others = [Image.fromarray(other) for other in others]
    data = image_bytes(Image.fromarray(first), name, save_all=True, append_images=others)
    photo = decode_photo(data, FULL)
    assert photo.info.frames == 3
    assert np.abs(photo.pixels.astype(int) - 200).max() <= 3


def test_an_animation_with_broken_later_frames_gives_its_first():
    frames = [Image.fromarray(synthetic_photo(30, 40, seed=seed)).quantize(16) for seed in range(4)]
    data = image_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    photo = decode_photo(data[: len(data) // 2], FULL)
    assert np.array_equal(photo.pixels, np.asarray(frames[0].convert("RGB")))
    assert photo.info.frames >= 1


def test_info_describes_the_source():
    photo = decode_photo(image_bytes(synthetic_photo(40, 60), "JPEG", exif=exif(6)), Options(step=4))
    assert photo.info == decode.ImageInfo("JPEG", "RGB", 40, 60, 3, 6, 1)
    assert photo.pixels.shape == (15, 10, 3)
    assert photo.pixels.flags.c_contiguous
    assert photo.pixels.flags.writeable


# Modes


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize(
    ("name", "mode", "channels"),
    [
        ("PNG", "1", 1), ("PNG", "L", 1), ("PNG", "LA", 2), ("PNG", "P", 3), ("PNG", "RGB", 3), ("PNG", "RGBA", 4),
        ("PNG", "I;16", 1), ("TIFF", "I;16", 1), ("TIFF", "I;16B", 1), ("TIFF", "1", 1), ("TIFF", "LA", 2),
        ("TIFF", "CMYK", 4), ("TIFF", "LAB", 3), ("TIFF", "YCbCr", 3), ("TIFF", "RGBX", 3), ("TIFF", "PA", 4),
        ("JPEG", "CMYK", 4), ("JPEG", "YCbCr", 3), ("WEBP", "RGBA", 4), ("AVIF", "RGBA", 4), ("GIF", "P", 3),
        ("BMP", "1", 1), ("BMP", "P", 3),
    ],
)  # fmt: skip
def test_every_mode_keeps_its_colour_and_has_its_channels(name, mode, channels, resample):
    grey = channels < 3
    color = (153, 153, 153) if grey else (204, 102, 51)
    if mode.startswith("I;16"):
        image = Image.fromarray(np.full((23, 31), 153 * 257, np.uint16))
    elif mode == "1":
        color, image = (255, 255, 255), Image.new("1", (31, 23), 1)
    else:
        image = Image.new("RGB", (31, 23), color).convert(mode)
        if mode == "RGBA":  # one pixel is not opaque: WebP and AVIF drop an alpha channel that is opaque everywhere
            image.putpixel((30, 22), (*color, 254))
    settings = {"lossless": True} if name == "WEBP" else {"quality": 100} if name in {"JPEG", "AVIF"} else {}
    photo = decode_photo(image_bytes(image, name, **settings), Options(step=5, resample=resample))
    assert photo.pixels.shape == ((5, 7) if grey else (5, 7, 3))
    assert photo.info.channels == channels
    assert np.abs(photo.pixels.astype(int) - (color[0] if grey else color)).max() <= 4


def test_a_cmyk_jpeg_is_not_inverted():
    ink = np.zeros((16, 64, 4), np.uint8)
    for i in range(4):
        ink[:, 16 * i : 16 * (i + 1), i] = 255
    photo = decode_photo(image_bytes(Image.fromarray(ink, "CMYK"), "JPEG", quality=100), Options(step=8))
    expected = [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]]
    assert np.abs(photo.pixels[0, ::2].astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    "options",
    [Options(step=5), Options(step=8), Options(size=(97, 61)), Options(step=5, resample="lanczos")],
    ids=["step 5", "step 8", "size", "lanczos"],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_cmyk_jpeg_is_made_smaller_while_it_is_decoded(china, options, orientation):
    """What comes out is what comes of all its pixels, as a TIFF holds them."""
    jpeg = image_bytes(Image.fromarray(china).convert("CMYK"), "JPEG", quality=95, exif=exif(orientation))
    with Image.open(io.BytesIO(jpeg)) as whole:
        tiff = image_bytes(ImageOps.exif_transpose(whole), "TIFF")
    taken = []
    small = decode_photo(jpeg, options, lambda needed: nullcontext(taken.append(needed)))
    assert taken[0] <= 4 * china.shape[0] * china.shape[1] / 4
    expected = decode_photo(tiff, options)
    assert (small.info.width, small.info.height) == (expected.info.width, expected.info.height)
    assert np.abs(small.pixels.astype(int) - expected.pixels).mean() < 4  # a step of 5 is no power of 2


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0])])
def test_palette_transparency_shows_the_background(transparency):
    image = Image.fromarray(np.array([[0, 3], [3, 0]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 0, 0, 0, 0, 0, 0, 200, 0, 0])
    data = image_bytes(image, "PNG", transparency=transparency)
    photo = decode_photo(data, Options(step=1, background="#0000ff"))
    assert photo.pixels.tolist() == [[[10, 20, 30], [0, 0, 255]], [[0, 0, 255], [10, 20, 30]]]
    assert photo.info.channels == 4


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(4, 1, 1, 0, [b"\x50"], (b"tRNS", b"\0\1")), [0, 9, 0, 9]),
        (png(4, 1, 2, 0, [b"\x1b"], (b"tRNS", b"\0\2")), [0, 85, 9, 255]),
        (png(2, 1, 4, 0, [b"\x4f"], (b"tRNS", b"\0\4")), [9, 255]),
        (png(2, 1, 8, 0, [b"\x04\xff"], (b"tRNS", b"\0\4")), [9, 255]),
        (png(2, 1, 16, 0, [struct.pack(">2H", 1000, 65535)], (b"tRNS", struct.pack(">H", 1000))), [9, 255]),
        (png(2, 1, 16, 4, [struct.pack(">4H", 1000, 65535, 5, 0)]), [3, 9]),
        (png(2, 1, 8, 2, [bytes([1, 2, 3, 9, 9, 9])], (b"tRNS", b"\0\1\0\2\0\3")), [[9, 9, 9]] * 2),
        (
            png(
                2, 1, 16, 2, [struct.pack(">6H", 1000, 2000, 3000, 9, 9, 65535)],
                (b"tRNS", struct.pack(">3H", 1000, 2000, 3000)),
            ),
            [[9, 9, 9], [0, 0, 255]],
        ),
    ],
)  # fmt: skip
def test_the_transparent_colour_of_a_png_of_any_depth_shows_the_background(data, expected):
    assert decode_photo(data, Options(step=1, background="#090909")).pixels[0].tolist() == expected


@pytest.mark.parametrize(("mode", "value"), [("I", 70_000), ("F", 0.5)])
def test_modes_without_a_range_are_unsupported(mode, value):
    assert code_of(image_bytes(Image.new(mode, (4, 4), value), "TIFF")) == "unsupported"


# Geometry


def upright(data):
    """Decode at full size and turn upright, by Pillow's own means."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
def test_an_orientation_gives_the_pixels_of_the_upright_image(name, orientation, fit):
    pixels = synthetic_photo(37, 53)
    settings = {"lossless": True, "exact": True} if name == "WEBP" else {}
    data = image_bytes(pixels, name, exif=exif(orientation), **settings)
    turned = image_bytes(upright(data))
    for resample in RESAMPLES:
        sizes = [Options(size=(16, 11), fit=fit, resample=resample)]
        if fit == FITS[0]:  # which steps and factors do not look at
            sizes += [Options(step=5, resample=resample), Options(scale=0.4, resample=resample)]
        for options in sizes:
            photo = decode_photo(data, options)
            assert photo.info.orientation == orientation
            # Sums are added up along the axes as stored: they may round another way.
            difference = photo.pixels.astype(int) - decode_photo(turned, options).pixels
            assert np.abs(difference).max() <= (resample != "skip")


XMP = b'<rdf:Description tiff:Orientation="6"/>'
XMP_SETTINGS = {
    "JPEG": {"xmp": XMP, "quality": 95, "dpi": (72, 72)},
    "PNG": {"pnginfo": ("XML:com.adobe.xmp", XMP.decode())},
    "WEBP": {"xmp": XMP, "lossless": True},
    "TIFF": {"tiffinfo": {700: XMP}},
    "AVIF": {"xmp": XMP, "quality": 100},
}


@pytest.mark.parametrize("data_of_exif", ["none", "without an orientation", "with one"])
@pytest.mark.parametrize("name", XMP_SETTINGS)
def test_an_orientation_in_xmp_turns_no_picture_and_hides_none_in_exif(name, data_of_exif):
    """Chromium shows it so."""
    settings = dict(XMP_SETTINGS[name])
    if "pnginfo" in settings:
        key, text = settings["pnginfo"]
        settings["pnginfo"] = PngImagePlugin.PngInfo()
        settings["pnginfo"].add_itxt(key, text)
    data = exif(3) if data_of_exif == "with one" else Image.Exif()
    data[ExifTags.Base.Software] = "x"
    if data_of_exif != "none":
        settings |= {"tiffinfo": {700: XMP, **data}} if name == "TIFF" else {"exif": data}
    pixels = synthetic_photo(20, 30)
    file = image_bytes(pixels, name, **settings)
    assert XMP in file
    photo = decode_photo(file, FULL)
    assert photo.info.orientation == (3 if data_of_exif == "with one" else 1)
    expected = pixels[::-1, ::-1] if data_of_exif == "with one" else pixels
    assert np.abs(photo.pixels.astype(int) - expected).mean() <= (0 if name in {"PNG", "WEBP", "TIFF"} else 12)


def test_avif_is_turned_by_the_exif_orientation_once():
    data = image_bytes(synthetic_photo(40, 64), "AVIF", quality=100, exif=exif(6))
    photo = decode_photo(data, FULL)
    assert photo.info.orientation == 6
    assert np.abs(photo.pixels.astype(int) - upright(data)).max() == 0


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 8, 10, 16, 23])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_box_with_a_step_on_a_jpeg_is_close_to_the_block_means_of_the_upright_image(orientation, step):
    """Also in the partial blocks at the edges, wherever the file keeps them: sides of 203 and 157 divide by nothing."""
    y, x = np.mgrid[0:157, 0:203]
    pixels = np.stack([x, y + 60, 255 - (x + y) // 2], axis=-1).clip(0, 255).astype(np.uint8)
    data = image_bytes(pixels, "JPEG", quality=95, subsampling=0, exif=exif(orientation))
    whole = Image.fromarray(upright(data))
    expected = np.asarray(whole.reduce(step)).astype(int)
    error = np.abs(decode_photo(data, Options(step=step)).pixels - expected)
    assert error.mean() < 1
    assert error.max() <= max(4, step // 2)


@pytest.fixture(scope="module")
def slope():
    """JPEGs of one picture in each orientation, and the upright pixels of each in a file that is read whole."""
    y, x = np.mgrid[0:317, 0:405]
    pixels = np.stack([x / 2, y / 2 + 60, 255 - (x + y) / 4], axis=-1).clip(0, 255).astype(np.uint8)
    turned = {
        orientation: image_bytes(pixels, "JPEG", quality=95, subsampling=0, exif=exif(orientation))
        for orientation in range(1, 9)
    }
    return {orientation: (data, image_bytes(upright(data), "BMP")) for orientation, data in turned.items()}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(50, 40), (13, 31), (101, 78)])
@pytest.mark.parametrize("fit", FITS)
def test_sizes_from_a_shrinking_decoder_are_close_to_those_from_full_size(slope, orientation, size, fit):
    data, whole = slope[orientation]
    options = Options(size=size, fit=fit)
    expected = decode_photo(whole, options).pixels.astype(int)
    error = np.abs(decode_photo(data, options).pixels - expected)
    assert error.mean() < 1
    assert error.max() <= 5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_skip_keeps_exactly_every_fifth_pixel_of_the_upright_image(name, orientation):
    data = image_bytes(synthetic_photo(63, 87), name, exif=exif(orientation))
    photo = decode_photo(data, Options(step=5, resample="skip"))
    assert np.array_equal(photo.pixels, upright(data)[::5, ::5])


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 8),
    st.sampled_from(["JPEG", "PNG", "GIF"]),
    st.sampled_from(FITS),
    st.sampled_from(RESAMPLES),
    st.one_of(
        st.fixed_dictionaries({"step": st.integers(1, 100)}),
        st.fixed_dictionaries({"scale": st.floats(0.01, 1)}),
        st.fixed_dictionaries({"size": st.tuples(st.integers(1, 120), st.integers(1, 120))}),
    ),
)
def test_any_image_with_any_options_has_the_planned_size(width, height, orientation, name, fit, resample, way):  # noqa: PLR0917 - drawn by hypothesis
    data = image_bytes(
        np.full((height, width, 3), 90, np.uint8), name, exif=exif(orientation) if name != "GIF" else b""
    )
    photo = decode_photo(data, Options(fit=fit, resample=resample, background="#5a5a5a", **way))
    made = photo.pixels.shape[1::-1]
    if "size" in way and fit != "contain":
        assert made == way["size"]
    elif "step" in way:
        assert made == (-(-photo.info.width // way["step"]), -(-photo.info.height // way["step"]))
    assert min(made) >= 1
    assert np.abs(photo.pixels.astype(int) - 90).max() <= 2


@pytest.mark.parametrize("shape", [(1, 4000, 3), (4000, 1, 3), (1, 1, 3)])
@pytest.mark.parametrize("resample", RESAMPLES)
def test_a_panorama_of_one_row_keeps_a_pixel(shape, resample):
    for name in ("JPEG", "PNG"):
        photo = decode_photo(image_bytes(np.full(shape, 77, np.uint8), name), Options(size=(32, 32), resample=resample))
        assert min(photo.pixels.shape[:2]) == 1


# Faults


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_no_image(name, kept):
    data = image_bytes(synthetic_photo(100, 120), name)
    assert code_of(data[: int(len(data) * kept)]) in {"broken", "corrupt", "unidentified"}


def test_a_truncated_jpeg_is_corrupt_at_every_scale():
    data = image_bytes(synthetic_photo(200, 300), "JPEG")
    for options in (FULL, Options(step=5), Options(step=16), Options(step=5, resample="skip")):
        assert code_of(data[: len(data) // 2], options) == "corrupt"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\0", "unidentified"),
        (b"just text in a file named .jpg", "unidentified"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unidentified"),
        (b"%PDF-1.7\n%", "unidentified"),
        (b"\xff\xd8\xff\xe0", "broken"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (b"GIF89a", "broken"),
        (b"II*\0\x08\0\0\0", "broken"),
        (png(0, 5, 8, 0, []), "broken"),
        (png(60_000, 60_000, 8, 0, [b""]), "too_large"),
        (b"GIF89a\xff\xff\xff\xff" + image_bytes(synthetic_photo(4, 4), "GIF")[10:], "too_large"),
    ],
)  # fmt: skip
def test_a_bad_image_has_a_stable_code(data, code):
    assert code_of(data) == code


@pytest.mark.parametrize(("place", "code"), [(b"IDAT", "corrupt"), (b"IHDR", "broken")])
def test_a_png_with_a_wrong_checksum_is_refused(place, code):
    data = bytearray(image_bytes(synthetic_photo(50, 60)))
    start = data.index(place)
    length = int.from_bytes(data[start - 4 : start], "big")
    data[start + 4 + length] ^= 1
    assert code_of(bytes(data)) == code


@pytest.mark.parametrize("limit", [50 * 60 - 1, 10], ids=["warning", "error"])
@pytest.mark.parametrize("name", [*FORMATS, "BigTIFF", "GIF with disposal", "lossless WebP", "animated WebP"])
def test_the_limit_of_pillow_does_not_hold(monkeypatch, name, limit):
    """Half of the pixels are more than Pillow warns of, and then more than it refuses; ours lets them in."""
    pixels = synthetic_photo(50, 60)
    variants = {
        "BigTIFF": {"format": "TIFF", "big_tiff": True, "compression": "tiff_lzw"},
        "GIF with disposal": {"format": "GIF", "disposal": 2},
        "lossless WebP": {"format": "WEBP", "lossless": True},
        "animated WebP": {"format": "WEBP", "save_all": True, "append_images": [Image.fromarray(pixels[::-1])]},
    }
    data = TURNED_HEIC if name == "HEIF" else image_bytes(pixels, **variants.get(name, {"format": name}))
    expected = decode_photo(data, FULL).pixels
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        np.testing.assert_array_equal(decode_photo(data, FULL).pixels, expected)
    assert not caught


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "junk", [b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40), b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_data_are_ignored_in_silence(name, junk):
    pixels = np.full((20, 30, 3), 90, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = decode_photo(image_bytes(pixels, name, exif=b"Exif\0\0" + junk), FULL)
    assert photo.pixels.shape == (20, 30, 3)
    assert photo.info.orientation == 1


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_out_of_range_counts_as_upright(orientation):
    photo = decode_photo(image_bytes(synthetic_photo(20, 30), "JPEG", exif=exif(orientation)), FULL)
    assert (photo.info.orientation, photo.pixels.shape) == (1, (20, 30, 3))


SAMPLES = {
    name: image_bytes(synthetic_photo(24, 32), name) for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
}
SAMPLES["HEIF"] = TURNED_HEIC


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6),
    st.integers(0, 40),
)
def test_damage_of_any_kind_raises_an_image_error_or_nothing(name, changes, cut):
    data = bytearray(SAMPLES[name])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        photo = decode_photo(bytes(data[: len(data) - cut]), Options(size=(8, 8)))
    except ImageError as error:
        code = error.code
    else:
        code = photo.pixels.dtype.name
    assert code in {"uint8", "unidentified", "unsupported", "broken", "corrupt", "too_large"}


def test_running_out_of_memory_is_no_fault_of_the_image(monkeypatch):
    def exhausted(_data, _options):
        raise MemoryError

    monkeypatch.setattr(decode, "open_image", exhausted)
    with pytest.raises(MemoryError):
        decode_photo(b"", FULL)


def test_many_threads_give_the_same_pixels():
    files = [
        image_bytes(synthetic_photo(90, 120, seed=seed), name, exif=exif(6))
        for seed in range(6)
        for name in ("JPEG", "PNG")
    ]
    expected = [decode_photo(data, Options(step=3)).pixels for data in files]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda data: decode_photo(data, Options(step=3)).pixels, files * 4))
    assert all(np.array_equal(a, b) for a, b in zip(made, expected * 4, strict=True))


# Arrays


def test_an_array_comes_back_as_it_is():
    for pixels in (synthetic_photo(), synthetic_photo(channels=1)):
        assert to_array(pixels) is pixels


def test_a_view_becomes_contiguous():
    pixels = synthetic_photo()[::2, ::-1]
    made = to_array(pixels)
    assert made.flags.c_contiguous
    assert np.array_equal(made, pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LAB"])
def test_a_pil_image_of_any_mode_becomes_an_array(mode):
    made = to_array(Image.fromarray(synthetic_photo()).convert(mode))
    assert made.shape == ((60, 80) if mode in {"1", "L"} else (60, 80, 3))
    assert made.dtype == np.uint8


def test_transparent_areas_show_the_background():
    image = Image.new("RGBA", (2, 2), (9, 9, 9, 0))
    assert (to_array(image, "#102030") == (0x10, 0x20, 0x30)).all()


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ("photo.jpg", "str"),
        (None, "NoneType"),
        (np.zeros((4, 4, 3), float), "float64"),
        (np.zeros((4, 4, 2), np.uint8), r"\(4, 4, 2\)"),
        (np.zeros((0, 4), np.uint8), r"\(0, 4\)"),
        (np.uint8(3), "uint8"),
        (np.array(3, np.uint8), r"\(\)"),
    ],
)
def test_anything_else_is_refused_with_what_was_got_and_what_is_expected(image, named):
    with pytest.raises(UsageError, match=named) as caught:
        to_array(image)
    assert "expected" in str(caught.value)
