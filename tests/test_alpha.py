"""Transparency from a file to a file: kept where something shows through, laid over the background where not."""

import io
import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers import compress_files, image_bytes, soft_photo, synthetic_photo
from icsys import Options, UsageError, compress_image, quantize, resize
from icsys.image.decode import decode_photo
from icsys.image.read_output import read_indexed, read_pixels

CLUSTERING = ["MKM", "FKM", "MBKM"]


def keep(**others):
    return Options(alpha="keep", **others)


def decoded(data, mode="RGBA"):
    """Decode a file with Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def files_with_alpha():
    """Return files that store alpha in different ways, with their pixels; hidden colours are zeros."""
    rgba, grey = soft_photo(), soft_photo(channels=1)
    hole = rgba.copy()
    hole[..., 3] = np.where(rgba[..., 3] > 99, 255, 0)
    few = quantize(np.ascontiguousarray(rgba[..., :3]), 200)
    spare = np.zeros((256, 4), np.uint8)
    spare[: len(few.palette), :3] = few.palette
    spare[: len(few.palette), 3] = np.arange(len(few.palette)) * 5 % 256
    indexed = few.to_image()
    marked = np.ascontiguousarray(rgba[..., :3])
    marked[10:30, 20:40] = (1, 2, 3)
    marked_rgba = np.dstack([marked, np.where((marked == (1, 2, 3)).all(axis=2), 0, 255).astype(np.uint8)])
    deep = np.dstack([rgba[..., 2::-1], rgba[..., 3:]]).astype(np.uint16) * 257
    return {
        "rgba.png": (image_bytes(rgba), rgba),
        "rgba16.png": (cv2.imencode(".png", deep)[1].tobytes(), rgba),
        "la.png": (image_bytes(Image.fromarray(grey)), grey[..., [0, 0, 0, 1]]),
        "p.png": (image_bytes(indexed, transparency=spare[:, 3].tobytes()), spare[few.indices]),
        "rgb.png": (image_bytes(marked, transparency=(1, 2, 3)), marked_rgba),
        "rgba.webp": (image_bytes(rgba, "WEBP", lossless=True, exact=True), rgba),
        "rgba.tiff": (image_bytes(rgba, "TIFF"), rgba),
    }


@pytest.mark.parametrize("name", files_with_alpha())
def test_pixels_with_alpha_pass_through(name):
    data, expected = files_with_alpha()[name]
    expected = np.where(expected[..., 3:] > 0, expected, 0)
    pixels = decode_photo(data, keep(step=1)).pixels
    np.testing.assert_array_equal(pixels if pixels.shape[2] == 4 else pixels[..., [0, 0, 0, 1]], expected)


@pytest.mark.parametrize("name", files_with_alpha())
def test_smaller_pixels_are_means_weighted_with_alpha(name):
    """The twin averages premultiplied levels in float64; stored colours are as exact as their alpha allows."""
    data, full = files_with_alpha()[name]
    pixels = decode_photo(data, keep(step=4)).pixels
    pixels = pixels if pixels.shape[2] == 4 else pixels[..., [0, 0, 0, 1]]
    opacity = full[..., 3:] / 255
    mean = np.dstack([full[..., :3] * opacity, full[..., 3:]]).reshape(15, 4, 20, 4, 4).mean(axis=(1, 3))
    shown = np.dstack([pixels[..., :3] * (pixels[..., 3:] / 255), pixels[..., 3:]])
    assert np.abs(shown - mean).max() <= 1.6  # rounded when premultiplied, averaged, and divided again
    assert not pixels[pixels[..., 3] == 0].any()


@pytest.mark.parametrize("strategy", ["SO", *CLUSTERING])
@pytest.mark.parametrize("kind", ["opaque", "grey", "alpha of 255"])
def test_an_opaque_image_has_the_same_bytes_under_either_option(strategy, kind):
    pixels = synthetic_photo(channels=1 if kind == "grey" else 3)
    if kind == "alpha of 255":
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    for options in (Options(strategy=strategy), Options(strategy=strategy, size=(40, 40), fit="pad", colors=300)):
        kept = compress_image(image_bytes(pixels), options.replace(alpha="keep"))
        assert kept.data == compress_image(image_bytes(pixels), options).data


@pytest.mark.parametrize("format", ["png", "webp", "npz"])
@pytest.mark.parametrize(("strategy", "colors"), [("SO", 32), ("MKM", 16), ("MKM", 256), ("MKM", 300)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_stores_the_pixels(format, strategy, colors, channels):  # noqa: A002
    data = image_bytes(Image.fromarray(soft_photo(channels=channels)))
    options = keep(format=format, strategy=strategy, colors=colors, step=2)
    compressed = compress_image(data, options)
    pixels = decode_photo(data, options).pixels
    full = pixels if channels == 3 else pixels[..., [0, 0, 0, 1]]
    expected = full if strategy == "SO" else quantize(full, colors, alpha="keep").to_array()
    np.testing.assert_array_equal(read_pixels(compressed.data, background=None), expected)
    assert compressed.channels == channels + 1
    if format != "npz":
        np.testing.assert_array_equal(decoded(compressed.data), expected)
    if format == "png":
        in_opencv = cv2.imdecode(np.frombuffer(compressed.data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(in_opencv[..., [2, 1, 0, 3]] if in_opencv.ndim == 3 else in_opencv, expected)


@pytest.mark.skipif(not shutil.which("pngcheck"), reason="pngcheck is not installed")
@pytest.mark.parametrize("options", [{}, {"colors": 2}, {"colors": 300}, {"strategy": "SO"}], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_pngcheck_finds_no_error(options, channels, tmp_path):
    data = compress_image(image_bytes(Image.fromarray(soft_photo(channels=channels))), keep(**options)).data
    (tmp_path / "a.png").write_bytes(data)
    done = subprocess.run(["pngcheck", "-v", tmp_path / "a.png"], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("colors", "depth"), [(2, 1), (4, 2), (16, 4), (17, 8)])
def test_a_png_of_few_colours_is_indexed_and_its_alpha_short(colors, depth):
    data = compress_image(image_bytes(soft_photo()), keep(colors=colors, step=1)).data
    assert (data[24], data[25]) == (depth, 3)
    indices, palette = read_indexed(data)
    few = quantize(soft_photo(), colors, alpha="keep")
    np.testing.assert_array_equal(palette[indices], few.to_array())
    at = data.index(b"tRNS")
    assert int.from_bytes(data[at - 4 : at], "big") == np.count_nonzero(few.palette[:, 3] < 255)


@pytest.mark.parametrize(
    ("channels", "strategy", "colors", "color_type"),
    [(3, "SO", 32, 6), (1, "SO", 32, 4), (3, "MKM", 300, 6), (1, "MKM", 300, 4)],
)
def test_other_pngs_have_truecolour_or_grey_with_alpha(channels, strategy, colors, color_type):
    data = image_bytes(Image.fromarray(soft_photo(channels=channels)))
    assert compress_image(data, keep(strategy=strategy, colors=colors, step=1)).data[24:26] == bytes([8, color_type])


def test_padding_is_transparent_where_alpha_is_kept_and_background_where_not():
    for pixels, corner in ((soft_photo(), (0, 0, 0, 0)), (synthetic_photo(), (18, 52, 86, 255))):
        options = keep(size=(80, 80), fit="pad", background="#123456", strategy="SO")
        shown = decoded(compress_image(image_bytes(pixels), options).data)
        assert tuple(shown[0, 0]) == corner
        assert shown.shape[:2] == (80, 80)


def test_flattened_images_have_no_alpha():
    """Transparency lies over the background, and no file has alpha."""
    data = compress_image(image_bytes(soft_photo()), Options(strategy="SO", step=1, background="#00ff00")).data
    assert Image.open(io.BytesIO(data)).mode == "RGB"
    under = Image.new("RGBA", (80, 60), "#00ff00")
    under.alpha_composite(Image.fromarray(soft_photo()))
    difference = np.abs(decoded(data, "RGB").astype(int) - np.asarray(under.convert("RGB")).astype(int))
    assert difference.max() <= 1


def test_reading_lays_what_is_transparent_over_a_background():
    data = compress_image(image_bytes(soft_photo()), keep(step=1)).data
    shown = Image.fromarray(quantize(soft_photo(), 32, alpha="keep").to_array())
    for background in ("#ffffff", "#ff0000"):
        under = Image.new("RGB", shown.size, background)
        under.paste(shown.convert("RGB"), mask=shown.getchannel("A"))
        np.testing.assert_array_equal(read_pixels(data, background), np.asarray(under))


def test_arrays_with_alpha_are_flattened_unless_it_is_kept():
    pixels = soft_photo()
    np.testing.assert_array_equal(quantize(pixels, 8).to_array(), quantize(Image.fromarray(pixels), 8).to_array())
    assert quantize(pixels, 8).palette.shape == (8, 3)
    assert quantize(pixels, 8, alpha="keep").palette.shape == (8, 4)
    assert quantize(Image.fromarray(pixels), 8, alpha="keep").palette.shape == (8, 4)
    assert resize(pixels, step=2).mode == "RGB"
    small = resize(pixels, step=2, alpha="keep")
    assert (small.mode, small.size) == ("RGBA", (40, 30))
    with pytest.raises(UsageError, match="alpha='drop'"):
        quantize(pixels, 8, alpha="drop")


def test_the_manifest_counts_four_channels(tmp_path):
    files = {"soft.png": image_bytes(soft_photo()), "plain.png": image_bytes(synthetic_photo())}
    results, _ = compress_files(tmp_path, files, keep(colors=16))
    lines = (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()
    rows = {row["source_path"]: row for row in map(json.loads, lines)}
    assert (rows["soft.png"]["channels"], rows["plain.png"]["channels"]) == (4, 3)
    small = np.asarray(resize(soft_photo(), alpha="keep"))
    assert rows["soft.png"]["mse"] == quantize(small, 16, alpha="keep").mse
    assert results["soft.png"].elements_out == 16 * 12 * 4
