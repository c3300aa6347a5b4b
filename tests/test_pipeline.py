"""One image from bytes to bytes, and one array to few colours."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, UsageError, compress_image, quantize, resize
from icsys.choices import FITS, RESAMPLES
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.color.oklab import to_oklab

CLUSTERING = [name for name, strategy in STRATEGY_TABLE.items() if strategy.fit]


def opened(compressed):
    image = Image.open(io.BytesIO(compressed.data))
    image.load()
    return image


@pytest.mark.parametrize(("colors", "depth"), [(2, 1), (4, 2), (16, 4), (17, 8), (256, 8)])
def test_the_file_has_the_fewest_bits_that_hold_its_colours(colors, depth):
    """The original stored its few colours as 24 bits a pixel."""
    compressed = compress_image(image_bytes(synthetic_photo(90, 90)), Options(colors=colors, step=1))
    assert compressed.data[24] == depth
    assert compressed.data[25] == 3
    assert len(opened(compressed).getcolors()) == compressed.colors == colors


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("resample", RESAMPLES)
def test_a_smaller_image_is_enlarged_to_the_pixels_that_resize_gives(fit, resample):
    pixels = synthetic_photo(20, 30)
    size = {"size": (48, 50), "fit": fit, "enlarge": True, "resample": resample}
    made = np.asarray(opened(compress_image(image_bytes(pixels), Options(strategy="SO", **size))))
    np.testing.assert_array_equal(made, np.asarray(resize(pixels, **size)))
    assert made.shape == ((32, 48, 3) if fit == "contain" else (50, 48, 3))


@pytest.mark.parametrize("strategy", CLUSTERING)
@pytest.mark.parametrize("channels", [1, 3])
def test_above_256_colours_the_file_is_truecolour(strategy, channels):
    pixels = synthetic_photo(40, 50, channels=channels)
    compressed = compress_image(image_bytes(pixels), Options(strategy=strategy, colors=300, step=1))
    image = opened(compressed)
    assert image.mode == ("L" if channels == 1 else "RGB")
    assert len(image.getcolors(maxcolors=2000)) == compressed.colors <= 300
    if channels == 1:
        np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("strategy", STRATEGY_TABLE)
@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"], ids=lambda mode: mode.replace(";", "_")
)
def test_every_pixel_mode_passes_through_every_strategy(strategy, mode):
    """The original crashed on grey, palette and alpha images."""
    if mode == "I;16":
        image = Image.fromarray(synthetic_photo(30, 40, channels=1).astype(np.uint16) * 257)
    else:
        image = Image.fromarray(synthetic_photo(30, 40)).convert(mode)
    compressed = compress_image(image_bytes(image, "TIFF"), Options(strategy=strategy, colors=6, step=2))
    assert opened(compressed).size == (20, 15)
    assert compressed.channels == (1 if mode in {"1", "L", "LA", "I;16"} else 3)
    assert strategy == "SO" or opened(compressed).mode == "P"


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_grey_stays_grey(strategy):
    compressed = compress_image(
        image_bytes(synthetic_photo(channels=1), "JPEG"), Options(strategy=strategy, colors=5, step=1)
    )
    shown = np.asarray(opened(compressed).convert("RGB"))
    assert (shown == shown[..., :1]).all()


def test_the_file_is_the_quantized_image_and_its_error_is_the_reported_one():
    pixels = synthetic_photo(50, 60)
    compressed = compress_image(image_bytes(pixels), Options(colors=9, step=1))
    quantized = quantize(pixels, 9)
    shown = np.asarray(opened(compressed).convert("RGB"))
    np.testing.assert_array_equal(shown, quantized.to_array())
    np.testing.assert_array_equal(shown, np.asarray(quantized.to_image().convert("RGB")))
    assert compressed.mse == pytest.approx(np.square(pixels.astype(float) - shown).sum(axis=-1).mean())


def test_rounding_is_to_the_nearest_level():
    """The original cut off the fraction, which made every image darker."""
    image = np.array([[10, 11, 11, 11, 200, 201, 201, 201]], np.uint8)
    assert sorted(quantize(image, 2).palette[:, 0]) == [11, 201]


def test_size_only_keeps_every_colour():
    pixels = synthetic_photo(20, 30)
    compressed = compress_image(image_bytes(pixels), Options(strategy="SO", step=1))
    np.testing.assert_array_equal(np.asarray(opened(compressed)), pixels)
    assert (compressed.colors, compressed.mse, compressed.kmeans_seconds) == (None, None, 0)


@pytest.mark.parametrize(("orientation", "turned"), [(1, False), (3, False), (6, True), (8, True)])
def test_the_output_is_upright(orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = image_bytes(synthetic_photo(30, 60), "JPEG", exif=exif)
    compressed = compress_image(data, Options(step=1))
    assert (compressed.width, compressed.height) == ((30, 60) if turned else (60, 30))
    assert compressed.source.orientation == orientation


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "empty"), (b"no image", "unidentified"), (b"%PDF-1.4", "unidentified")]
)
def test_anything_but_an_image_is_refused_with_a_stable_code(data, code):
    with pytest.raises(ImageError) as caught:
        compress_image(data)
    assert caught.value.code == code


@pytest.mark.parametrize("data", ["a.png", None, 7])
def test_anything_but_bytes_is_wrong_usage(data):
    with pytest.raises(UsageError, match=type(data).__name__):
        compress_image(data)
    with pytest.raises(UsageError, match=r"expected icsys.Options"):
        compress_image(image_bytes(synthetic_photo()), {"colors": 3})


def test_pil_images_and_arrays_give_the_same():
    pixels = synthetic_photo()
    for image in (Image.fromarray(pixels), Image.fromarray(pixels).convert("RGBA"), np.asfortranarray(pixels)):
        np.testing.assert_array_equal(quantize(image, 5).indices, quantize(pixels, 5).indices)


@pytest.mark.parametrize("colors", [5, 300])
def test_a_notebook_shows_the_picture(colors):
    few = quantize(synthetic_photo(), colors)
    with Image.open(io.BytesIO(few._repr_png_())) as shown:
        np.testing.assert_array_equal(np.asarray(shown.convert("RGB")), few.to_array())


def test_a_compressed_image_is_shown_without_its_bytes():
    small = compress_image(image_bytes(synthetic_photo()), Options(colors=4))
    assert repr(small).startswith(f"CompressedImage(data=<{len(small.data):,} bytes>, width={small.width}, height=")
    assert len(repr(small)) < 1000


def test_colours_are_ordered_and_indices_follow():
    quantized = quantize(synthetic_photo(seed=8), 12)
    luminance = quantized.palette @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(luminance) >= -1).all()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.zeros((4, 4, 3)), "float64"),
        (np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)"),
        (np.zeros((0, 4, 3), np.uint8), "(0, 4, 3)"),
        (np.zeros(4, np.uint8), "(4,)"),
        ("photo.jpg", "str"),
    ],
)
def test_anything_but_an_image_array_is_refused_with_its_type(image, expected):
    with pytest.raises(UsageError, match="expected") as caught:
        quantize(image)
    assert expected in str(caught.value)


def test_quantize_refuses_a_strategy_that_reduces_no_colours():
    with pytest.raises(UsageError, match="MKM, FKM, MBKM"):
        quantize(synthetic_photo(), strategy="SO")


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_every_strategy_clusters_in_oklab_too(strategy, china):
    small = np.ascontiguousarray(china[::6, ::6])
    quantized = quantize(small, 12, strategy=strategy, space="oklab")
    assert len(quantized.palette) <= 12
    lab, entries = (to_oklab(colors) * [1, 2, 2] for colors in (small.reshape(-1, 3), quantized.palette))
    distances = np.square(lab[:, None] - entries).sum(axis=2)
    chosen = np.take_along_axis(distances, quantized.indices.reshape(-1, 1).astype(int), axis=1)[:, 0]
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=1e-6)
    in_srgb = quantize(small, 12, strategy=strategy)
    theirs = np.square(lab[:, None] - to_oklab(in_srgb.palette) * [1, 2, 2]).sum(axis=2).min(axis=1).mean()
    assert distances.min(axis=1).mean() < theirs
    assert quantized.mse > in_srgb.mse


@pytest.mark.parametrize("colors", [16, 64])
def test_oklab_has_a_smaller_visible_difference(colors, china):
    """Measured by scikit-image's CIEDE2000."""
    lab = rgb2lab(china)
    errors = {}
    for space in ("srgb", "oklab"):
        shown = quantize(china, colors, space=space).to_array()
        errors[space] = deltaE_ciede2000(lab, rgb2lab(shown)).mean()
    assert errors["oklab"] < errors["srgb"]


