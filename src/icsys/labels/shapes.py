"""Shapes of one image, mapped to its output: boxes, polygons, lines and points, cut off where the fit crops.

Points are float64, continuous: pixel (0, 0) covers x and y from 0 to 1. A rectangle is left, top, right and bottom.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.image.view import View

    Points = NDArray[np.float64]
    Rectangle = tuple[float, float, float, float]

ROUNDING = 1e-6
"""Pixels by which places may differ that are computed."""

_SHARE_ROUNDING = 1e-9
_CORNERS = np.array([(0, 1), (2, 1), (2, 3), (0, 3)])  # of a rectangle, in the order of its sides


class Part(NamedTuple):
    """What is left of a shape.

    Attributes
    ----------
    points
        Shape (N, 2).
    cut
        Whether the crop took anything of it.
    """

    points: Points
    cut: bool


class ShapeMap:
    """The map of shapes of one image to its output.

    Where the view crops the image, shapes are cut off at the edge of the picture on the canvas. Where it does not, all
    of them is kept, also what a source has drawn beyond the edge.

    Parameters
    ----------
    view
        How the image becomes its output.
    on
        ``upright`` or ``stored``: which picture the shapes lie on.
    min_visibility
        The share of a shape's area, or length, inside the image that has to be left; with less it is dropped. With 0
        it is dropped if nothing is left.
    """

    def __init__(self, view: View, on: str, min_visibility: float = 0.0) -> None:
        self.min_visibility = min_visibility
        self._view, self._on = view, on
        self.matrix = view.matrix(on)
        self.source = view.upright if on == "upright" else view.stored
        self.output = view.output
        self.rectangle = view.rectangle
        left, top, right, bottom = view.plan.box
        width, height = view.upright
        self.crops = max(left, top, width - right, height - bottom) > ROUNDING

    @cached_property
    def whole(self) -> Rectangle:
        """The rectangle that the whole source would take: with a crop, more than :attr:`rectangle`."""
        found = bounds(self.points(np.array([(0.0, 0.0), self.source])))
        return (float(found[0, 0]), float(found[0, 1]), float(found[1, 0]), float(found[1, 1]))

    @property
    def moves_nothing(self) -> bool:
        """Whether every point stays where it is, in pixels."""
        return self.source == self.output and bool(np.array_equal(self.matrix, np.eye(2, 3)))

    def points(self, points: Points) -> Points:
        """Map points, shape (N, 2), wherever they lie."""
        return self._view.map(points, self._on)

    def visible(self, points: Points) -> tuple[Points, NDArray[np.bool_]]:
        """Map points, shape (N, 2); tell which of them the crop leaves, shape (N,), bool."""
        mapped = self.points(points)
        if not self.crops:
            return mapped, np.ones(len(mapped), np.bool_)
        inside = _into(mapped, self.whole)
        left, top, right, bottom = self.rectangle
        low, high = np.array([left, top]) - ROUNDING, np.array([right, bottom]) + ROUNDING
        return _into(inside, self.rectangle), np.all((inside >= low) & (inside <= high), axis=1)

    def box(self, corners: Points) -> Part | None:
        """Map a box, two opposite corners, shape (2, 2); return its top left and bottom right, None if dropped."""
        mapped = bounds(self.points(corners))
        if not self.crops:
            return Part(mapped, cut=False)
        base, left = _into(mapped, self.whole), _into(mapped, self.rectangle)
        (areas, kept) = (float(np.prod(one[1] - one[0])) for one in (base, left))
        return self._part(left, kept, areas, touches=_overlap(mapped, self.rectangle))

    def polygon(self, points: Points) -> Part | None:
        """Map a polygon, shape (N, 2), and cut it with :func:`clip_polygon`; None if dropped."""
        mapped = self.points(points)
        if not self.crops:
            return Part(mapped, cut=False)
        base, left = clip_polygon(mapped, self.whole), clip_polygon(mapped, self.rectangle)
        return self._part(left, polygon_area(left), polygon_area(base), touches=len(left) > 0)

    def oriented_box(self, corners: Points) -> Part | None:
        """Map an oriented box, its corners in order, shape (4, 2); None if dropped.

        Of a box that is cut, the smallest box along the same axes is left that holds all of it that is visible; so its
        corners may lie outside the picture.
        """
        part = self.polygon(corners)
        if part is None:
            return None
        mapped = self.points(corners)
        origin, first, _, last = mapped
        axes = np.column_stack([first - origin, last - origin])
        if not part.cut or abs(np.linalg.det(axes)) < ROUNDING:
            return Part(mapped, part.cut)
        (u0, v0), (u1, v1) = bounds(np.linalg.solve(axes, (part.points - origin).T).T)
        return Part(np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)]) @ axes.T + origin, cut=True)

    def line(self, points: Points) -> list[Part]:
        """Map a line of several points, shape (N, 2); return the parts that are left, in order, empty if dropped."""
        mapped = self.points(points)
        if not self.crops:
            return [Part(mapped, cut=False)]
        base, left = clip_line(mapped, self.whole), clip_line(mapped, self.rectangle)
        lengths, kept = (sum(map(line_length, lines)) for lines in (base, left))
        whole = self._part(mapped, kept, lengths, touches=bool(left))
        return [] if whole is None else [Part(one, whole.cut) for one in left]

    def _part(self, points: Points, kept: float, whole: float, *, touches: bool) -> Part | None:
        """Return what is left if that is enough: ``kept`` of the area, or length, of ``whole``.

        A shape without an area is kept as long as it touches the picture.
        """
        share = kept / whole if whole > 0 else float(touches)
        if share <= 0 or share < self.min_visibility - _SHARE_ROUNDING:
            return None
        return Part(points, cut=share < 1 - _SHARE_ROUNDING)


def bounds(points: Points) -> Points:
    """Return the top left and bottom right, shape (2, 2), of points, shape (N, 2)."""
    return np.array([points.min(axis=0), points.max(axis=0)])


def rectangle_corners(box: Points) -> Points:
    """Return the four corners, shape (4, 2), of a box, shape (2, 2), clockwise from its top left.

    Examples
    --------
    >>> rectangle_corners(np.array([(1.0, 2.0), (5.0, 4.0)])).tolist()
    [[1.0, 2.0], [5.0, 2.0], [5.0, 4.0], [1.0, 4.0]]
    """
    return box.ravel()[_CORNERS]


def polygon_area(points: Points) -> float:
    """Return the area of a polygon, shape (N, 2), by the shoelace formula; 0 for fewer than three points.

    Examples
    --------
    >>> polygon_area(np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 3.0)]))
    6.0
    """
    if len(points) < 3:  # noqa: PLR2004 - a triangle
        return 0.0
    points = points - points[0]
    (x, y), (x0, y0) = points.T, _previous(points).T
    return abs(float(x0 @ y - y0 @ x)) / 2


def line_length(points: Points) -> float:
    """Return the length of a line of several points, shape (N, 2)."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def clip_polygon(points: Points, rectangle: Rectangle) -> Points:
    """Return what a polygon has inside a rectangle, with the algorithm of Sutherland and Hodgman (1974).

    The order of the points is kept. A concave polygon that falls apart is returned as one, whose parts are joined by
    edges along the rectangle; they add no area.

    Parameters
    ----------
    points
        Shape (N, 2); the last is joined to the first.

    Returns
    -------
    numpy.ndarray
        Shape (M, 2); M is 0 if nothing is inside.
    """
    left, top, right, bottom = rectangle
    if (points >= (left, top)).all() and (points <= (right, bottom)).all():
        return points
    for axis, bound, sign in _sides(rectangle):
        if not len(points):
            break
        distance = sign * (points[:, axis] - bound)
        distance[np.abs(distance) < ROUNDING] = 0
        if (distance >= 0).all():
            continue
        before, distance_before = _previous(points), _previous(distance)
        inside, inside_before = distance >= 0, distance_before >= 0
        crossings = _crossings(before, points, distance_before, distance)
        crossings[:, axis] = bound
        steps = np.stack([crossings, points], axis=1)
        points = steps[np.stack([inside != inside_before, inside], axis=1)]
    return points


