"""Pascal VOC: an XML file for each image, with boxes, parts, points and polygons of its objects.

A box counts pixels from 1 and includes its last ones: ``xmin`` 1 and ``xmax`` 4 cover x from 0 to 4. A point names a
pixel in the same way, and stands for its middle. Oriented boxes (``robndbox``) have continuous coordinates.
"""

from __future__ import annotations

import copy
import math
import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import numpy as np

from icsys.errors import ImageError
from icsys.image.view import drawn_on
from icsys.labels.mapped_file import MappedFile, with_file_name
from icsys.labels.numbers import decimal_text, is_whole_number, nearest_whole, plain_number
from icsys.labels.shapes import ShapeMap, polygon_area
from icsys.labels.xml_text import XmlFile

if TYPE_CHECKING:
    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules
    from icsys.labels.shapes import Part, Points

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_ORIENTED = ("cx", "cy", "w", "h", "angle")
_MIDDLE = 0.5  # pixels from the number of a pixel, counted from 1, back to its middle
_DIGITS, _ANGLE_DIGITS = 4, 6
_SHOWN = 40  # characters
_SLANT = 1.0  # pixels: how far a side of an oriented box may be from a right angle
_SLANTED = "oriented boxes are slanted by the stretch: the nearest boxes with right angles are written"
_X, _Y = re.compile(r"x\d*"), re.compile(r"y\d*")


def map_voc(data: bytes, view: View, rules: LabelRules, file_name: str) -> MappedFile:
    """Map a file of Pascal VOC to the output of its image.

    Whole numbers stay whole numbers. ``filename``, ``path`` and ``size`` become those of the output, ``truncated`` is
    1 for an object that the crop cuts, and everything else is kept.

    Parameters
    ----------
    file_name
        The name of the output.

    Raises
    ------
    ImageError
        ``label_broken``, or ``label_size`` if ``size`` is not that of the image.
    """
    file = XmlFile(data)
    if file.root.tag != "annotation":
        line = file.line_of(file.root)
        raise ImageError("label_broken", f"line {line}: expected <annotation>, not <{str(file.root.tag)[:_SHOWN]}>")
    reader = _Reader(file, ShapeMap(view, drawn_on(view, _stated(file), rules.labels_on), rules.min_visibility))
    for name in ("filename", "path"):
        for element in file.root.findall(name):
            if element.text and element.text.strip():
                file.set_text(element, with_file_name(element.text, file_name))
    for stated, side in zip(_sizes(file.root), view.output, strict=True):
        if stated is not None:
            file.set_text(stated, str(side))
    objects = file.root.findall("object")
    dropped = [one for one in objects if not reader.map_object(one)]
    file.remove(file.root, dropped)
    return MappedFile(file.to_bytes(), len(objects) - len(dropped), len(dropped), _SLANTED if reader.slanted else None)


