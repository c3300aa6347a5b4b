"""Pixel modes, colour profiles and transparency, each against a plain calculation."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from helpers import image_bytes, synthetic_photo
from icc_profiles import linear_profile
from icsys.image.color_conversion import channels, flatten, plain_mode, to_plain, to_srgb
from icsys.image.decode import decode_photo
from icsys.image.geometry import plan_resize
from icsys.image.resize import as_image, pick_pixels
from icsys.options import Options
from tiff_files import tiff_of


def srgb_from_linear(levels):
    """Encode linear light 0 to 255 as sRGB 0 to 255 (IEC 61966-2-1)."""
    light = np.asarray(levels) / 255
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", [b"RGB ", b"GRAY"])
def test_a_profile_is_converted_to_srgb(kind):
    pixels = synthetic_photo(20, 30, channels=3 if kind == b"RGB " else 1)
    made = to_srgb(Image.fromarray(pixels), linear_profile(kind))
    assert made.mode == ("RGB" if kind == b"RGB " else "L")
    assert np.abs(np.asarray(made) - srgb_from_linear(pixels)).max() < 2


def test_a_grey_image_follows_the_neutral_axis_of_an_rgb_profile():
    pixels = synthetic_photo(20, 30, channels=1)
    made = to_srgb(Image.fromarray(pixels), linear_profile(b"RGB "))
    assert np.abs(np.asarray(made) - srgb_from_linear(pixels)).max() < 2


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_profile_leaves_alpha_alone(mode):
    image = Image.fromarray(synthetic_photo(20, 30)).convert(mode)
    alpha = synthetic_photo(20, 30, seed=5, channels=1)
    image.putalpha(Image.fromarray(alpha))
    made = to_srgb(image, linear_profile(b"RGB "))
    assert np.array_equal(np.asarray(made.getchannel("A")), alpha)
    colours = np.asarray(image)[..., :-1]
    assert np.abs(np.asarray(made)[..., :-1] - srgb_from_linear(colours)).max() < 2


def test_the_srgb_profile_changes_nothing():
    pixels = synthetic_photo(20, 30)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(np.asarray(to_srgb(Image.fromarray(pixels), profile)), pixels)


def test_a_profile_that_is_srgb_but_for_rounding_changes_nothing():
    coarse = np.interp(np.linspace(0, 255, 30), srgb_from_linear(np.linspace(0, 255, 4000)), np.linspace(0, 1, 4000))
    pixels = np.stack(np.meshgrid(*[np.arange(0, 256, 5, dtype=np.uint8)] * 3), axis=-1).reshape(52, -1, 3)
    assert np.array_equal(np.asarray(to_srgb(Image.fromarray(pixels), linear_profile(b"RGB ", coarse))), pixels)


@pytest.mark.parametrize(
    "profile", [b"", b"no profile", linear_profile(b"RGB ")[:150], linear_profile(b"GRAY"), bytes(128)]
)
def test_a_broken_profile_or_one_for_other_channels_is_ignored(profile):
    pixels = synthetic_photo(20, 30)
    assert np.array_equal(np.asarray(to_srgb(Image.fromarray(pixels), profile)), pixels)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_profile_of_a_file_is_applied(name):
    flat = np.full((16, 16, 3), (40, 120, 200), np.uint8)
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}, "AVIF": {"quality": 100}}.get(name, {})
    data = image_bytes(flat, name, icc_profile=linear_profile(b"RGB "), **lossless)
    pixels = decode_photo(data, Options(step=4)).pixels
    assert np.abs(pixels - srgb_from_linear((40, 120, 200))).max() < 4


def test_cmyk_without_a_profile_is_converted_like_the_textbook():
    ink = np.zeros((1, 4, 4), np.uint8)
    ink[0, range(4), range(4)] = 255
    made = np.asarray(to_srgb(Image.fromarray(ink, "CMYK"), None))
    assert made[0].tolist() == [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_16_bit_grey_is_scaled_and_rounded(byte_order):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = Image.frombytes(
        "I;16" if byte_order == "<" else "I;16B", (256, 256), values.astype(byte_order + "u2").tobytes()
    )
    assert plain_mode(image) == "L"
    assert np.array_equal(np.asarray(to_plain(image)), np.rint(values / 257))


def test_white_is_zero_tiff_of_16_bits_is_turned_round():
    values = np.array([[0, 1000, 65535]], np.uint16)
    data = image_bytes(Image.fromarray(values), "TIFF", tiffinfo={262: 0})
    with Image.open(io.BytesIO(data)) as image:
        assert image.tag_v2[262] == 0
    assert decode_photo(data, Options(step=1)).pixels.tolist() == [[255, 251, 0]]


def test_a_grey_palette_stays_grey_and_a_coloured_one_is_colour():
    indices = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    for palette, mode, count in (((7, 7, 7), "L", 1), ((7, 7, 8), "RGB", 3)):
        image = indices.convert("P")
        image.putpalette([level for i in range(12) for level in np.multiply(palette, i).tolist()])
        assert (plain_mode(image), channels(image)) == (mode, count)
        expected = np.multiply.outer(np.arange(12).reshape(3, 4), palette)
        made = np.asarray(to_plain(image))
        assert np.array_equal(made, expected[..., 0] if mode == "L" else expected)


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        *(("1", 1), ("L", 1), ("I;16", 1), ("LA", 2), ("RGB", 3), ("YCbCr", 3), ("LAB", 3)),
        *(("RGBA", 4), ("PA", 4), ("CMYK", 4)),
    ],
)
def test_channels_are_the_numbers_that_a_model_reads(mode, count):
    assert channels(Image.new(mode, (1, 1))) == count


@pytest.mark.parametrize(
    ("mode", "background", "made"),
    [("LA", "#ffffff", "L"), ("LA", "#ff0000", "RGB"), ("RGBA", "#ffffff", "RGB"), ("RGBA", "#0080ff", "RGB")],
)
def test_transparency_is_laid_over_the_background(mode, background, made):
    image = Image.fromarray(synthetic_photo(20, 30)).convert(mode)
    image.putalpha(Image.fromarray(synthetic_photo(20, 30, seed=5, channels=1)))
    flat = flatten(image, background)
    assert flat.mode == made
    pixels = np.asarray(image.convert("RGBA")).astype(float)
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + np.frombuffer(bytes.fromhex(background[1:]), np.uint8) * (1 - alpha)
    assert np.abs(np.asarray(flat.convert("RGB")) - expected).max() <= 1


def pictures_of_every_mode():
    """One small picture of each mode, with each way to store transparency."""
    random = np.random.default_rng(0)
    wide = Image.fromarray(random.integers(0, 1 << 16, (9, 12)).astype(np.uint16))
    rgba = Image.fromarray(random.integers(0, 256, (9, 12, 4), np.uint8))
    palette = rgba.convert("RGB").quantize(9)
    pictures = {mode: rgba.convert("RGB").convert(mode) for mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV")}
    pictures |= {"RGBA": rgba, "LA": rgba.convert("LA"), "RGBa": rgba.convert("RGBa"), "RGBX": rgba.convert("RGBX")}
    pictures |= {"I;16": wide, "own palette": palette, "PA": palette.convert("PA")}
    pictures["PA"].putpalette(palette.getpalette())
    for name, key in {"L": 7, "P": bytes(range(200)), "RGB": (1, 2, 3), "I;16": int(np.asarray(wide)[0, 0])}.items():
        pictures[f"{name} with a transparent colour"] = clear = pictures[name].copy()
        clear.info["transparency"] = key
    for name, data in {
        "12 bits": tiff_of(np.asarray(wide)[..., np.newaxis] >> 4, 12),
        "white is zero": tiff_of(np.asarray(wide)[..., np.newaxis], 16, photometric=0),
    }.items():
        pictures[name] = Image.open(io.BytesIO(data))
    return pictures


@pytest.mark.parametrize("name", ["1", "12 bits", "CMYK", "HSV", "I;16", "I;16 with a transparent colour", "L",
                                  "L with a transparent colour", "LA", "P", "P with a transparent colour", "PA", "RGB",
                                  "RGB with a transparent colour", "RGBA", "RGBX", "RGBa", "YCbCr", "own palette",
                                  "white is zero"])  # fmt: skip
def test_no_step_before_the_conversion_loses_what_makes_the_colours(name):
    """Turned, cropped, copied or picked pixels become the same colours as the whole picture does."""
    image = as_image(pictures_of_every_mode()[name])
    whole = np.asarray(to_plain(image))
    width, height = image.size
    for step in (2, 5):
        picked = pick_pixels(image, plan_resize(width, height, Options(step=step)))
        np.testing.assert_array_equal(np.asarray(to_plain(picked)), whole[::step, ::step])
    exact = pick_pixels(image, plan_resize(width, height, Options(size=(width // 3, height // 3), fit="stretch")))
    np.testing.assert_array_equal(np.asarray(to_plain(exact)), whole[1::3, 1::3])
    np.testing.assert_array_equal(np.asarray(to_plain(image.transpose(Image.Transpose.ROTATE_90))), np.rot90(whole))
    np.testing.assert_array_equal(np.asarray(to_plain(image.crop((2, 1, 9, 8)))), whole[1:8, 2:9])
    np.testing.assert_array_equal(np.asarray(to_plain(image.copy())), whole)