@pytest.mark.parametrize("strategy", CLUSTERING)
@pytest.mark.parametrize("channels", [1, 3])
def test_dithering_keeps_means_with_the_same_palette(strategy, channels):
    pixels = np.broadcast_to(np.arange(128, dtype=np.uint8)[None, :] * 2, (64, 128))
    pixels = np.ascontiguousarray(pixels if channels == 1 else np.stack([pixels] * 3, axis=2))
    plain = quantize(pixels, 4, strategy=strategy)
    dithered = quantize(pixels, 4, strategy=strategy, dither="floyd-steinberg")
    assert set(map(tuple, dithered.palette)) <= set(map(tuple, plain.palette))
    assert dithered.mse > plain.mse
    assert dithered.mse == pytest.approx(
        np.square(dithered.to_array().astype(float) - pixels.reshape(64, 128, -1)).sum(axis=-1).mean()
    )

    def area_error(quantized):
        shown = quantized.to_array()[..., 0].astype(float).reshape(8, 8, 16, 8).mean(axis=(1, 3))
        true = pixels.reshape(64, 128, -1)[..., 0].astype(float).reshape(8, 8, 16, 8).mean(axis=(1, 3))
        return np.abs(shown - true)[:, 2:-2].mean()

    assert area_error(dithered) < area_error(plain) / 3