class _Reader:
    """Maps the objects of one file."""

    def __init__(self, file: XmlFile, shapes: ShapeMap) -> None:
        self._file, self._shapes = file, shapes
        self.slanted = False

    def map_object(self, element: Element) -> bool:
        """Map an object, or a part of one; return whether it is left."""
        left: list[Part | None] = []
        left += [self._box(one) for one in element.findall("bndbox")]
        left += [self._oriented(one) for one in element.findall("robndbox")]
        left += [self._polygon(one) for one in element.findall("polygon")]
        if any(part is None for part in left):
            return False
        if any(part is not None and part.cut for part in left):
            for one in element.findall("truncated"):
                self._file.set_text(one, "1")
        gone = [part for part in element.findall("part") if not self.map_object(part)]
        gone += [point for point in element.findall("point") if not self._point(point)]
        self._file.remove(element, gone)
        return True

    def _box(self, element: Element) -> Part | None:
        sides = [self._child(element, name) for name in _SIDES]
        left, top, right, bottom = (self._number(side) for side in sides)
        part = self._shapes.box(np.array([(left - 1, top - 1), (right, bottom)]))
        if part is None or self._shapes.moves_nothing:
            return part
        (left, top), (right, bottom) = part.points.tolist()
        if all(_is_whole(side) for side in sides):
            (left, right), (top, bottom) = _whole_pixels(left, right), _whole_pixels(top, bottom)
            texts = [str(value) for value in (left, top, right, bottom)]
        else:
            texts = [decimal_text(value, _DIGITS) for value in (left + 1, top + 1, right, bottom)]
        for side, text in zip(sides, texts, strict=True):
            self._file.set_text(side, text)
        return part

    def _oriented(self, element: Element) -> Part | None:
        fields = [self._child(element, name) for name in _ORIENTED]
        x, y, width, height, angle = (self._number(field) for field in fields)
        along = np.array([math.cos(angle), math.sin(angle)]) * width / 2
        across = np.array([-math.sin(angle), math.cos(angle)]) * height / 2
        corners = np.array([-along - across, along - across, along + across, across - along])
        part = self._shapes.oriented_box(corners + np.array([x, y]))
        if part is None or self._shapes.moves_nothing:
            return part
        along, across = part.points[1] - part.points[0], part.points[3] - part.points[0]
        self.slanted |= bool(abs(along @ across) > _SLANT * max(np.hypot(*along), np.hypot(*across)))
        values = _oriented_values(part.points)
        digits = [_DIGITS] * 4 + [_ANGLE_DIGITS]
        for field, value, most in zip(fields, values, digits, strict=True):
            self._file.set_text(field, decimal_text(value, most))
        return part

    def _polygon(self, element: Element) -> Part | None:
        """Map a polygon whose points are x1, y1, x2, y2, …, or elements that hold x and y."""
        owners = [one for one in element if one.find("x") is not None]
        columns, rows = ([one for one in element if name.fullmatch(str(one.tag))] for name in (_X, _Y))
        if owners:
            pairs = [(self._child(one, "x"), self._child(one, "y")) for one in owners]
        else:
            pairs = list(zip(columns, rows, strict=False))
        if not pairs or (not owners and len(columns) != len(rows)):
            raise self._broken(element, "expected points in <polygon>, each with x and y")
        points = np.array([(self._number(x), self._number(y)) for x, y in pairs])
        part = self._shapes.polygon(points - _MIDDLE)
        if part is None or self._shapes.moves_nothing:
            return part
        whole = all(_is_whole(one) for pair in pairs for one in pair)
        texts = [[_text(value + _MIDDLE, whole=whole) for value in point] for point in part.points.tolist()]
        if len(texts) != len(pairs):
            pairs = self._replace(element, owners or [*columns, *rows], len(texts))
        for pair, point in zip(pairs, texts, strict=True):
            for one, text in zip(pair, point, strict=True):
                self._file.set_text(one, text)
        return part

    def _replace(self, element: Element, old: list[Element], count: int) -> list[tuple[Element, Element]]:
        """Replace the points of a polygon by another number of them; return their x and y."""
        first = old[0]
        if first.find("x") is not None:
            points = [copy.deepcopy(first) for _ in range(count)]
            new, pairs = points, [(self._child(one, "x"), self._child(one, "y")) for one in points]
        else:
            numbers = ["" if first.tag == "x" else str(at) for at in range(1, count + 1)]
            pairs = [(Element(f"x{number}"), Element(f"y{number}")) for number in numbers]
            new = [one for pair in pairs for one in pair]
        children, gone = list(element), set(map(id, old))
        at = next(at for at, one in enumerate(children) if id(one) in gone)
        left = [one for one in children if id(one) not in gone]
        self._file.set_children(element, [*left[:at], *new, *left[at:]])
        return pairs

    def _point(self, element: Element) -> bool:
        fields = [self._child(element, name) for name in "xy"]
        points = np.array([[self._number(field) for field in fields]])
        mapped, visible = self._shapes.visible(points - _MIDDLE)
        if not self._shapes.moves_nothing:
            whole = all(_is_whole(field) for field in fields)
            for field, value in zip(fields, (mapped[0] + _MIDDLE).tolist(), strict=True):
                self._file.set_text(field, _text(value, whole=whole))
        return bool(visible[0])

    def _child(self, element: Element, name: str) -> Element:
        found = element.find(name)
        if found is None:
            raise self._broken(element, f"expected <{name}> in <{str(element.tag)[:_SHOWN]}>")
        return found

    def _number(self, element: Element) -> float:
        text = (element.text or "").strip()
        value = plain_number(text)
        if value is None:
            raise self._broken(element, f"expected a number in <{str(element.tag)[:_SHOWN]}>, not {text[:_SHOWN]!r}")
        return value

    def _broken(self, element: Element, message: str) -> ImageError:
        return ImageError("label_broken", f"line {self._file.line_of(element)}: {message}")


def _sizes(root: Element) -> tuple[Element | None, Element | None]:
    """Return where the size is stated, by VOC or by the XML of LabelMe's site."""
    if root.find("imagesize") is not None:
        return root.find("imagesize/ncols"), root.find("imagesize/nrows")
    return root.find("size/width"), root.find("size/height")


def _stated(file: XmlFile) -> tuple[int, int] | None:
    """Return the size that a file states; None without one, or with the zeros of programs that do not know it."""
    values = [None if one is None else plain_number((one.text or "").strip()) for one in _sizes(file.root)]
    width, height = values
    if width is None or height is None or width <= 0 or height <= 0:
        return None
    return int(width), int(height)


def _is_whole(element: Element) -> bool:
    return is_whole_number((element.text or "").strip())


def _text(value: float, *, whole: bool) -> str:
    return str(nearest_whole(value)) if whole else decimal_text(value, _DIGITS)


def _whole_pixels(low: float, high: float) -> tuple[int, int]:
    """Return the first and the last pixel, counted from 1, of continuous coordinates: at least one pixel.

    Examples
    --------
    >>> _whole_pixels(0.4, 4.4), _whole_pixels(2.6, 2.7)
    ((1, 4), (3, 3))
    """
    first, last = nearest_whole(low) + 1, nearest_whole(high)
    if first > last:
        first = last = math.floor((low + high) / 2) + 1
    return first, last


def _oriented_values(corners: Points) -> tuple[float, float, float, float, float]:
    """Return centre, width, height and angle of an oriented box, whose corners stretching may have slanted.

    Of a slanted one, the direction of its longer side and its area are kept.
    """
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    area = polygon_area(corners)
    width, height = float(np.hypot(*along)), float(np.hypot(*across))
    if width >= height:
        angle, height = math.atan2(along[1], along[0]), area / width if width else 0.0
    else:
        angle, width = math.atan2(across[1], across[0]) - math.pi / 2, area / height
    x, y = corners.mean(axis=0).tolist()
    return x, y, width, height, angle % math.pi
