"""Boxes in the label files of single images: VOC and YOLO."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from icsys.labels.boxes.box import BoxClass, ObjectBox
from icsys.labels.numbers import plain_number
from icsys.labels.xml_text import XmlFile
from icsys.labels.yolo_lines import BOX, BOXES, KEYPOINTS, line_kind, read_yolo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_ORIENTED = ("cx", "cy", "w", "h", "angle")


def yolo_boxes(
    data: bytes, width: int, height: int, names: Mapping[int, str], keypoint_values: int | None = None
) -> Iterator[ObjectBox]:
    """Yield the boxes of a file of YOLO; of polygons and oriented boxes their bounds.

    Parameters
    ----------
    width, height
        Of the picture, in pixels.
    names
        Names of classes by their numbers; a class without one has its number as its name.
    keypoint_values
        As for :func:`~icsys.labels.yolo.map_yolo`.

    Raises
    ------
    ImageError
        ``label_broken`` if a line is none of YOLO's.

    Examples
    --------
    >>> list(yolo_boxes(b"1 0.5 0.5 0.5 0.25", 8, 4, {1: "cat"}))
    [ObjectBox(kind=BoxClass(number=1, name='cat'), left=2.0, top=1.5, right=6.0, bottom=2.5)]
    """
    objects = [line for line in read_yolo(data) if line.values]
    kind = line_kind(objects, keypoint_values)
    for line in objects:
        number = int(line.values[0])
        last = len(line.values) - kind.extras(line)
        if last == BOX or kind.name in {BOXES, KEYPOINTS}:
            x, y, across, down = line.values[1:BOX]
            left, top, right, bottom = x - across / 2, y - down / 2, x + across / 2, y + down / 2
        else:
            points = np.reshape(line.values[1:last], (-1, 2))
            (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        sides = left * width, top * height, right * width, bottom * height
        yield ObjectBox(BoxClass(number, names.get(number, str(number))), *sides)


def voc_boxes(data: bytes) -> Iterator[ObjectBox]:
    """Yield the boxes of the objects of a file of Pascal VOC; of oriented boxes their bounds.

    VOC counts pixels from 1 and includes the last one: 1 to 4 covers 0 to 4. Parts of objects are left out.

    Raises
    ------
    ImageError
        ``label_broken`` if it is no XML.
    """
    for element in XmlFile(data).root.findall("object"):
        kind = BoxClass(None, (element.findtext("name") or "").strip())
        for one in element.findall("bndbox"):
            sides = _numbers(one, _SIDES)
            if sides is not None:
                left, top, right, bottom = sides
                yield ObjectBox(kind, left - 1, top - 1, right, bottom)
        for one in element.findall("robndbox"):
            fields = _numbers(one, _ORIENTED)
            if fields is not None:
                yield ObjectBox(kind, *_bounds(*fields))


def _numbers(element: Element, names: tuple[str, ...]) -> list[float] | None:
    """Return the numbers in an element; None if one is missing."""
    values = [plain_number((element.findtext(name) or "").strip()) for name in names]
    found = [value for value in values if value is not None]
    return found if len(found) == len(names) else None


def _bounds(x: float, y: float, width: float, height: float, angle: float) -> tuple[float, float, float, float]:
    """Return the bounds of an oriented box, of its centre, size and angle."""
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    across, down = (width * cosine + height * sine) / 2, (width * sine + height * cosine) / 2
    return x - across, y - down, x + across, y + down


def reader_of(
    form: str, width: int, height: int, names: Mapping[int, str]
) -> Callable[[bytes], Iterator[ObjectBox]] | None:
    """Return what reads the boxes of label files of a form; None for forms without boxes."""
    if form == "voc":
        return voc_boxes
    values = {"yolo": None, "yolo_pose2": 2, "yolo_pose3": 3}
    if form not in values:
        return None
    return lambda data: yolo_boxes(data, width, height, names, values[form])
