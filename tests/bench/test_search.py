"""The study of what the search of MKM is made of: its alternatives are right, and its page is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bounds import BOUNDS, iterate, one_pass
from icsys.color.distinct_rgb import CENTER, SCALE, DistinctRGB, kernel_points
from icsys.color.kmeans import EFFORT_TABLE, reduce_pixels
from judge import palette_mse
from photos import generate_photo
from search import Figures, converged, finished, main, moved, palette_error, spread_images, study, timed
from seeding import SEEDINGS, rows, wu

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)


def integer_points(seed, n, side):
    """Weighted points on a small grid, so that many distances tie; all weights at least 1."""
    random = np.random.default_rng(seed)
    coordinates = SCALE * random.integers(-side, side, (n, 3))
    points = kernel_points(coordinates.astype(np.float32), random.integers(1, 5, n).astype(np.float64))
    points.slack = 0.0
    return points


def integer_centers(seed, k, side):
    return np.random.default_rng(seed + 1).integers(-8 * side, 8 * side, (3, k)).astype(np.float32)


def naive_labels(points, centers):
    """Nearest of the centres (3, k), ties to the lowest, for every point in a row."""
    coordinates = points.x.transpose(0, 2, 1).reshape(-1, 3).astype(np.int64)
    return np.square(coordinates[:, None] - centers.T.astype(np.int64)).sum(axis=2).argmin(axis=1)


def naive_lloyd(points, centers, limit):
    centers = centers.copy()
    weights = points.w.reshape(-1)
    coordinates = points.x.transpose(0, 2, 1).reshape(-1, 3).astype(np.float64)
    last = np.zeros(len(weights), int)
    for _ in range(limit):
        used = centers.copy()
        labels = naive_labels(points, centers)
        if (labels == last).all():
            break
        last = labels
        for j in range(centers.shape[1]):
            mine = labels == j
            if weights[mine].sum() > 0:
                centers[:, j] = np.rint(weights[mine] @ coordinates[mine] / weights[mine].sum())
    return labels, used


@pytest.mark.parametrize("name", BOUNDS)
@given(seed=seeds, n=st.integers(1, 200), k=st.integers(2, 40), side=st.sampled_from([2, 10, 128]))
@few
def test_a_pass_finds_the_nearest_centre_of_every_point_ties_to_the_lowest(name, seed, n, k, side):
    points, centers = integer_points(seed, n, side), integer_centers(seed, k, side)
    np.testing.assert_array_equal(one_pass(name, points, centers).reshape(-1), naive_labels(points, centers))


@pytest.mark.parametrize("name", BOUNDS)
@given(seed=seeds, n=st.integers(1, 200), k=st.integers(2, 20), side=st.sampled_from([2, 10, 128]))
@few
def test_iterations_are_those_of_a_plain_lloyd(name, seed, n, k, side):
    points, start = integer_points(seed, n, side), integer_centers(seed, k, side)
    labels, centers = iterate(name, points, start, 12)
    expected, used = naive_lloyd(points, start, 12)
    np.testing.assert_array_equal(labels.reshape(-1), expected)
    np.testing.assert_array_equal(centers, used)


@pytest.fixture(scope="module")
def photo():
    return generate_photo(72, 48, 1)


@pytest.fixture(scope="module")
def colors(photo):
    return DistinctRGB(photo.reshape(-1, 3))


@pytest.mark.parametrize("name", SEEDINGS)
@pytest.mark.parametrize("k", [1, 2, 13, 40])
def test_every_seeding_gives_k_different_whole_centres_among_the_colours(name, k, colors):
    cells, _ = colors.cells(100, 40)
    centers = SEEDINGS[name](cells, k)
    assert centers.shape == (3, k)
    assert centers.dtype == np.float32
    assert len(np.unique(centers, axis=1).T) == k
    np.testing.assert_array_equal(centers, np.rint(centers))
    assert (centers >= rows(cells)[0].min(axis=0)[:, None]).all()
    assert (centers <= rows(cells)[0].max(axis=0)[:, None]).all()


def bins_of(coordinates):
    return ((coordinates / SCALE + CENTER) // 8).astype(int)


def squared_error(coordinates, weights):
    mean = weights @ coordinates / weights.sum()
    return weights @ np.square(coordinates - mean).sum(axis=1)


@given(seed=seeds, n=st.integers(2, 60))
@few
def test_the_first_of_wus_cuts_is_the_best_of_all_planes_between_bins(seed, n):
    points = integer_points(seed, n, 100)
    coordinates, weights = (values.astype(np.float64) for values in rows(points))
    bins = bins_of(coordinates)
    errors = [
        squared_error(coordinates[below], weights[below]) + squared_error(coordinates[~below], weights[~below])
        for axis, plane in product(range(3), range(1, 32))
        if 0 < np.count_nonzero(below := bins[:, axis] < plane) < n
    ]
    centers = wu(points, 2)
    if not errors:
        assert centers.shape[1] == 1
        return
    # Its centres are the means of its two halves, so no point costs more than in the best halves, but for rounding.
    to_nearest = np.square(coordinates[:, :, None] - centers).sum(axis=1).min(axis=1)
    assert weights @ to_nearest <= min(errors) + weights.sum()


@given(seed=seeds)
@few
def test_wus_cuts_end_at_one_centre_for_each_bin_in_use(seed):
    points = integer_points(seed, 40, 100)
    coordinates, weights = rows(points)
    bins = bins_of(coordinates)
    means = {
        tuple(np.rint(np.average(coordinates[mine], axis=0, weights=weights[mine])))
        for one in np.unique(bins, axis=0)
        if (mine := (bins == one).all(axis=1)).any()
    }
    found = {tuple(center) for center in wu(points, 100).T}
    # A bin whose points are all alike is not cut from others only if those are like it too.
    assert found == means


def test_the_moves_go_on_from_where_lloyds_iteration_ends(colors):
    cells, _ = colors.cells(100, 16)
    start = SEEDINGS["random colours"](cells, 16)
    errors = [
        palette_error(colors, finished(colors, centers))
        for centers in (start, converged(cells, start), moved(cells, start))
    ]
    assert errors[0] > errors[2]
    assert errors[1] > errors[2]


def test_the_error_of_a_palette_is_that_of_the_common_judge(photo, colors):
    palette = finished(colors, SEEDINGS["Wu's cuts"](colors.points, 9))
    assert palette.shape == (9, 3)
    assert palette_error(colors, palette) == pytest.approx(palette_mse(photo, palette) * 72 * 48, rel=1e-12)


@pytest.mark.parametrize("k", [2, 16, 64])
def test_growth_and_moves_put_together_here_are_mkm(k, photo, colors):
    cells, _ = colors.cells(EFFORT_TABLE["fast"].fineness, k)
    palette = finished(colors, moved(cells, SEEDINGS["growth by splits (MKM)"](cells, k)))
    reduced = reduce_pixels(photo.reshape(-1, 3), k)
    assert {tuple(color) for color in palette} == {tuple(color) for color in reduced.palette}
    assert palette_error(colors, palette) == reduced.sse


def test_a_slow_function_runs_once_and_a_fast_one_as_often_as_asked(monkeypatch):
    clock = iter([0.0, 1.0, 5.0, 5.1, 6.0, 6.05])
    monkeypatch.setattr("search.time.perf_counter", lambda: next(clock))
    assert timed(lambda: "slow", 2) == ("slow", 1.0)
    result, seconds = timed(lambda: "fast", 2)
    assert result == "fast"
    assert seconds == pytest.approx(0.05)


def test_errors_are_relative_to_the_lowest_on_each_photo():
    figures = Figures()
    figures.errors["s", "t", "a", 8] += [1.0, 3.0]
    figures.errors["s", "t", "b", 8] += [2.0, 2.0]
    figures.seconds["s", "u", "a", 8] += [0.001, 0.003]
    assert figures.best(8) == [1.0, 2.0]
    assert figures.cell(("s", "t", "a", 8)) == "1.2500"
    assert figures.cell(("s", "t", "b", 8)) == "1.5000"
    assert figures.cell(("s", "u", "a", 8)) == "2.00"
    assert figures.cell(("s", "u", "b", 8)) == "-"


def test_photos_are_taken_evenly_from_a_folder(tmp_path):
    for index in range(7):
        Image.new("RGB", (2, 2)).save(tmp_path / f"{index}.png")
    assert [name for name, _ in spread_images(tmp_path, 3)] == ["0.png", "2.png", "4.png"]
    assert len(list(spread_images(tmp_path, 100))) == 7


def test_a_photo_of_few_colours_is_left_out_and_told(capsys):
    flat = np.zeros((4, 4, 3), np.uint8)
    assert not study([("flat", flat)], [8], 1).errors
    assert "flat is left out" in capsys.readouterr().err


def test_the_page_has_every_row_at_every_k_and_the_efforts_stay_as_they_are(tmp_path, capsys):
    efforts = dict(EFFORT_TABLE)
    Image.fromarray(generate_photo(64, 48, 3)).save(tmp_path / "a.png")
    main([str(tmp_path), "--colors", "2,6", "--repeats", "1", "--out", str(tmp_path / "page.md")])
    page = (tmp_path / "page.md").read_text("utf-8")
    assert capsys.readouterr().out.strip() == page.strip()
    assert page.count(" K = 2 |") == page.count(" K = 6 |") == 5 + 5 + 2
    for name in (*SEEDINGS, *BOUNDS, "fast, no moves", "best"):
        assert f"| {name} " in page
    assert "| - |" not in page
    assert efforts == EFFORT_TABLE
