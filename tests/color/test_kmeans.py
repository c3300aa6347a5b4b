"""Our own K-means: palettes, exactness, and errors against scikit-learn and the exact optimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.datasets import load_sample_images
from threadpoolctl import threadpool_limits

from color import naive
from helpers import synthetic_photo
from icsys.choices import EFFORTS
from icsys.color import palette_rounding as stored
from icsys.color.grey_levels import best_levels
from icsys.color.kmeans import EFFORT_TABLE, fit_centers, reduce_pixels
from icsys.color.strategy_steps import distinct_of, reduce_to

# The first example of a test compiles what it needs.
lasting = settings(deadline=None, max_examples=50)
images = st.one_of(
    arrays(np.uint8, st.tuples(st.integers(1, 400), st.just(3))),
    arrays(np.uint8, st.tuples(st.integers(1, 400), st.just(3)), elements=st.integers(98, 105)),
)


@pytest.fixture(scope="module")
def photos():
    """Parts of the two photos that scikit-learn ships, shape (N, 3), uint8."""
    return [image[100:220, 200:350].reshape(-1, 3) for image in load_sample_images().images]


@pytest.fixture(scope="module")
def references(photos):
    """The errors of scikit-learn's best of ten starts, by number of colours."""
    return {k: [reference(pixels, k, 10) for pixels in photos] for k in (8, 48)}


def reference(pixels, k, starts):
    """Return the error of scikit-learn's best of some starts, its centres rounded as a file stores them."""
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    with threadpool_limits(1):
        fitted = KMeans(k, n_init=starts, random_state=0).fit(colors.astype(np.float32), sample_weight=counts)
    palette = np.rint(fitted.cluster_centers_)
    return naive.weighted_error(colors, counts, palette)


def test_the_table_of_efforts_has_the_names_that_a_user_may_choose():
    assert tuple(EFFORT_TABLE) == EFFORTS


@lasting
@given(images, st.integers(1, 300), st.sampled_from(sorted(EFFORT_TABLE)))
def test_a_palette_has_distinct_colors_no_more_than_k_and_all_where_they_are_few(pixels, k, effort):
    palette = reduce_pixels(pixels, k, effort=effort).palette
    distinct = np.unique(pixels, axis=0)
    assert palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == len(palette) == min(k, len(distinct))
    if len(distinct) <= k:
        assert np.array_equal(np.unique(palette, axis=0), distinct)


@lasting
@given(images, st.integers(1, 40))
def test_every_pixel_goes_to_the_entry_that_the_naive_search_finds(pixels, k):
    found = reduce_pixels(pixels, k)
    # An equal sum of the least errors means that no single one is larger.
    assert found.sse == naive.nearest(pixels, found.palette)[1]
    assert found.sse == np.square(pixels.astype(int) - found.palette[found.indices]).sum()


@lasting
@given(arrays(np.uint8, st.integers(1, 300)), st.integers(1, 260))
def test_grey_pixels_get_grey_palettes_and_the_naive_nearest_level(pixels, k):
    found = reduce_pixels(pixels[:, None], k)
    assert found.palette.shape == (min(k, len(np.unique(pixels))), 1)
    assert found.sse == naive.nearest(pixels, found.palette[:, 0])[1]
    assert found.sse == np.square(pixels.astype(int) - found.palette[found.indices, 0]).sum()


@pytest.mark.parametrize("channels", [1, 3])
def test_in_oklab_pixels_go_to_the_entry_that_looks_nearest(channels):
    pixels = synthetic_photo(channels=channels).reshape(-1, channels)
    found = reduce_pixels(pixels, 9, space="oklab", effort="balanced")
    points, centers = stored.colors_to_points(pixels, "oklab"), stored.colors_to_points(found.palette, "oklab")
    distances = naive.distances(points, centers)
    assert len(np.unique(found.palette, axis=0)) == len(found.palette) == 9
    # Distances are compared in float32.
    assert np.abs(distances[np.arange(len(pixels)), found.indices] - distances.min(axis=1)).max() < 1e-5
    assert found.sse == np.square(pixels.astype(int) - found.palette[found.indices]).sum()
    srgb = stored.colors_to_points(reduce_pixels(pixels, 9).palette, "oklab")
    assert distances.min(axis=1).sum() < naive.distances(points, srgb).min(axis=1).sum()


@pytest.mark.parametrize("channels", [1, 3])
def test_in_oklab_few_colors_are_kept(channels):
    pixels = np.repeat(np.array([[5], [77], [200]], np.uint8), channels, axis=1)
    found = reduce_pixels(pixels, 3, space="oklab")
    assert np.array_equal(found.palette[found.indices], pixels)
    assert found.sse == 0


@lasting
@given(arrays(np.int64, 9, elements=st.integers(0, 50)).filter(np.any), st.integers(1, 4))
def test_grey_levels_are_the_optimum_of_all_possible_palettes(counts, k):
    counts = np.concatenate([counts, np.zeros(256 - 9, np.int64)])
    levels = best_levels(counts, k)
    error = int(np.square(np.arange(256)[:, None] - levels.astype(np.int64)).min(axis=1) @ counts)
    assert error == naive.best_levels_error(counts[:9], k)
    assert np.all(np.diff(levels.astype(int)) > 0)


