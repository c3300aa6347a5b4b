"""Every strategy of the table keeps the same promises."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans

from helpers import synthetic_photo
from icsys import quantize
from icsys.choices import STRATEGIES
from icsys.color.kmeans_strategies import STRATEGY_TABLE

CLUSTERING = [name for name, strategy in STRATEGY_TABLE.items() if strategy.fit]
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
small_images = st.sampled_from([(), (3,)]).flatmap(
    lambda channels: arrays(
        np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda side: side + channels)
    )
)


def error(image, quantized):
    """Recompute the mean squared error from the pixels alone."""
    shown = quantized.palette[quantized.indices].astype(float)
    full = image.astype(float) if image.ndim == 3 else np.repeat(image[..., None].astype(float), 3, axis=2)
    return np.square(full - shown).sum(axis=-1).mean()


def test_the_table_and_the_options_name_the_same_strategies():
    assert tuple(STRATEGY_TABLE) == STRATEGIES


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images, colors=st.integers(1, 40))
def test_at_most_k_distinct_colours_all_used_and_the_error_as_reported(strategy, image, colors):
    quantized = quantize(image, colors, strategy=strategy)
    assert quantized.indices.shape == image.shape[:2]
    assert quantized.palette.dtype == np.uint8
    assert len(np.unique(quantized.palette, axis=0)) == len(quantized.palette) <= colors
    np.testing.assert_array_equal(np.unique(quantized.indices), np.arange(len(quantized.palette)))
    assert quantized.mse == pytest.approx(error(image, quantized))


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images, colors=st.integers(1, 40))
def test_every_pixel_has_its_nearest_stored_colour(strategy, image, colors):
    quantized = quantize(image, colors, strategy=strategy)
    full = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    distances = np.square(full[:, :, None].astype(int) - quantized.palette.astype(int)).sum(axis=-1)
    chosen = np.take_along_axis(distances, quantized.indices[..., None].astype(int), axis=-1)[..., 0]
    np.testing.assert_array_equal(chosen, distances.min(axis=-1))


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images)
def test_an_image_of_few_colours_keeps_them_exactly(strategy, image):
    distinct = len(np.unique(image.reshape(-1, *image.shape[2:]), axis=0))
    for colors in (distinct, distinct + 1):
        quantized = quantize(image, colors, strategy=strategy)
        assert quantized.mse == 0
        assert len(quantized.palette) == distinct
        shown = quantized.to_array()
        np.testing.assert_array_equal(shown if image.ndim == 3 else shown[..., 0], image)


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images, colors=st.integers(1, 20))
def test_a_palette_image_is_a_fixed_point(strategy, image, colors):
    once = quantize(image, colors, strategy=strategy)
    twice = quantize(once.to_array(), colors, strategy=strategy)
    np.testing.assert_array_equal(twice.to_array(), once.to_array())
    assert twice.mse == 0


@pytest.mark.parametrize("strategy", CLUSTERING)
@quick
@given(image=small_images, colors=st.integers(2, 20), data=st.data())
def test_merging_two_colours_never_lowers_the_error(strategy, image, colors, data):
    """Read from fewer to more: the error never rises when a palette grows by a colour."""
    quantized = quantize(image, colors, strategy=strategy)
    gone = data.draw(st.integers(0, len(quantized.palette) - 1))
    fewer = np.delete(quantized.palette, gone, axis=0)
    full = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    if len(fewer):
        distances = np.square(full[:, :, None].astype(int) - fewer.astype(int)).sum(axis=-1)
        assert distances.min(axis=-1).mean() >= quantized.mse - 1e-9


@quick
@given(image=arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_the_error_of_grey_images_never_rises_with_more_colours(image):
    """Their palettes are optimal, so this holds for every number of colours."""
    errors = [quantize(image, colors).mse for colors in range(1, 12)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("strategy", CLUSTERING)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_seed_gives_the_same_picture(strategy, channels):
    image = synthetic_photo(seed=5, channels=channels)
    first, second = (quantize(image, 9, strategy=strategy, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.indices, second.indices)
    np.testing.assert_array_equal(first.palette, second.palette)


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_more_colours_never_cost_more_error_on_a_photo(strategy, china):
    small = np.ascontiguousarray(china[::4, ::4])
    errors = [quantize(small, colors, strategy=strategy).mse for colors in (2, 8, 32, 128)]
    assert errors == sorted(errors, reverse=True)


@pytest.fixture(scope="module")
def of_scikit_learn(china):
    """A photo and the mean error of KMeans from three seeds, fitted to every pixel.

    It is stored as a palette is: rounded, every pixel to its nearest.
    """
    small = np.ascontiguousarray(china[::3, ::3])
    points = small.reshape(-1, 3).astype(float)
    errors = []
    for seed in range(3):
        centers = np.rint(KMeans(32, n_init=1, random_state=seed).fit(points).cluster_centers_)
        errors.append(np.square(points[:, None] - centers).sum(axis=2).min(axis=1).mean())
    return small, np.mean(errors)


@pytest.mark.parametrize(("strategy", "worse"), [("MKM", 1.03), ("FKM", 1.03), ("MBKM", 1.10)])
def test_the_error_is_near_that_of_scikit_learns_kmeans_on_all_pixels(strategy, worse, of_scikit_learn):
    small, reference = of_scikit_learn
    ours = [quantize(small, 32, strategy=strategy, seed=seed).mse for seed in range(3)]
    assert np.mean(ours) <= worse * reference


@pytest.mark.parametrize("strategy", CLUSTERING)
def test_more_than_256_colours_do_not_overflow(strategy, china):
    """The original wrapped its colour indices around at 256."""
    small = np.ascontiguousarray(china[::8, ::8])
    quantized = quantize(small, 400, strategy=strategy)
    assert quantized.indices.dtype == np.uint16
    assert 256 < len(quantized.palette) <= 400
    assert quantized.indices.max() == len(quantized.palette) - 1
    assert quantized.mse < quantize(small, 256, strategy=strategy).mse
    assert quantized.to_image().mode == "RGB"


@pytest.mark.parametrize(("strategy", "worse"), [("MKM", 1.05), ("FKM", 1.15), ("MBKM", 2)])
def test_flat_areas_leave_no_empty_cluster(strategy, worse):
    """The original's own K-means lost centres to empty clusters: NaN, and an error 9 times too large."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:8, :8] = synthetic_photo(8, 8, seed=6)
    quantized = quantize(image, 16, strategy=strategy)
    assert len(quantized.palette) == 16
    centers = KMeans(16, n_init=5, random_state=0).fit(image.reshape(-1, 3).astype(float)).cluster_centers_
    reference = np.square(image.reshape(-1, 1, 3) - np.rint(centers)).sum(axis=2).min(axis=1).mean()
    assert quantized.mse <= worse * reference
