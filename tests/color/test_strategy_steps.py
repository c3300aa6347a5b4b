"""The distinct colours of an image and the way to a palette agree with slow and obvious code."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from icsys.color.palette_rounding import colors_to_points
from icsys.color.strategy_steps import distinct_of, reduce_to

channels = st.sampled_from([1, 3])


def images(channels, elements=None):
    return arrays(np.uint8, st.tuples(st.integers(1, 60), st.just(channels)), elements=elements)


# Few values, so that colours repeat.
repeating = channels.flatmap(lambda count: images(count, st.sampled_from([0, 1, 7, 254, 255])))
pixels_and_palette = channels.flatmap(lambda count: st.tuples(images(count), images(count)))


def by_code(pixels):
    """The distinct colours with their counts, ordered by themselves."""
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    return [(*color, count) for color, count in zip(colors.tolist(), counts.tolist(), strict=True)]


@given(repeating)
def test_distinct_colours_and_counts_are_those_of_numpy(pixels):
    distinct = distinct_of(pixels)
    colors, counts = distinct.colors(), distinct.counts
    assert colors.dtype == np.uint8
    assert len(distinct) == len(colors) == len(counts)
    found = sorted((*color, count) for color, count in zip(colors.tolist(), counts.tolist(), strict=True))
    assert found == by_code(pixels)


@given(repeating)
def test_every_pixel_gets_the_label_of_its_colour(pixels):
    distinct = distinct_of(pixels)
    ranks = distinct.label_pixels(np.arange(len(distinct), dtype=np.uint16))
    np.testing.assert_array_equal(distinct.colors()[ranks], pixels)


@given(pixels_and_palette)
def test_every_pixel_gets_its_nearest_colour_and_the_error_is_exact(pair):
    pixels, palette = pair
    reduced = reduce_to(distinct_of(pixels), 0, lambda _: palette)
    distances = np.square(pixels[:, None].astype(int) - palette[None].astype(int)).sum(axis=-1)
    np.testing.assert_array_equal(reduced.palette[reduced.indices], palette[distances.argmin(axis=1)])
    assert reduced.sse == distances.min(axis=1).sum()


@given(pixels_and_palette)
def test_in_oklab_no_colour_is_nearer_than_the_one_chosen_and_the_error_is_still_that_in_srgb(pair):
    pixels, palette = pair
    reduced = reduce_to(distinct_of(pixels), 0, lambda _: palette, "oklab")
    shown = reduced.palette[reduced.indices]
    points, centers = colors_to_points(pixels, "oklab"), colors_to_points(palette, "oklab")
    distances = np.square(points[:, None] - centers).sum(axis=-1)
    chosen = np.square(points - colors_to_points(shown, "oklab")).sum(axis=-1)
    np.testing.assert_allclose(chosen, distances.min(axis=1), rtol=0, atol=1e-5)
    assert reduced.sse == np.square(pixels.astype(int) - shown).sum()


@pytest.mark.parametrize("space", ["srgb", "oklab"])
@example(pixels=np.array([[0, 254, 1], [1, 1, 1], [1, 254, 1]], np.uint8))  # the first and last are alike in Oklab
@given(pixels=repeating)
def test_colours_that_are_few_enough_are_kept_and_nothing_is_fitted(space, pixels):
    distinct = distinct_of(pixels)
    reduced = reduce_to(distinct, len(distinct), pytest.fail, space)
    assert reduced.sse == 0
    np.testing.assert_array_equal(reduced.palette[reduced.indices], pixels)
