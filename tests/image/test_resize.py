"""The sizes, blocks and places of resized images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import synthetic_photo
from icsys.choices import FITS, RESAMPLES
from icsys.errors import ImageError, UsageError
from icsys.image.geometry import plan_resize
from icsys.image.resize import resize
from icsys.options import Options

small_sides = st.integers(1, 60)


def block_means(pixels, step):
    """Average every step by step block, those at the edges over what is left of them: the naive twin."""
    rows, columns = (np.arange(0, side, step) for side in pixels.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(float), rows, axis=0), columns, axis=1)
    ones = np.add.reduceat(np.add.reduceat(np.ones(pixels.shape[:2]), rows, axis=0), columns, axis=1)
    return sums / (ones[..., None] if pixels.ndim == 3 else ones)


@settings(deadline=None)
@given(small_sides, small_sides, st.sampled_from(FITS), st.sampled_from(RESAMPLES), st.data())
def test_every_combination_gives_the_planned_size_and_at_least_one_pixel(width, height, fit, resample, data):
    channels = data.draw(st.sampled_from([1, 3]))
    pixels = synthetic_photo(height, width, channels=channels)
    way = data.draw(
        st.one_of(
            st.fixed_dictionaries({"step": st.integers(1, 70)}),
            st.fixed_dictionaries({"scale": st.floats(0.001, 1)}),
            st.fixed_dictionaries({"size": st.tuples(small_sides, small_sides)}),
        )
    )
    made = resize(pixels, fit=fit, resample=resample, **way)
    assert made.size == plan_resize(width, height, Options(fit=fit, resample=resample, **way)).canvas
    assert made.mode == ("L" if channels == 1 else "RGB")


@settings(deadline=None)
@given(small_sides, small_sides, st.integers(1, 20), st.sampled_from([1, 3]))
def test_box_with_a_step_averages_every_block_the_partial_ones_at_the_edges_too(width, height, step, channels):
    pixels = synthetic_photo(height, width, channels=channels)
    made = np.asarray(resize(pixels, step=step))
    assert np.abs(made - block_means(pixels, step)).max() <= 0.5 + 1e-4


@settings(deadline=None)
@given(small_sides, small_sides, st.integers(1, 70), st.sampled_from([1, 3]))
def test_skip_with_a_step_keeps_exactly_every_nth_pixel(width, height, step, channels):
    pixels = synthetic_photo(height, width, channels=channels)
    assert np.array_equal(np.asarray(resize(pixels, step=step, resample="skip")), pixels[::step, ::step])


@pytest.mark.parametrize("step", [2, 3, 7, 50])
def test_skip_is_exact_on_sides_beyond_16_bits(step):
    pixels = np.arange(70_001 * 3, dtype=np.uint32).astype(np.uint8).reshape(1, 70_001, 3)
    made = np.asarray(resize(pixels, step=step, resample="skip"))
    assert np.array_equal(made, pixels[::step, ::step])


def test_the_default_is_a_step_of_five():
    pixels = synthetic_photo(52, 71)
    assert np.array_equal(np.asarray(resize(pixels)), np.asarray(resize(pixels, step=5)))
    assert resize(pixels).size == (15, 11)


@pytest.mark.parametrize("resample", RESAMPLES)
@pytest.mark.parametrize("way", [{"step": 1}, {"scale": 1.0}, {"size": (71, 52)}, {"size": (500, 400)}])
def test_nothing_changes_where_nothing_is_to_be_made_smaller(way, resample):
    pixels = synthetic_photo(52, 71)
    assert np.array_equal(np.asarray(resize(pixels, resample=resample, **way)), pixels)


def test_lanczos_with_a_step_keeps_pixels_where_they_were():
    """A ramp of one level per pixel becomes the ramp of the block centres, away from the edges."""
    ramp = np.tile(np.arange(203, dtype=np.uint8), (9, 1))
    made = np.asarray(resize(ramp, step=5, resample="lanczos"))[1].astype(int)
    assert np.abs(made[4:-4] - (np.arange(41)[4:-4] * 5 + 2)).max() <= 1


@pytest.mark.parametrize("resample", RESAMPLES)
def test_cover_crops_from_the_middle(resample):
    pixels = np.zeros((40, 121), np.uint8)
    pixels[:, 40:80] = 200
    assert np.asarray(resize(pixels, size=(20, 20), fit="cover", resample=resample))[5:-5, 5:-5].min() == 200
    assert np.array_equal(np.asarray(resize(pixels, size=(40, 40), fit="cover", resample=resample)), pixels[:, 40:80])


def test_pad_and_cover_centre_a_smaller_image_on_the_background_without_enlarging():
    pixels = synthetic_photo(4, 6)
    for fit in ("pad", "cover"):
        made = np.asarray(resize(pixels, size=(10, 8), fit=fit, background="#102030"))
        assert np.array_equal(made[2:6, 2:8], pixels)
        assert (np.delete(made, range(2, 6), axis=0) == (0x10, 0x20, 0x30)).all()


@pytest.mark.parametrize(
    ("resample", "filter_"),
    [("box", Image.Resampling.BILINEAR), ("lanczos", Image.Resampling.LANCZOS), ("skip", Image.Resampling.NEAREST)],
)
def test_enlarge_interpolates_a_smaller_image_as_pillow_does(resample, filter_):
    pixels = synthetic_photo(4, 6)
    larger = np.asarray(Image.fromarray(pixels).resize((12, 8), filter_))
    way = {"enlarge": True, "resample": resample}
    assert np.array_equal(np.asarray(resize(pixels, size=(12, 100), **way)), larger)
    assert np.array_equal(np.asarray(resize(pixels, size=(12, 10), fit="pad", **way))[1:9], larger)
    assert np.array_equal(np.asarray(resize(pixels, size=(12, 8), fit="cover", **way)), larger)
    assert np.array_equal(np.asarray(resize(pixels, size=(12, 8), fit="stretch", **way)), larger)
    smaller = np.asarray(resize(pixels, size=(3, 2), resample=resample))
    assert np.array_equal(np.asarray(resize(pixels, size=(3, 2), **way)), smaller)


def test_pad_keeps_grey_on_a_grey_background_and_turns_to_colour_on_a_coloured_one():
    pixels = synthetic_photo(4, 6, channels=1)
    grey = resize(pixels, size=(10, 10), fit="pad", background="#808080")
    colour = resize(pixels, size=(10, 10), fit="pad", background="#ff8000")
    assert (grey.mode, grey.getpixel((0, 0))) == ("L", 0x80)
    assert (colour.mode, colour.getpixel((0, 0))) == ("RGB", (255, 128, 0))


@pytest.mark.parametrize("way", [{"step": 12}, {"size": (1, 1)}, {"scale": 0.09}])
@pytest.mark.parametrize("resample", ["box", "lanczos"])
def test_transparent_pixels_add_no_colour_to_an_average(resample, way):
    pixels = np.zeros((12, 12, 4), np.uint8)
    pixels[:, :6] = (255, 0, 0, 255)
    pixels[:, 6:] = (0, 255, 0, 0)
    made = resize(Image.fromarray(pixels), resample=resample, background="#000000", **way)
    red, green, blue = made.getpixel((0, 0))
    assert abs(red - 128) <= 1
    assert (green, blue) == (0, 0)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "La", "RGBa"]
)
@pytest.mark.parametrize("resample", RESAMPLES)
def test_every_pillow_mode_of_8_bits_comes_out_as_grey_or_rgb(mode, resample):
    image = Image.new("RGB", (11, 7), (102, 102, 102))
    image = {"La": image.convert("LA"), "RGBa": image.convert("RGBA")}.get(mode, image).convert(mode)
    made = resize(image, step=2, resample=resample)
    assert made.size == (6, 4)
    assert made.mode == ("L" if mode in {"1", "L", "LA", "La"} else "RGB")
    expected = np.asarray(image.convert("L"))[::2, ::2].mean() if mode == "1" else 102
    assert abs(np.asarray(made).mean() - expected) <= (40 if mode == "1" else 3)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_modes_without_a_range_are_refused(mode):
    with pytest.raises(ImageError, match="no agreed range") as caught:
        resize(Image.new(mode, (5, 5)))
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ([[1, 2], [3, 4]], "list"),
        (np.zeros((4, 4)), "float64"),
        (np.zeros((4, 4, 5), np.uint8), r"\(4, 4, 5\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (Image.new("RGB", (0, 3)), "0x3"),
    ],
)
def test_anything_but_an_image_is_refused_with_its_type(image, named):
    with pytest.raises(UsageError, match=named):
        resize(image)


def test_options_are_validated():
    with pytest.raises(UsageError, match="step=0"):
        resize(synthetic_photo(), step=0)
    with pytest.raises(UsageError, match="choose one"):
        resize(synthetic_photo(), step=2, scale=0.5)


def test_an_array_that_is_a_strided_view_is_read_right():
    pixels = synthetic_photo(30, 40)[::-1, ::2]
    assert np.array_equal(np.asarray(resize(pixels, step=1)), pixels)