def test_more_effort_gives_a_better_palette(china):
    small = np.ascontiguousarray(china[::3, ::3])
    errors = [quantize(small, 32, effort=effort).mse for effort in ("fast", "balanced", "best")]
    # Each effort is a search of its own: the longer two end within a thousandth of each other.
    assert errors[1] < 0.999 * errors[0]
    assert errors[2] < 1.001 * errors[1]


@given(
    npst.arrays(np.uint8, st.one_of(st.just((5, 4)), st.just((5, 4, 3)))),
    npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(3))),
)
def test_a_given_palette_stays_and_every_pixel_gets_its_nearest_entry(pixels, palette):
    few = quantize(pixels, palette=palette)
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    distances = np.square(rgb[..., None, :].astype(int) - palette).sum(axis=-1)
    np.testing.assert_array_equal(few.indices, distances.argmin(axis=-1))  # ties to the first
    np.testing.assert_array_equal(few.palette, palette)
    assert few.mse == pytest.approx(distances.min(axis=-1).mean())


def test_a_given_palette_is_opaque():
    picture = np.zeros((2, 2, 4), np.uint8)
    with pytest.raises(UsageError, match="alpha='keep' with a palette"):
        quantize(picture, alpha="keep", palette=[[0, 0, 0]])
    with pytest.raises(UsageError, match="alpha='keep' with a palette"):
        compress_image(image_bytes(picture), Options(alpha="keep"), palette=[[0, 0, 0]])


def test_a_given_palette_of_many_entries_has_indices_of_two_bytes():
    palette = np.stack([np.arange(300) % 256, np.arange(300) // 256, np.zeros(300)], axis=1).astype(np.uint8)
    few = quantize(np.array([[[43, 1, 0], [255, 0, 0]]], np.uint8), palette=palette)
    assert (few.indices.dtype, few.indices.tolist()) == (np.uint16, [[299, 255]])
    with pytest.raises(UsageError, match="palette of 300 colours"):
        quantize(np.zeros((2, 2, 3), np.uint8), palette=palette, dither="floyd-steinberg")


@pytest.mark.parametrize(("entries", "depth"), [(2, 1), (3, 2), (16, 4), (17, 8)])
def test_the_bit_depth_is_that_of_the_whole_palette(entries, depth):
    palette = np.repeat(np.arange(entries, dtype=np.uint8)[:, None], 3, axis=1)
    small = compress_image(image_bytes(np.zeros((6, 6, 3), np.uint8)), Options(step=1), palette=palette)
    assert small.data[24] == depth
    assert (small.colors, small.mse) == (entries, 0.0)


def test_channels_of_a_grey_image_are_those_of_the_palette():
    data = image_bytes(synthetic_photo(20, 20, channels=1))
    for palette, channels in (([[0, 0, 0], [9, 9, 9]], 1), ([[0, 0, 0], [9, 9, 8]], 3)):
        assert compress_image(data, Options(step=1), palette=palette).channels == channels


def test_an_image_that_shares_a_palette_has_to_be_given_it():
    data = image_bytes(synthetic_photo(20, 20))
    with pytest.raises(UsageError, match="palette=array"):
        compress_image(data, Options(palette="dataset"))
    with pytest.raises(UsageError, match="strategy='SO'"):
        compress_image(data, Options(strategy="SO"), palette=[[0, 0, 0]])
    with pytest.raises(UsageError, match="expected shape"):
        compress_image(data, Options(), palette=[0, 0, 0])
