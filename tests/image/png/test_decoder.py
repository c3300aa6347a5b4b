"""Pixels of PNG files against the samples that the files were written from."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from icsys.image.decode import decode_photo
from icsys.options import Options
from png_files import chunk, number_chunk, png_of

KINDS = [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]  # depth and channels that tRNS may have a colour of
FULL = Options(step=1, strategy="SO", background="#ffffff")
LINEAR = number_chunk(b"gAMA", 100_000)


def eight_bits(samples, depth):
    """Return samples of any depth with 8 bits; Pillow cuts colours of 16 bits, and rounds grey."""
    return np.rint(samples * (255 / (2**depth - 1)))


def srgb_from_linear(samples, depth):
    light = samples / (2**depth - 1)
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def few_values(depth, channels, seed, size=(9, 11)):
    """Make samples of few values that are near each other, so that keys are met and missed by little."""
    random = np.random.default_rng(seed)
    values = [0, 1, 255, 256, 257, 2**depth - 1, 2 ** (depth - 1)]
    return random.choice([v for v in values if v < 2**depth], (*size, channels)).astype(np.uint16)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "channels"), KINDS)
@settings(max_examples=6)
@given(st.integers(0, 99))
def test_a_transparent_colour_is_compared_with_all_its_bits(depth, channels, interlaced, seed):
    samples = few_values(depth, channels, seed)
    key = samples[seed % 9, seed % 11]
    stored = [
        int(value) | (0 if depth in {1, 16} else 1 << depth) for value in key
    ]  # bits above the depth do not count
    data = png_of(samples, depth, chunk(b"tRNS", struct.pack(f">{channels}H", *stored)), interlaced=interlaced)
    clear = (samples == key).all(axis=-1, keepdims=True)
    expected = np.where(clear, 255, eight_bits(samples, depth))
    for options in (FULL, FULL.replace(resample="skip"), FULL.replace(resample="lanczos")):
        pixels = decode_photo(data, options).pixels
        assert np.array_equal(pixels.reshape(samples.shape), expected)
    kept = decode_photo(data, FULL.replace(alpha="keep")).pixels
    assert np.array_equal(kept.reshape(9, 11, -1)[..., -1:] == 0, clear)


@pytest.mark.parametrize("resample", ["box", "lanczos", "skip"])
def test_a_key_of_16_bits_hides_its_pixels_alone_when_they_are_resized(resample):
    samples = np.full((12, 12, 3), 200, np.uint16)  # black when cut to 8 bits, but not the key
    samples[:, :6] = 0
    data = png_of(samples, 16, chunk(b"tRNS", bytes(6)))
    pixels = decode_photo(data, Options(step=3, resample=resample)).pixels
    ringing = 16 if resample == "lanczos" else 1
    assert (pixels[:, :2] >= 255 - ringing).all()
    assert (pixels[:, 2:] <= ringing).all()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "channels"), [*KINDS, (8, 2), (16, 2), (8, 4), (16, 4)])
def test_described_colours_of_any_depth_become_srgb(depth, channels, interlaced):
    samples = np.random.default_rng(5).integers(0, 2**depth, (16, 24, channels)).astype(np.uint16)
    samples[:4] //= 50 if depth > 4 else 1  # dark tones, which 8 bits of linear light cannot tell apart
    data = png_of(samples, depth, LINEAR, grey=channels == 2, interlaced=interlaced)
    pixels = decode_photo(data, FULL.replace(alpha="keep")).pixels.reshape(samples.shape).astype(int)
    colors = channels - (channels in {2, 4})
    expected = srgb_from_linear(samples[..., :colors], depth)
    if channels > colors:
        alpha = samples[..., -1] >> (depth - 8)
        assert np.array_equal(pixels[..., -1], alpha)
        expected[alpha == 0] = 0
    assert np.abs(pixels[..., :colors] - expected).max() <= (1 if channels >= 3 else 0)


def test_a_described_palette_is_converted_and_keeps_its_transparency():
    palette = [0, 0, 0, 40, 40, 40, 10, 100, 200, 255, 255, 255]
    indices = np.arange(48).reshape(6, 8, 1) % 4
    data = png_of(indices, 2, LINEAR, chunk(b"tRNS", bytes([255, 255, 0])), palette=palette)
    pixels = decode_photo(data, FULL).pixels
    colors = srgb_from_linear(np.reshape(palette, (4, 3)), 8)
    colors[2] = 255
    assert np.abs(pixels - colors[indices[..., 0]]).max() <= 1
    grey = decode_photo(png_of(indices % 2, 1, LINEAR, palette=palette[:6]), FULL).pixels
    assert np.array_equal(grey, srgb_from_linear(np.array([0, 40]), 8)[indices[..., 0] % 2])


@pytest.mark.parametrize(("depth", "channels"), KINDS)
def test_a_transparent_colour_is_compared_before_colours_are_converted(depth, channels):
    samples = few_values(depth, channels, 1)
    key = samples[0, 0]
    data = png_of(samples, depth, LINEAR, chunk(b"tRNS", struct.pack(f">{channels}H", *key.tolist())))
    expected = np.where((samples == key).all(axis=-1, keepdims=True), 255, srgb_from_linear(samples, depth))
    assert np.abs(decode_photo(data, FULL).pixels.reshape(samples.shape) - expected).max() <= 1


def test_a_described_picture_is_no_copy_of_its_file():
    samples = np.tile(np.arange(256, dtype=np.uint16)[:, np.newaxis, np.newaxis], (1, 4, 3))
    assert decode_photo(png_of(samples, 8), FULL).as_stored
    assert not decode_photo(png_of(samples, 8, LINEAR), FULL).as_stored


def test_a_described_picture_is_turned_by_its_exif_data():
    exif = Image.Exif()
    exif[274] = 6
    samples = np.random.default_rng(2).integers(0, 65536, (5, 9, 3)).astype(np.uint16)
    data = png_of(samples, 16, LINEAR, chunk(b"eXIf", exif.tobytes()[6:]))
    assert np.abs(decode_photo(data, FULL).pixels - np.rot90(srgb_from_linear(samples, 16), -1)).max() <= 1


def test_a_cut_file_of_16_bits_keeps_its_first_rows():
    samples = np.random.default_rng(0).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    data = png_of(samples, 16, LINEAR)
    photo = decode_photo(data[: len(data) // 2], FULL.replace(on_corrupt="keep"))
    assert photo.warning
    assert np.abs(photo.pixels[:20] - srgb_from_linear(samples[:20], 16)).max() <= 1
