"""Cityscapes: ``*_polygons.json`` with the polygons of an image, and the boxes of CityPersons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.image.view import drawn_on
from icsys.labels.json_text import broken_at, list_of_objects, pairs_of, read_json_object, stated_size, write_json_like
from icsys.labels.mapped_file import MappedFile
from icsys.labels.numbers import finite
from icsys.labels.shapes import ShapeMap

if TYPE_CHECKING:
    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules

_BOXES = ("bbox", "bboxVis")  # left, top, width, height
_SIZE = ("imgWidth", "imgHeight")
_DIGITS = 2
_FOUR = 4


def map_cityscapes(data: bytes, view: View, rules: LabelRules) -> MappedFile:
    """Map a file of Cityscapes to the output of its image; everything but places and sizes is kept.

    Coordinates are continuous, with two digits where they are not whole.

    Raises
    ------
    ImageError
        ``label_broken``, or ``label_size`` if ``imgWidth`` and ``imgHeight`` are not those of the image.
    """
    value = read_json_object(data)
    stated = stated_size(value, *_SIZE)
    shapes = ShapeMap(view, drawn_on(view, stated, rules.labels_on), rules.min_visibility)
    objects = list_of_objects(value.get("objects"), "objects")
    kept = [one for at, one in enumerate(objects) if _map_object(one, f"objects[{at}]", shapes)]
    if shapes.moves_nothing:
        return MappedFile(data, len(kept))
    value["objects"] = kept
    value.update(
        {name: side for name, side in zip(("imgWidth", "imgHeight"), view.output, strict=True) if name in value}
    )
    return MappedFile(write_json_like(value, data), len(kept), len(objects) - len(kept))


def _map_object(item: dict[str, Any], place: str, shapes: ShapeMap) -> bool:
    """Map the polygon or the boxes of an object; return whether it is left."""
    if "polygon" in item:
        polygon = shapes.polygon(pairs_of(item["polygon"], f"{place}.polygon"))
        if polygon is None:
            return False
        item["polygon"] = [[_number(side) for side in point] for point in polygon.points.tolist()]
    for name in _BOXES:
        if item.get(name) is None:
            continue
        sides = item[name]
        if not isinstance(sides, list) or len(sides) != _FOUR or any(finite(side) is None for side in sides):
            raise broken_at(f"{place}.{name}", "left, top, width and height", sides)
        corner, size = np.array(sides[:2], np.float64), np.array(sides[2:], np.float64)
        hidden = not size.all()  # CityPersons states zeros where nothing of a person is visible
        box = shapes.box(np.array([corner, corner + size]))
        if box is None and name == _BOXES[0]:
            return False
        if box is None or hidden:
            item[name] = [0, 0, 0, 0]
        else:
            low, high = box.points
            item[name] = [_number(side) for side in (*low.tolist(), *(high - low).tolist())]
    return True


def _number(value: float) -> float:
    """Round a coordinate; a whole one has no point, as in the source."""
    rounded = round(value, _DIGITS)
    return int(rounded) if rounded.is_integer() else rounded