def clip_line(points: Points, rectangle: Rectangle) -> list[Points]:
    """Return the parts, each of shape (M, 2), that a line of several points, shape (N, 2), has inside a rectangle."""
    parts: list[list[Points]] = []
    for begin, end in itertools.pairwise(points):
        piece = _clip_edge(begin, end, rectangle)
        if piece is None:
            continue
        first, last = piece
        if parts and np.array_equal(parts[-1][-1], first) and np.array_equal(first, begin):
            parts[-1].append(last)
        else:
            parts.append([first, last])
    return [np.array(part) for part in parts]


def _clip_edge(begin: Points, end: Points, rectangle: Rectangle) -> tuple[Points, Points] | None:
    """Return the ends of what an edge has inside a rectangle, as Liang and Barsky (1984) find it."""
    first, last = 0.0, 1.0
    for axis, bound, sign in _sides(rectangle):
        at, to = sign * (begin[axis] - bound), sign * (end[axis] - bound)
        if max(at, to) < -ROUNDING:
            return None
        if at < -ROUNDING:
            first = max(first, at / (at - to))
        elif to < -ROUNDING:
            last = min(last, at / (at - to))
    if first >= last:
        return None
    step = end - begin
    return (begin if first == 0 else begin + first * step), (end if last == 1 else begin + last * step)


def _sides(rectangle: Rectangle) -> tuple[tuple[int, float, int], ...]:
    """Return the axis and place of each side, and the sign of a distance to it that lies inside."""
    left, top, right, bottom = rectangle
    return (0, left, 1), (1, top, 1), (0, right, -1), (1, bottom, -1)


def _crossings(before: Points, points: Points, distance_before: Points, distance: Points) -> Points:
    """Return where the edges, shape (N, 2) each, cross a side; what stands where an edge does not is of no use."""
    across = distance_before - distance
    share = distance_before / np.where(across == 0, 1.0, across)
    return before + share[:, None] * (points - before)


def _previous(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each row the one before it, and for the first the last; np.roll takes four times as long."""
    return np.concatenate([values[-1:], values[:-1]])


def _into(points: Points, rectangle: Rectangle) -> Points:
    """Move points that lie outside a rectangle to its edge."""
    left, top, right, bottom = rectangle
    return np.clip(points, (left, top), (right, bottom))


def _overlap(box: Points, rectangle: Rectangle) -> bool:
    """Return whether a box touches a rectangle."""
    left, top, right, bottom = rectangle
    return bool(box[0, 0] <= right and box[0, 1] <= bottom and box[1, 0] >= left and box[1, 1] >= top)
