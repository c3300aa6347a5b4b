"""Shapes are where their pixels are, and what is cut off is what lies outside."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from icsys.choices import FITS
from icsys.image.view import View
from icsys.labels.shapes import (
    ShapeMap,
    bounds,
    clip_line,
    clip_polygon,
    line_length,
    polygon_area,
    rectangle_corners,
)
from label_pictures import STORED, VIEWS, seen_box, view_of

RECTANGLE = (10.0, 20.0, 50.0, 45.0)
coordinates = st.integers(-300, 900).map(lambda number: number / 10)
points = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9).map(np.array)
views = st.builds(
    lambda stored, turn, size, fit: View.of(stored, turn, Options(size=size, fit=fit)),
    st.tuples(st.integers(1, 99), st.integers(1, 99)),
    st.integers(1, 8),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from(FITS),
)


def winding(polygon, samples):
    """Return how often a polygon winds around each sample, from the angles that its edges span."""
    around = polygon[None] - samples[:, None]
    angles = np.arctan2(around[..., 1], around[..., 0])
    steps = (np.roll(angles, -1, axis=1) - angles + np.pi) % (2 * np.pi) - np.pi
    return np.rint(steps.sum(axis=1) / (2 * np.pi)).astype(int)


def samples_in(rectangle, count=23):
    left, top, right, bottom = rectangle
    steps = (np.arange(count) + 0.4873) / count
    x, y = np.meshgrid(left + steps * (right - left), top + steps * (bottom - top))
    return np.column_stack([x.ravel(), y.ravel()])


@given(points)
def test_a_clipped_polygon_winds_around_every_point_inside_as_before_and_around_none_outside(polygon):
    clipped = clip_polygon(polygon, RECTANGLE)
    samples = samples_in(RECTANGLE) + 0.00317
    expected = winding(polygon, samples)
    found = winding(clipped, samples) if len(clipped) else np.zeros(len(samples), int)
    assert (found == expected).all()
    if len(clipped):
        assert (clipped >= np.array(RECTANGLE[:2]) - 2e-6).all()
        assert (clipped <= np.array(RECTANGLE[2:]) + 2e-6).all()


@given(points)
def test_a_clipped_polygon_keeps_the_points_inside_in_their_order(polygon):
    low, high = np.array(RECTANGLE[:2]), np.array(RECTANGLE[2:])
    inside = [tuple(point) for point in polygon if (point >= low).all() and (point <= high).all()]
    left = [tuple(point) for point in clip_polygon(polygon, RECTANGLE)]
    rest = iter(left)
    assert all(point in rest for point in inside)
    if len(inside) == len(polygon):
        assert left == inside


@given(points)
def test_the_area_is_that_of_a_fan_of_triangles(polygon):
    first = polygon[0]
    triangles = sum(np.linalg.det([b - first, c - first]) / 2 for b, c in itertools.pairwise(polygon))
    assert polygon_area(polygon) == pytest.approx(abs(triangles), abs=1e-6)


@given(points)
def test_a_clipped_line_has_the_samples_that_lie_inside(line):
    left = clip_line(line, RECTANGLE)
    steps = np.linspace(0, 1, 2000, endpoint=False)[:, None]
    dense = np.concatenate([a + steps * (b - a) for a, b in itertools.pairwise(line)])
    low, high = np.array(RECTANGLE[:2]), np.array(RECTANGLE[2:])
    inside = ((dense >= low) & (dense <= high)).all(axis=1)
    lengths = np.repeat(np.hypot(*np.diff(line, axis=0).T) / 2000, 2000)
    assert sum(map(line_length, left)) == pytest.approx(lengths[inside].sum(), abs=0.6)
    for part in left:
        assert len(part) > 1
        assert (part >= low - 1e-5).all()
        assert (part <= high + 1e-5).all()


def test_a_line_that_leaves_and_comes_back_becomes_two():
    line = np.array([(0.0, 5.0), (12.0, 5.0), (12.0, 8.0), (0.0, 8.0)])
    assert [part.tolist() for part in clip_line(line, (0, 0, 10, 10))] == [[[0, 5], [10, 5]], [[10, 8], [0, 8]]]
    assert [part.tolist() for part in clip_line(line, (0, 0, 20, 20))] == [line.tolist()]


def test_a_concave_polygon_that_falls_apart_stays_one_of_the_same_area():
    fork = np.array(
        [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (7.0, 10.0), (7.0, 2.0), (3.0, 2.0), (3.0, 10.0), (0.0, 10.0)]
    )
    clipped = clip_polygon(fork, (0, 5, 10, 10))
    assert polygon_area(clipped) == 30
    assert clip_polygon(fork, (20, 5, 30, 10)).shape == (0, 2)


@pytest.mark.parametrize(("turn", "way"), VIEWS, ids=str)
def test_a_box_is_where_the_output_shows_it_in_each_orientation_and_fit(turn, way):
    random = np.random.default_rng(turn)
    shapes = ShapeMap(view_of(turn, way), "stored")
    for _ in range(2):
        left, top = random.integers(0, STORED[0] - 40), random.integers(0, STORED[1] - 30)
        box = (int(left), int(top), int(left + random.integers(24, 36)), int(top + random.integers(20, 26)))
        part, seen = shapes.box(np.reshape(box, (2, 2)).astype(float)), seen_box(turn, box, way)
        if part is None or seen is None:
            assert part is seen is None
        else:
            assert part.points.ravel() == pytest.approx(seen, abs=0.15)


@given(views, st.sampled_from(["upright", "stored"]), st.integers(0, 2**32))
def test_a_box_and_its_polygon_are_cut_alike(view, on, seed):
    shapes = ShapeMap(view, on)
    corners = np.random.default_rng(seed).uniform(-0.2, 1.2, (2, 2)) * shapes.source
    box, polygon = shapes.box(corners), shapes.polygon(rectangle_corners(bounds(corners)))
    assert (box is None) == (polygon is None)
    if box is not None:
        assert box.cut == polygon.cut
        assert bounds(polygon.points) == pytest.approx(box.points, abs=1e-5)
    if not shapes.crops:
        assert box is not None
        assert not box.cut


@given(views, st.integers(0, 2**32), st.floats(0, 1))
def test_what_has_less_than_the_visible_share_is_dropped(view, seed, share):
    corners = np.sort(np.random.default_rng(seed).uniform(0, 1, (2, 2)), axis=0) * view.upright
    left, top, right, bottom = view.plan.box
    low, high = np.clip(corners, (left, top), (right, bottom))
    visible = float(np.prod(high - low) / np.prod(corners[1] - corners[0]))
    if abs(visible - share) > 1e-6:
        assert (ShapeMap(view, "upright", share).box(corners) is None) == (visible < share or visible == 0)


@given(views, st.integers(0, 2**32))
def test_what_lies_in_the_crop_is_only_mapped(view, seed):
    shapes = ShapeMap(view, "upright", 1.0)
    left, top, right, bottom = view.plan.box
    corners = np.random.default_rng(seed).uniform((left, top), (right, bottom), (4, 2))
    mapped = view.map(corners)
    for part in (shapes.polygon(corners), *shapes.line(corners)):
        assert part.points == pytest.approx(mapped, abs=1e-9)
        assert not part.cut
    found, visible = shapes.visible(corners)
    assert found == pytest.approx(mapped, abs=1e-9)
    assert visible.all()


def test_a_point_outside_the_crop_is_not_visible_and_one_over_the_edge_that_is_not_cropped_is():
    shapes = ShapeMap(View.of((100, 50), 1, Options(size=(25, 25), fit="cover")), "upright")
    found, visible = shapes.visible(np.array([(24.0, 10.0), (26.0, 10.0), (75.0, 25.0), (50.0, 50.2), (50.0, -1.0)]))
    assert visible.tolist() == [False, True, True, True, True]
    assert found[3:].tolist() == [[12.5, 25.0], [12.5, 0.0]]


def test_without_a_crop_what_lies_over_the_edge_is_kept():
    shapes = ShapeMap(View.of((100, 50), 1, Options(size=(50, 50), fit="pad")), "upright", 1.0)
    over = np.array([(-10.0, -4.0), (110.0, 54.0)])
    assert shapes.box(over).points.tolist() == [[-5, 10], [55, 39]]
    assert len(shapes.polygon(over).points) == 2
    assert shapes.visible(over)[1].all()


def test_of_an_oriented_box_the_smallest_along_its_axes_is_left():
    shapes = ShapeMap(View.of((200, 100), 1, Options(size=(100, 100), fit="cover")), "upright")
    box = np.array([(30.0, 40.0), (70.0, 10.0), (88.0, 34.0), (48.0, 64.0)])  # 50 x 30, crop from x = 50
    part = shapes.oriented_box(box)
    u, v = (box[1] - box[0]) / 50, (box[3] - box[0]) / 30
    visible = clip_polygon(box, (50, 0, 150, 100)) - box[0]
    assert part.cut
    sides = part.points - (box[0] - (50, 0))
    assert (sides @ u).tolist() == pytest.approx([low := (visible @ u).min(), 50, 50, low])
    assert (sides @ v).tolist() == pytest.approx([0, 0, 30, 30])
    assert shapes.oriented_box(box - (60, 0)) is None
    assert shapes.oriented_box(box - (-30, 0)).points.tolist() == (box - (20, 0)).tolist()


def test_a_shape_without_an_area_is_kept_while_it_touches_the_picture():
    shapes = ShapeMap(View.of((200, 100), 1, Options(size=(100, 100), fit="cover")), "upright", 0.5)
    assert shapes.box(np.array([(100.0, 10.0), (100.0, 30.0)])).points.tolist() == [[50, 10], [50, 30]]
    assert shapes.box(np.array([(20.0, 10.0), (20.0, 30.0)])) is None
    assert shapes.polygon(np.array([(100.0, 10.0), (100.0, 30.0)])) is not None
