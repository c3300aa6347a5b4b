"""The compiled kernels against their naive twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from color import naive
from icsys.color import distinct_rgb as cells
from icsys.color import kernels
from icsys.color.distinct_rgb import CENTER, SCALE, DistinctRGB, kernel_points
from icsys.color.kernels import BLOCK, Partition, lloyd
from icsys.color.kmeans import reduce_pixels
from icsys.native.library import KERNELS, LIBRARY, Kernels, address, levels

colors = arrays(np.uint8, st.tuples(st.integers(1, 300), st.just(3)))
crowded = arrays(np.uint8, st.tuples(st.integers(1, 300), st.just(3)), elements=st.integers(120, 135))
many_or_crowded = st.one_of(colors, crowded)


def lattice(values):
    """Colours as kernels take centres."""
    return np.ascontiguousarray((values.T.astype(np.float32) - CENTER) * SCALE)


def of_floats(array):
    return address(array, np.float64)


def total_error(sums):
    """Return the squared error of clusters of three features about their means."""
    return float((sums[:, [4, 6, 9]].sum(axis=1) - np.square(sums[:, 1:4]).sum(axis=1) / sums[:, 0]).sum())


def split(sums, left, right):
    return KERNELS.split(of_floats(sums), len(left), of_floats(left), of_floats(right))


def rows(blocks, n):
    """Points in blocks as rows."""
    return blocks.transpose(0, 2, 1).reshape(-1, blocks.shape[1])[:n]


@given(many_or_crowded)
def test_distinct_colors_counts_and_inverse_agree_with_unique(pixels):
    found = DistinctRGB(pixels)
    expected, counts = np.unique(pixels, axis=0, return_counts=True)
    listed = found.colors()
    order = np.lexsort(listed.T[::-1])
    assert np.array_equal(listed[order], expected)
    assert np.array_equal(found.points.w.reshape(-1)[: len(found)][order], counts)
    assert np.array_equal(listed[found.inverse], pixels)
    assert np.all(np.diff(found.codes.astype(np.int64)) > 0)


@given(many_or_crowded, st.integers(1, 40), st.floats(1e-3, 1e4))
def test_cells_keep_weight_and_mean_and_hide_no_more_than_allowed(pixels, k, fineness):
    found = DistinctRGB(pixels)
    merged, hidden = found.cells(fineness, k)
    points = rows(found.points.x, len(found)).astype(np.float64)
    weights = found.points.w.reshape(-1)[: len(found)]
    n = int((merged.w > 0).sum())
    means = rows(merged.x, n).astype(np.float64)
    total = naive.weighted_error(points, weights, np.average(points, axis=0, weights=weights)[None])
    assert merged.w.sum() == len(pixels)
    # Cell means are rounded to whole numbers: half of one at most.
    assert np.abs(merged.w.reshape(-1)[:n] @ means - weights @ points).max() <= len(pixels) / 2
    assert -1e-6 * total <= hidden <= n * total / (3 * k * k * fineness) * (1 + 1e-9) + 1e-3


def test_cells_fine_enough_are_the_colors_themselves():
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3), np.uint8)
    found = DistinctRGB(pixels)
    merged, hidden = found.cells(1e12, 256)
    assert np.array_equal(merged.x, found.points.x)
    assert np.array_equal(merged.w, found.points.w)
    assert hidden == 0


@given(many_or_crowded, st.data())
def test_nearest_is_exact_and_ties_go_to_the_lowest_index(pixels, data):
    palette = data.draw(arrays(np.uint8, st.tuples(st.integers(1, 70), st.just(3)), elements=st.integers(100, 150)))
    found = DistinctRGB(pixels)
    labels = np.empty(found.points.w.shape, np.uint16)
    error = kernels.nearest_centers(found.points, lattice(palette), labels)
    expected, sse = naive.nearest(pixels, palette)
    assert np.array_equal(labels.reshape(-1)[found.inverse], expected)
    assert error / SCALE**2 == sse


@settings(max_examples=40, deadline=None)
@given(many_or_crowded, st.integers(1, 24), st.integers(0, 2**32 - 1))
def test_a_partition_followed_through_moves_equals_one_made_afresh(pixels, k, seed):
    """Skipped blocks and running sums lose nothing, whichever centres move."""
    random = np.random.default_rng(seed)
    found = DistinctRGB(pixels)
    points = rows(found.points.x, len(found)).astype(np.float64)
    weights = found.points.w.reshape(-1)[: len(found)]
    part = Partition(found.points, k)
    centers = random.integers(-1024, 1017, (3, k)).astype(np.float32)
    for _ in range(6):
        kernels.reassign(found.points, part, centers, k)
        labels = part.labels.reshape(-1)[: len(found)]
        assert np.array_equal(labels, naive.distances(points, centers.T).argmin(axis=1))
        assert np.array_equal(part.sums, naive.cluster_sums(points, weights, labels, k))
        assert np.array_equal(part.centers, centers)
        moving = random.integers(0, k, max(1, k // 8))
        centers[:, moving] = random.integers(-1024, 1017, (3, len(moving)))


@pytest.mark.parametrize("d", [3, 4])
def test_float_points_are_assigned_as_in_float64_but_for_ties_of_float32(d):
    """A label that differs costs no more than the rounding of float32."""
    random = np.random.default_rng(d)
    data = random.normal(size=(1000, d))
    points = kernel_points(data, np.ones(len(data)))
    part = Partition(points, 30)
    centers = random.normal(size=(d, 30)).astype(np.float32)
    kernels.reassign(points, part, centers, 30)
    distances = naive.distances(data, centers.T)
    labels = part.labels.reshape(-1)[: len(data)]
    loss = distances[np.arange(len(data)), labels] - distances.min(axis=1)
    assert loss.max() <= 1e-5
    assert np.allclose(part.sums, naive.cluster_sums(data, np.ones(len(data)), labels, 30), atol=1e-4)


def test_lloyd_steps_are_those_of_the_naive_twin():
    random = np.random.default_rng(3)
    data, weights = random.normal(size=(700, 3)), random.uniform(0.1, 4, 700)
    points = kernel_points(data, weights)
    part = Partition(points, 9)
    centers = np.ascontiguousarray(data[:9].T.astype(np.float32))
    expected = centers.T.astype(np.float64)
    for _ in range(5):
        expected = naive.lloyd_step(data, weights, expected)
    error = lloyd(points, part, centers, 9, snap=False, tolerance=-1.0, limit=5)
    assert np.allclose(centers.T, expected, atol=1e-5)
    labels = part.labels.reshape(-1)[:700]
    means = np.stack([np.average(data[labels == j], axis=0, weights=weights[labels == j]) for j in range(9)])
    assert error == pytest.approx(np.square(data - means[labels]).sum(axis=1) @ weights)
    assert error == pytest.approx(total_error(part.sums))


def test_lloyd_does_the_same_without_products():
    random = np.random.default_rng(4)
    found = DistinctRGB(random.integers(0, 256, (3000, 3)).astype(np.uint8))
    start = random.integers(-1024, 1017, (3, 20)).astype(np.float32)
    ends = []
    for products in (True, False):
        part, centers = Partition(found.points, 20, products=products), start.copy()
        error = lloyd(found.points, part, centers, 20, snap=True, limit=7)
        ends.append((error, centers, part.labels, part.sums[:, :4]))
    for with_products, without in zip(*ends, strict=True):
        assert np.array_equal(with_products, without)


def test_lloyd_never_raises_the_error():
    pixels = np.random.default_rng(5).integers(0, 256, (2000, 3), np.uint8)
    found = DistinctRGB(pixels)
    part = Partition(found.points, 12)
    centers = np.random.default_rng(6).integers(-1024, 1017, (3, 12)).astype(np.float32)
    errors = [lloyd(found.points, part, centers, 12, snap=True, limit=1) for _ in range(20)]
    # Means are rounded to whole numbers, at most a half off in each of three coordinates.
    assert np.all(np.diff(errors) <= 0.75 * len(pixels))
    assert errors[-1] < errors[0]


def test_a_centre_without_points_stays_and_is_never_nan():
    found = DistinctRGB(np.full((50, 3), 200, np.uint8))
    part = Partition(found.points, 3)
    centers = lattice(np.array([[200, 200, 200], [0, 0, 0], [255, 255, 255]], np.uint8))
    before = centers.copy()
    assert lloyd(found.points, part, centers, 3, snap=True, limit=4) == 0
    assert np.array_equal(centers, before)
    assert part.sums[0, 0] == 50


@given(st.integers(3, 4), st.integers(0, 2**32 - 1))
def test_the_principal_axis_is_the_leading_eigenvector(d, seed):
    random = np.random.default_rng(seed)
    data = random.normal(size=(200, d)) * 3.0 ** np.arange(d)
    rotation = np.linalg.qr(random.normal(size=(d, d)))[0]
    data = data @ rotation
    sums = naive.cluster_sums(data, np.ones(200), np.zeros(200, int), 1)[0]
    axis = np.zeros(d)
    value = KERNELS.principal_axis(of_floats(sums), d, of_floats(axis))
    scatter = np.cov(data.T, bias=True) * 200
    assert value == pytest.approx(np.linalg.eigvalsh(scatter)[-1], rel=1e-3)
    assert axis @ scatter @ axis == pytest.approx(value, rel=1e-3)
    assert np.linalg.norm(axis) == pytest.approx(1)


def test_a_split_of_two_far_groups_gains_most_of_the_error():
    data = np.concatenate([np.full((20, 3), 0.0), np.full((20, 3), 10.0)])
    sums = naive.cluster_sums(data, np.ones(40), np.zeros(40, int), 1)[0]
    left, right = np.empty(3), np.empty(3)
    assert split(sums, left, right) > 0.6 * total_error(sums[None])
    ends = sorted([left.tolist(), right.tolist()])
    assert np.allclose(ends, [[1.0] * 3, [9.0] * 3])


def test_points_in_one_place_offer_no_split():
    sums = naive.cluster_sums(np.full((5, 3), 2.0), np.ones(5), np.zeros(5, int), 1)[0]
    assert split(sums, np.empty(3), np.empty(3)) == 0
    assert split(np.zeros(10), np.empty(3), np.empty(3)) == 0


def test_merge_costs_are_the_increase_of_error_by_the_cheapest_merger():
    random = np.random.default_rng(8)
    data, labels = random.normal(size=(300, 3)), random.integers(0, 6, 300)
    data += labels[:, None]
    sums = naive.cluster_sums(data, np.ones(300), labels, 6)
    cost, partner = np.empty(6), np.zeros(6, np.int64)
    KERNELS.merge_costs(of_floats(sums), 6, 3, of_floats(cost), address(partner, np.int64))
    single = [total_error(sums[j : j + 1]) for j in range(6)]
    for j in range(6):
        increase = [
            np.inf if i == j else total_error((sums[i] + sums[j])[None]) - single[i] - single[j] for i in range(6)
        ]
        assert partner[j] == np.argmin(increase)
        assert cost[j] == pytest.approx(min(increase))


@given(st.integers(1, 3 * BLOCK))
def test_blocks_are_filled_up_with_points_of_no_weight_inside_the_box(n):
    data = np.random.default_rng(n).normal(size=(n, 4))
    points = kernel_points(data, np.ones(n))
    assert points.x.shape == (-(-n // BLOCK), 4, BLOCK)
    assert points.w.sum() == n
    assert np.allclose(rows(points.x, n), data, atol=1e-6)
    assert np.array_equal(points.low, points.x.min(axis=2))
    assert np.array_equal(points.high, points.x.max(axis=2))


@pytest.mark.parametrize("space", ["srgb", "oklab"])
@pytest.mark.parametrize("k", [2, 33, 300])
def test_every_instruction_set_gives_the_same_result(space, k, monkeypatch):
    pixels = np.random.default_rng(k).normal(128, 40, (8_000, 3)).clip(0, 255).astype(np.uint8)
    found = []
    for level in levels():
        for module in (kernels, cells):
            monkeypatch.setattr(module, "KERNELS", Kernels(LIBRARY, level))
        found.append(reduce_pixels(pixels, k, effort="balanced", space=space))
    for other in found[1:]:
        assert np.array_equal(other.palette, found[0].palette)
        assert np.array_equal(other.indices, found[0].indices)
        assert other.sse == found[0].sse


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 4), np.float64), np.zeros((4, 3), np.float32), np.zeros((4, 4), np.float32).T[:3]]
)
def test_centres_of_another_shape_or_type_are_refused(wrong):
    found = DistinctRGB(np.zeros((5, 3), np.uint8))
    with pytest.raises(TypeError):
        kernels.reassign(found.points, Partition(found.points, 4), wrong, 4)


def test_labels_of_another_shape_or_type_are_refused():
    found = DistinctRGB(np.zeros((5, 3), np.uint8))
    for labels in (np.zeros(5, np.int32), np.zeros(found.points.w.shape, np.int64)):
        with pytest.raises(TypeError, match="labels of shape"):
            kernels.nearest_centers(found.points, lattice(np.zeros((1, 3), np.uint8)), labels)
