"""Sizes, blocks and places: what resizing makes of an image."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import synthetic_photo
from icsys.errors import ImageError, UsageError
from icsys.image.resize import decoder_shrink, plan_resize, resize
from icsys.options import FITS, RESAMPLES, Options

sides = st.integers(1, 5000)
small_sides = st.integers(1, 60)


def block_means(pixels, step):
    """Average every step by step block, those at the edges over what is left of them: the naive twin."""
    rows, columns = (np.arange(0, side, step) for side in pixels.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(float), rows, axis=0), columns, axis=1)
    ones = np.add.reduceat(np.add.reduceat(np.ones(pixels.shape[:2]), rows, axis=0), columns, axis=1)
    return sums / (ones[..., None] if pixels.ndim == 3 else ones)


@given(sides, sides, st.integers(1, 60))
def test_a_step_gives_as_many_pixels_as_slicing(width, height, step):
    plan = plan_resize(width, height, Options(step=step))
    assert plan.canvas == (len(range(0, width, step)), len(range(0, height, step)))


@given(sides, sides, st.floats(0.0001, 1))
def test_a_scale_gives_the_rounded_product_but_at_least_one_pixel(width, height, scale):
    plan = plan_resize(width, height, Options(scale=scale))
    assert plan.canvas == (max(1, round(width * scale)), max(1, round(height * scale)))


@given(sides, sides, st.tuples(sides, sides))
def test_contain_fits_inside_touches_one_side_keeps_the_aspect_and_never_enlarges(width, height, size):
    plan = plan_resize(width, height, Options(size=size))
    assert plan.canvas == plan.size
    for made, limit, original in zip(plan.canvas, size, (width, height), strict=True):
        assert 1 <= made <= min(limit, original)
    ratio = min(size[0] / width, size[1] / height, 1)
    assert abs(plan.canvas[0] - width * ratio) <= 1
    assert abs(plan.canvas[1] - height * ratio) <= 1
    if ratio < 1:
        assert any(made == limit for made, limit in zip(plan.canvas, size, strict=True))
    else:
        assert plan.canvas == (width, height)


@given(sides, sides, st.tuples(sides, sides), st.sampled_from(["cover", "stretch", "pad"]))
def test_cover_stretch_and_pad_give_exactly_the_size(width, height, size, fit):
    plan = plan_resize(width, height, Options(size=size, fit=fit))
    assert plan.canvas == size
    left, top, right, bottom = plan.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    for offset, made, whole in zip(plan.offset, plan.size, plan.canvas, strict=True):
        assert 0 <= offset <= whole - made
        assert abs((whole - made) - 2 * offset) <= 1
    if fit != "stretch":
        assert plan.size[0] <= math.ceil(right - left)
        assert plan.size[1] <= math.ceil(bottom - top)


@given(sides, sides, st.tuples(sides, sides))
def test_cover_leaves_no_background_unless_the_image_is_smaller_than_the_size(width, height, size):
    plan = plan_resize(width, height, Options(size=size, fit="cover"))
    if width >= size[0] and height >= size[1]:
        assert plan.size == size
    for made, wanted, original in zip(plan.size, size, (width, height), strict=True):
        assert made == wanted or original < wanted


@given(
    sides,
    sides,
    st.sampled_from(RESAMPLES),
    st.one_of(
        st.fixed_dictionaries({"step": st.integers(1, 40)}), st.fixed_dictionaries({"size": st.tuples(sides, sides)})
    ),
)
def test_a_jpeg_decoder_never_shrinks_below_what_the_resize_makes(width, height, resample, way):
    plan = plan_resize(width, height, Options(resample=resample, **way))
    shrink = decoder_shrink(plan, resample)
    assert shrink in {1, 2, 4, 8}
    assert shrink <= max(1, plan.reduction)
    assert resample != "skip" or shrink == 1


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
    assert np.abs(made - block_means(pixels, step)).max() <= 0.67  # Pillow adds up in fixed point


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


@pytest.mark.parametrize("size", [(31, 40), (97, 61), (150, 99)])
def test_box_with_a_size_is_close_to_the_exact_area_mean(china, size):
    made = np.asarray(resize(china, size=size, fit="stretch")).astype(float)
    wide, high = (np.linspace(0, side, count + 1) for side, count in zip(china.shape[1::-1], size, strict=True))
    exact = china.astype(float)
    for axis, edges in ((0, high), (1, wide)):
        total = np.insert(np.cumsum(exact, axis=axis), 0, 0, axis=axis)
        whole = np.minimum(edges.astype(int), exact.shape[axis] - 1)
        part = np.expand_dims(edges - whole, tuple({0, 1, 2} - {axis}))
        at_edges = total.take(whole, axis=axis) + part * exact.take(whole, axis=axis)
        exact = np.diff(at_edges, axis=axis) / (edges[1] - edges[0])
    error = np.mean((made - exact) ** 2)
    assert 10 * np.log10(255**2 / error) > 35


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


def test_pad_keeps_grey_on_a_grey_background_and_turns_to_colour_on_a_coloured_one():
    pixels = synthetic_photo(4, 6, channels=1)
    grey = resize(pixels, size=(10, 10), fit="pad", background="#808080")
    colour = resize(pixels, size=(10, 10), fit="pad", background="#ff8000")
    assert (grey.mode, grey.getpixel((0, 0))) == ("L", 0x80)
    assert (colour.mode, colour.getpixel((0, 0))) == ("RGB", (255, 128, 0))


@pytest.mark.parametrize("way", [{"step": 12}, {"size": (1, 1)}, {"scale": 0.09}])
@pytest.mark.parametrize("resample", ["box", "lanczos"])
def test_transparent_pixels_lend_no_colour_to_an_average(resample, way):
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
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (Image.new("RGB", (0, 3)), "0x3"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_got(image, named):
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
