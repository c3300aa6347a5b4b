"""Colours with alpha: distances are the visible error over black and over white; invisible colours are one."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans

from icsys import quantize
from icsys.color import alpha_points
from icsys.color.distinct_rgba import DistinctRGBA
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.color.palette_rounding import tidy

CLUSTERING = [name for name, strategy in STRATEGY_TABLE.items() if strategy.fit]
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
colors = arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(4)))
levels = st.sampled_from([0, 1, 2, 30, 128, 254, 255])
small_images = arrays(np.uint8, st.tuples(st.integers(1, 10), st.integers(1, 10), st.just(4)), elements=levels)


def over(colors, background):
    """Lay RGBA colours over a grey background, as levels that are not rounded."""
    opacity = colors[..., 3:] / 255
    return opacity * colors[..., :3] + (1 - opacity) * background


def seen_error(first, second):
    """Return the mean over black and white of the squared error summed over R, G and B: the slow and obvious twin."""
    return sum(np.square(over(first, back) - over(second, back)).sum(axis=-1) for back in (0, 255)) / 2


def clear(image):
    """Return pixels with zeros where nothing shows."""
    return np.where(image[..., 3:] > 0, image, 0)


@given(arrays(np.uint8, (2, 9, 4)))
def test_the_distance_of_points_is_the_error_over_black_and_over_white(pairs):
    first, second = pairs
    distances = np.square(alpha_points.rgba_to_points(first) - alpha_points.rgba_to_points(second)).sum(axis=1)
    np.testing.assert_allclose(distances, seen_error(first, second), atol=1e-6)


@given(arrays(np.uint8, (2, 9, 4)), arrays(np.uint8, 9))
def test_the_summed_error_is_that_of_the_twin(pairs, counts):
    first, second = pairs
    assert alpha_points.squared_error(first, second, counts) == pytest.approx(float(seen_error(first, second) @ counts))


@given(arrays(np.uint8, (9, 3)), arrays(np.uint8, (9, 3)))
def test_among_opaque_colours_it_is_the_usual_squared_error(first, second):
    opaque = [np.concatenate([rgb, np.full((9, 1), 255, np.uint8)], axis=1) for rgb in (first, second)]
    distances = np.square(np.subtract(*map(alpha_points.rgba_to_points, opaque))).sum(axis=1)
    np.testing.assert_allclose(distances, np.square(first.astype(float) - second).sum(axis=1), atol=1e-6)


@given(colors)
def test_points_come_back_as_the_colours_that_they_are(found):
    np.testing.assert_array_equal(alpha_points.points_to_rgba(alpha_points.rgba_to_points(found)), clear(found))


@quick
@given(arrays(np.float64, (1, 4), elements=st.floats(0, 1)))
def test_a_mean_is_stored_as_no_worse_than_half_a_level_in_each_channel(weights):
    """Stored levels are whole: over mid-grey they miss by half a level of R, G or B at most, and alpha likewise."""
    red, green, blue, opacity = weights[0]
    point = 255 * opacity * np.array([[red - 0.5, green - 0.5, blue - 0.5, 3**0.5 / 2]])
    stored = alpha_points.rgba_to_points(alpha_points.points_to_rgba(point))
    assert np.abs(stored - point)[0, 3] <= 3**0.5 / 4 + 1e-9
    # Where rounding makes alpha smaller, a level of 255 cannot make up for it.
    assert np.abs(stored - point)[0, :3].max() <= 0.75 + 1e-9


@quick
@given(image=small_images)
def test_distinct_colours_are_counted_and_what_is_not_seen_is_one(image):
    pixels = image.reshape(-1, 4)
    distinct = DistinctRGBA(pixels)
    found, counts = np.unique(clear(pixels), axis=0, return_counts=True)
    assert dict(zip(map(tuple, distinct.colors()), distinct.counts, strict=True)) == dict(
        zip(map(tuple, found), counts, strict=True)
    )
    assert distinct.has_clear == (not found[:, 3].all())
    np.testing.assert_array_equal(distinct.colors()[distinct.label_pixels(np.arange(len(distinct)))], clear(pixels))


@quick
@given(image=small_images, palette=colors)
def test_every_colour_gets_its_nearest_entry_but_for_float32(image, palette):
    distinct = DistinctRGBA(image.reshape(-1, 4))
    labels, sse = distinct.nearest(palette)
    errors = seen_error(distinct.colors()[:, None], palette[None])
    chosen = errors[np.arange(len(distinct)), labels]
    np.testing.assert_allclose(chosen, errors.min(axis=1), atol=0.1)
    assert sse == pytest.approx(float(chosen @ distinct.counts))


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(4)), unique=False), st.data())
def test_entries_that_are_not_opaque_come_first_and_the_clear_one_before_all(palette, data):
    palette = np.unique(clear(palette), axis=0)
    order = np.array(data.draw(st.permutations(range(len(palette)))))
    tidied, labels = tidy(palette[order], np.arange(len(palette)))
    np.testing.assert_array_equal(tidied[labels], palette[order])
    opaque = tidied[:, 3] == 255
    assert not opaque[: np.count_nonzero(~opaque)].any()
    if not palette[0].any():
        assert not tidied[0].any()
    luma = tidied[opaque][:, :3].astype(int) @ [299, 587, 114]
    assert (np.diff(luma) >= 0).all()


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images, k=st.integers(1, 12))
def test_every_strategy_keeps_its_promises_with_alpha(strategy, image, k):
    quantized = quantize(image, k, strategy=strategy, alpha="keep")
    shown = quantized.to_array()
    if (image[..., 3] == 255).all():
        opaque = quantize(np.ascontiguousarray(image[..., :3]), k, strategy=strategy)
        np.testing.assert_array_equal(shown, opaque.to_array())
        assert quantized.mse == opaque.mse
        return
    palette = quantized.palette
    assert palette.shape[1] == 4
    assert len(np.unique(palette, axis=0)) == len(palette) <= k
    np.testing.assert_array_equal(np.unique(quantized.indices), np.arange(len(palette)))
    assert quantized.mse == pytest.approx(float(seen_error(image, shown).mean()), abs=1e-9)
    assert not palette[palette[:, 3] == 0].any()
    if k > 1:
        unseen = image[..., 3] == 0
        assert not shown[unseen].any()
    if len(np.unique(clear(image).reshape(-1, 4), axis=0)) <= k:
        np.testing.assert_array_equal(shown, clear(image))
        assert quantized.mse == 0


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_what_lies_under_clear_pixels_changes_nothing(strategy, soft_picture):
    other = soft_picture.copy()
    other[other[..., 3] == 0, :3] = 77
    first, second = (quantize(image, 16, strategy=strategy, alpha="keep") for image in (soft_picture, other))
    np.testing.assert_array_equal(first.palette, second.palette)
    np.testing.assert_array_equal(first.indices, second.indices)


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_an_image_without_clear_pixels_pays_no_colour_for_them(strategy, soft_picture):
    image = soft_picture.copy()
    image[..., 3] = np.maximum(image[..., 3], 60)
    palette = quantize(image, 8, strategy=strategy, alpha="keep").palette
    assert len(palette) == 8
    assert palette[:, 3].min() > 0


@pytest.mark.parametrize(("strategy", "worse"), [("MKM", 1.02), ("FKM", 1.05), ("MBKM", 1.2)])
@pytest.mark.parametrize("k", [6, 24])
def test_the_error_is_near_that_of_scikit_learns_kmeans_on_what_is_seen(strategy, worse, k, soft_picture):
    """The reference clusters pixels as they show over black and over white: six numbers, no cleverness."""
    pixels = clear(soft_picture).reshape(-1, 4)
    seen = np.concatenate([over(pixels, 0), over(pixels, 255)], axis=1)
    ours, reference = [], []
    for seed in range(3):
        reference.append(KMeans(k, n_init=1, random_state=seed).fit(seen).inertia_ / 2 / len(pixels))
        ours.append(quantize(soft_picture, k, strategy=strategy, seed=seed, alpha="keep").mse)
    assert np.mean(ours) <= worse * np.mean(reference) + 0.3


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_grey_with_alpha_stays_grey(strategy, soft_picture):
    grey = np.stack([*[soft_picture[..., 1]] * 3, soft_picture[..., 3]], axis=2)
    palette = quantize(grey, 24, strategy=strategy, alpha="keep").palette
    np.testing.assert_array_equal(palette[:, 0], palette[:, 1])
    np.testing.assert_array_equal(palette[:, 0], palette[:, 2])


def test_a_picture_shows_the_same_as_a_pil_image(soft_picture):
    quantized = quantize(soft_picture, 16, alpha="keep")
    image = quantized.to_image()
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), quantized.to_array())
    many = quantize(soft_picture, 300, alpha="keep")
    assert many.to_image().mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(many.to_image()), many.to_array())
