"""What size an image becomes and where its output pixels lie on it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from icsys.choices import FITS, RESAMPLES
from icsys.image.geometry import decoder_shrink, is_smaller, plan_resize, stored_edges
from icsys.options import Options

sides = st.integers(1, 5000)


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


@given(sides, sides, st.tuples(sides, sides), st.sampled_from(FITS))
def test_enlarge_changes_the_plan_of_smaller_images_only_and_these_then_reach_the_size(width, height, size, fit):
    options = Options(size=size, fit=fit, enlarge=True)
    plan, kept = plan_resize(width, height, options), plan_resize(width, height, options.replace(enlarge=False))
    small = is_smaller(width, height, options)
    assert small == is_smaller(width, height, options.replace(enlarge=False))
    if fit == "stretch":
        assert plan == kept
        assert small == plan.enlarges
        return
    assert (plan != kept) == small
    assert not kept.enlarges
    if small and fit == "cover":
        assert plan.size == plan.canvas == size
    elif small:
        ratio = min(size[0] / width, size[1] / height)
        assert ratio > 1
        assert any(made == limit for made, limit in zip(plan.size, size, strict=True))
        assert plan.size == pytest.approx((width * ratio, height * ratio), abs=0.5001)
        assert plan.canvas == (size if fit == "pad" else plan.size)


@given(sides, sides, st.integers(1, 9))
def test_no_image_is_smaller_than_a_step_or_a_scale(width, height, step):
    assert not is_smaller(width, height, Options(step=step))
    assert not is_smaller(width, height, Options(scale=1 / step))


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


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(FITS),
    st.one_of(
        st.fixed_dictionaries({"step": st.integers(1, 9)}),
        st.fixed_dictionaries({"size": st.tuples(st.integers(1, 40), st.integers(1, 40))}),
    ),
)
def test_edges_rise_from_one_end_of_the_box_to_the_other(width, height, fit, way):
    plan = plan_resize(width, height, Options(fit=fit, **way))
    for edges, low, high, n in zip(plan.edges, plan.box[:2], plan.box[2:], plan.size, strict=True):
        assert len(edges) == n + 1
        assert (edges[0], edges[-1]) == (low, high)
        assert (np.diff(edges) > 0).all()


def upright_as(orientation, stored):
    """Turn an array as Pillow turns a picture with that EXIF orientation."""
    image = Image.fromarray(stored.astype(np.int32))
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shrink", [1, 4])
def test_edges_on_the_stored_image_enclose_what_those_on_the_upright_one_do(orientation, shrink):
    """Each pixel belongs to the same output pixel, upright and stored."""
    stored = (23, 17)
    upright = upright_as(orientation, np.zeros((17, 23))).shape[::-1]
    plan = plan_resize(*upright, Options(step=4))
    owner = [np.searchsorted(edges, np.arange(n) + 0.5) - 1 for edges, n in zip(plan.edges, upright, strict=True)]
    expected = owner[1][:, None] * plan.size[0] + owner[0]
    x, y = (shrink * edges for edges in stored_edges(plan, stored, orientation, shrink))
    columns, rows = (np.searchsorted(edges, np.arange(n) + 0.5) - 1 for edges, n in ((x, 23), (y, 17)))
    cells = upright_as(orientation, np.arange((len(y) - 1) * (len(x) - 1)).reshape(len(y) - 1, len(x) - 1))
    numbers = np.empty(cells.size, int)
    numbers[cells.ravel()] = np.arange(cells.size)
    found = numbers[rows[:, None] * (len(x) - 1) + columns]
    assert np.array_equal(upright_as(orientation, found), expected)