@lasting
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 256),
    st.one_of(st.integers(1, 8), st.integers(1, 256)),
    st.integers(1, 24),
)
def test_grey_levels_are_those_of_whole_matrices_also_among_equals(seed, occurring, k, bits):
    random = np.random.default_rng(seed)
    counts = np.zeros(256, np.int64)
    counts[random.choice(256, occurring, replace=False)] = random.integers(1, 1 << bits, occurring, endpoint=True)
    assert np.array_equal(best_levels(counts, k), naive.best_levels(counts, k))


@pytest.mark.parametrize(("k", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_indices_are_bytes_up_to_256_colors(k, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 3), np.uint8)
    found = reduce_pixels(pixels, k)
    assert len(found.palette) == k
    assert found.indices.dtype == dtype


@pytest.mark.parametrize("effort", sorted(EFFORT_TABLE))
def test_the_same_seed_gives_the_same_palette(effort):
    pixels = synthetic_photo().reshape(-1, 3)
    first, second = (reduce_pixels(pixels, 12, seed=5, effort=effort) for _ in range(2))
    assert np.array_equal(first.palette, second.palette)
    assert np.array_equal(first.indices, second.indices)


@pytest.mark.parametrize("k", [8, 48])
@pytest.mark.parametrize(("effort", "allowed"), [("fast", 1.015), ("balanced", 1.003), ("best", 1.001)])
def test_the_error_is_about_that_of_the_best_of_ten_starts_of_scikit_learn(photos, references, k, effort, allowed):
    errors = [reduce_pixels(pixels, k, effort=effort).sse for pixels in photos]
    ratios = np.divide(errors, references[k])
    assert np.mean(ratios) <= allowed


def test_one_color_is_the_rounded_mean():
    photo = synthetic_photo().reshape(-1, 3)
    assert np.array_equal(reduce_pixels(photo, 1).palette, np.rint(photo.mean(axis=0, keepdims=True)).astype(np.uint8))


def test_tight_groups_far_apart_are_all_found():
    """Cells as coarse as the whole image suggests would hide these groups: they are refined."""
    random = np.random.default_rng(2)
    groups = np.repeat([[20, 20, 20], [230, 20, 20], [20, 230, 20], [230, 230, 230]], 500, axis=0)
    pixels = (groups + random.integers(-3, 4, groups.shape)).astype(np.uint8)
    found = reduce_pixels(pixels, 12)
    assert found.sse <= 1.02 * reference(pixels, 12, 10)


@pytest.mark.parametrize("k", [1000, 5000])
def test_palettes_of_thousands_are_full_and_better_than_a_single_start_of_scikit_learn(photos, k):
    pixels = photos[0]
    found = reduce_pixels(pixels, k)
    assert len(found.palette) == k
    chosen = np.square(pixels.astype(int) - found.palette[found.indices]).sum(axis=1)
    assert found.sse == chosen.sum()
    assert chosen[:500].sum() == naive.nearest(pixels[:500], found.palette)[1]
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    assert len(colors) > k
    sample = np.random.default_rng(0).choice(len(colors), k, replace=False, p=counts / counts.sum())
    assert found.sse < 0.9 * reduce_to(distinct_of(pixels), k, lambda _: colors[sample]).sse


@pytest.mark.parametrize("d", [3, 4])
def test_float_points_reach_the_error_of_scikit_learn(d):
    random = np.random.default_rng(d)
    centers = random.uniform(-50, 50, (7, d)) + 1000
    points = centers[random.integers(0, 7, 2000)] + random.normal(size=(2000, d))
    weights = random.uniform(0, 3, 2000)
    found, error = fit_centers(points, weights, 7, effort="balanced")
    expected = KMeans(7, n_init=10, random_state=0).fit(points, sample_weight=weights).inertia_
    assert found.shape == (7, d)
    assert error <= 1.002 * expected
    assert error == pytest.approx(naive.weighted_error(points, weights, found), rel=1e-4)


def test_centers_of_points_of_weight_nothing_do_not_count():
    points = np.concatenate([np.zeros((50, 3)), np.full((50, 3), 9.0), np.full((50, 3), 500.0)])
    weights = np.repeat([1.0, 1.0, 0.0], 50)
    found, error = fit_centers(points, weights, 2)
    assert np.allclose(np.sort(found[:, 0]), [0, 9], atol=1e-3)
    assert error == pytest.approx(0, abs=1e-6)


def test_fewer_distinct_points_than_centers_give_that_many():
    found, error = fit_centers(np.repeat(np.eye(3), 5, axis=0), None, 8)
    assert len(found) == 3
    assert error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("k", [3, 20])
def test_as_many_centers_as_points_end_the_search(k):
    """Sums of floats that cancel leave an error of a rounding, even one below zero."""
    random = np.random.default_rng(5)
    for _ in range(20):
        points = random.normal(size=(3, 3))
        centers, error = fit_centers(points, random.random(3), k)
        assert abs(error) < 1e-12
        assert np.abs(naive.distances(points, centers).min(axis=1)).max() < 1e-12
