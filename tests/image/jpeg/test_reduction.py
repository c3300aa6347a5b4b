"""A planned reduction is that of its own options and size, however many others were planned before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import image_bytes, synthetic_photo
from icsys import Options
from icsys.image.area_average import average_areas
from icsys.image.decode import decode_photo
from icsys.image.geometry import ResizeSettings, plan_resize, stored_edges, upright_size
from icsys.image.jpeg.decoder import shrink_for
from icsys.image.jpeg.reduction import reduction_of

SIDES = st.integers(1, 90)
RESIZES = st.one_of(
    st.builds(Options, step=st.integers(1, 9), resample=st.sampled_from(["box", "skip", "lanczos"])),
    st.builds(Options, scale=st.sampled_from([0.1, 0.5, 1.0])),
    st.builds(
        Options,
        size=st.sampled_from([(1, 1), (8, 8), (8, 16), (33, 20)]),
        fit=st.sampled_from(["contain", "cover", "stretch", "pad"]),
        enlarge=st.booleans(),
        resample=st.sampled_from(["box", "lanczos"]),
    ),
)


@given(SIDES, SIDES, st.integers(1, 8), RESIZES)
def test_a_reduction_is_what_its_parts_make_without_a_cache(width, height, turn, options):
    found = reduction_of((width, height), turn, ResizeSettings.of(options))
    plan = plan_resize(*upright_size((width, height), turn), options)
    shrink = shrink_for((width, height), plan, options.resample)
    x, y = stored_edges.__wrapped__(plan, (width, height), turn, shrink)
    assert (found.plan, found.shrink) == (plan, shrink)
    assert np.array_equal(found.edges[0], x)
    assert np.array_equal(found.edges[1], y)
    if found.areas is not None:
        pixels = synthetic_photo(-(-height // shrink), -(-width // shrink))
        assert np.array_equal(found.areas.average(pixels), average_areas(pixels, x, y))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"size": (30, 30), "fit": "cover"}, {"size": (30, 30), "fit": "stretch"}),
        ({"size": (30, 30), "fit": "pad"}, {"size": (30, 30), "fit": "pad", "background": "#102030"}),
        ({"size": (90, 90), "fit": "pad"}, {"size": (90, 90), "fit": "pad", "enlarge": True}),
        ({"step": 4}, {"step": 4, "resample": "skip"}),
        ({"step": 1}, {"scale": 1.0, "resample": "lanczos"}),
    ],
)
def test_options_that_differ_in_one_thing_keep_their_own_pixels(one, other):
    """Each photo is that of a first call, in whatever order the options come."""
    data = image_bytes(synthetic_photo(40, 50), "JPEG")
    expected = []
    for options in (one, other):
        reduction_of.cache_clear()
        stored_edges.cache_clear()
        expected.append(decode_photo(data, Options(**options)).pixels)
    for number in (0, 1, 0, 1):
        assert np.array_equal(decode_photo(data, Options(**(one, other)[number])).pixels, expected[number])


def test_what_is_kept_cannot_be_changed():
    found = reduction_of((50, 40), 6, ResizeSettings.of(Options(step=3)))
    for edges in (*found.edges, *stored_edges(found.plan, (50, 40), 6, found.shrink)):
        with pytest.raises(ValueError, match="read-only"):
            edges[0] = 1


def test_pixels_of_one_photo_stay_when_the_next_is_averaged():
    photos = [image_bytes(synthetic_photo(40, 50, seed=seed), "JPEG") for seed in range(3)]
    made = [decode_photo(data, Options(step=3)).pixels for data in photos]
    kept = [pixels.copy() for pixels in made]
    made[0][:] = 7
    assert not np.array_equal(made[1], made[2])
    assert all(np.array_equal(a, b) for a, b in zip(made[1:], kept[1:], strict=True))
    assert np.array_equal(decode_photo(photos[0], Options(step=3)).pixels, kept[0])


def test_areas_of_another_size_are_refused():
    areas = reduction_of((50, 40), 1, ResizeSettings.of(Options(step=3))).areas
    with pytest.raises(ValueError, match="expected 40x50"):
        areas.average(synthetic_photo(50, 40))


def test_the_number_of_plans_is_bounded():
    for width in range(1, 200):
        reduction_of((width, 40), 1, ResizeSettings.of(Options(step=3)))
    assert reduction_of.cache_info().currsize <= 64
    assert stored_edges.cache_info().currsize <= 64
