"""The types of shapes in files of LabelMe, and of programs that write its format."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import ImageError
from icsys.image.png_encoder import PNG_SIGNATURE, encode_truecolor
from icsys.image.read_output import read_pixels
from icsys.labels.shapes import bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.labels.shapes import Part, Points, ShapeMap

    Shape = dict[str, Any]

_DIGITS = 4
_PAIR, _CORNERS = 2, 4
_ROUND = np.linspace(0, 2 * math.pi, 64, endpoint=False)  # angles of the polygon in place of a circle
_SAME = 0.25  # pixels: how far a stretched circle may be from one
_TINY = 1e-9  # pixels: rounding of places that are computed
_SIZE_AT = len(PNG_SIGNATURE) + 8  # where a PNG has its width and height


def map_unknown_shape(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    """Map the points of a shape of a type that is not known; it is dropped if its polygon is."""
    part = shapes.polygon(points)
    return [] if part is None else [_with_points(shape, shapes.points(points))]


def _polygon(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    return _of_part(shape, shapes.polygon(points))


def _rectangle(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    """Map a rectangle: two opposite corners, or four."""
    return _of_part(shape, shapes.box(points) if len(points) == _PAIR else shapes.polygon(points))


def _oriented(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    """Map an oriented box of four corners, with its direction in radians."""
    if len(points) != _CORNERS:
        return _polygon(shape, points, shapes)
    found = _of_part(shape, shapes.oriented_box(points))
    direction = shape.get("direction")
    if found and type(direction) in {int, float} and isinstance(direction, int | float) and abs(direction) < 2**53:
        turned = _angle(shapes.points(points)) - _angle(points)
        found[0]["direction"] = round((direction + turned) % (2 * math.pi), _DIGITS)
    return found


def _circle(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    """Map a circle: its centre, and a point on it."""
    if len(points) != _PAIR:
        return map_unknown_shape(shape, points, shapes)
    radius = float(np.hypot(*(points[1] - points[0])))
    part = shapes.polygon(points[0] + radius * np.column_stack([np.cos(_ROUND), np.sin(_ROUND)]))
    mapped = shapes.points(points)
    stretch = np.hypot(*shapes.matrix[:, :2]) * radius
    if part is None:
        return []
    if not part.cut and abs(stretch[0] - stretch[1]) < _SAME:
        return [_with_points(shape, mapped)]
    return [_with_points(shape, part.points) | {"shape_type": "polygon"}]


def _line(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    if len(points) < _PAIR:
        return _points(shape, points, shapes)
    return [_with_points(shape, part.points) for part in shapes.line(points)]


def _points(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    mapped, visible = shapes.visible(points)
    return [_with_points(shape, mapped[visible])] if visible.any() else []


def _mask(shape: Shape, points: Points, shapes: ShapeMap) -> list[Shape]:
    """Map a mask: the first and the last pixel of a rectangle, and a picture of it."""
    if len(points) != _PAIR:
        raise ImageError("label_broken", f"a mask has {len(points)} points: expected two corners")
    (left, top), (right, bottom) = bounds(points).astype(int).tolist()
    size = (right - left + 1, bottom - top + 1)
    pixels = _mask_pixels(shape.get("mask"), size, shapes)
    if shapes.moves_nothing:
        return [shape]
    y, x = np.nonzero(pixels)
    if not len(x):
        return []
    _, visible = shapes.visible(np.column_stack([x + left, y + top]) + 0.5)
    if not visible.any() or visible.mean() < shapes.min_visibility:
        return []
    place = _covered(shapes, np.array([(left, top), (right + 1, bottom + 1)], np.float64))
    found = _at_centres(pixels, (left, top), place, shapes)
    x0, y0 = place[:2]
    if not found.any():  # smaller than a pixel: the pixel that holds its middle
        middle = shapes.points(np.column_stack([x + left, y + top])[visible] + 0.5).mean(axis=0)
        x0, y0 = np.clip(middle.astype(int), 0, np.array(shapes.output) - 1).tolist()
        found = np.ones((1, 1), np.bool_)
    height, width = found.shape
    corners = np.array([(x0, y0), (x0 + width - 1, y0 + height - 1)], np.float64)
    picture = base64.b64encode(encode_truecolor(found.astype(np.uint8), few_colors=True)).decode("ascii")
    return [_with_points(shape, corners) | {"mask": picture}]


def _mask_pixels(text: object, size: tuple[int, int], shapes: ShapeMap) -> NDArray[np.bool_]:
    """Return the pixels of a mask, shape (H, W), bool."""
    if size[0] > shapes.source[0] + 1 or size[1] > shapes.source[1] + 1:
        raise ImageError("label_broken", f"a mask has {size[0]}x{size[1]} pixels: expected no more than its image")
    try:
        data = base64.b64decode(str(text), validate=True)
    except (ValueError, binascii.Error):
        data = b""
    head = data[: _SIZE_AT + 8]
    if not head.startswith(PNG_SIGNATURE) or head[_SIZE_AT:] != struct.pack(">II", *size):
        raise ImageError("label_broken", f"a mask has no picture of it: expected a PNG of {size[0]}x{size[1]} pixels")
    try:
        return np.any(read_pixels(data) > 0, axis=2)
    except ImageError as error:
        raise ImageError("label_broken", f"a mask: {error}") from None


def _covered(shapes: ShapeMap, rectangle: Points) -> tuple[int, int, int, int]:
    """Return the first column and row, and those behind the last, whose centres lie in a rectangle of the source."""
    low, high = np.clip(bounds(shapes.points(rectangle)), shapes.rectangle[:2], shapes.rectangle[2:])
    (x0, y0), (x1, y1) = np.ceil(low - 0.5).astype(int).tolist(), np.ceil(high - 0.5).astype(int).tolist()
    return x0, y0, x1, y1


def _at_centres(
    pixels: NDArray[np.bool_], origin: tuple[int, int], place: tuple[int, int, int, int], shapes: ShapeMap
) -> NDArray[np.bool_]:
    """Return the pixels of a mask at the centres of output pixels, shape (rows, columns), bool."""
    x0, y0, x1, y1 = place
    back = np.linalg.inv(shapes.matrix[:, :2])
    columns, rows = np.arange(x0, x1) + 0.5 - shapes.matrix[0, 2], np.arange(y0, y1) + 0.5 - shapes.matrix[1, 2]
    if back[0, 0] == 0:  # turned sideways
        pixels, back, origin = pixels.T, back[::-1], origin[::-1]
    height, width = pixels.shape
    x, y = _places(columns, back[0, 0], origin[0], width), _places(rows, back[1, 1], origin[1], height)
    return pixels[y[:, None], x]


def _places(centres: Points, factor: float, origin: int, size: int) -> NDArray[np.intp]:
    """Return which of ``size`` pixels of the source lies at each place of the output, along one axis.

    Of two pixels whose border is there, it is the right or the lower one of the upright picture.
    """
    places = factor * centres - origin
    found = np.floor(places + _TINY) if factor > 0 else np.ceil(places - _TINY) - 1
    return np.clip(found, 0, size - 1).astype(np.intp)


def _of_part(shape: Shape, part: Part | None) -> list[Shape]:
    return [] if part is None else [_with_points(shape, part.points)]


def _with_points(shape: Shape, points: Points) -> Shape:
    return shape | {"points": [[round(side, _DIGITS) + 0.0 for side in point] for point in points.tolist()]}


def _angle(corners: Points) -> float:
    """Return the angle of the first side of a box."""
    x, y = (corners[1] - corners[0]).tolist()
    return math.atan2(y, x)


SHAPE_TYPES: dict[str, Callable[[Shape, Points, ShapeMap], list[Shape]]] = {
    "polygon": _polygon,
    "rectangle": _rectangle,
    "rotation": _oriented,
    "circle": _circle,
    "line": _line,
    "linestrip": _line,
    "point": _points,
    "points": _points,
    "mask": _mask,
}
"""What maps a shape with its points, shape (N, 2), by its type; it returns what is left, empty if it is dropped."""
