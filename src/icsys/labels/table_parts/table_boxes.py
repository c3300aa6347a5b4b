"""Columns of tables that hold boxes, known by their names: where they are, and what they become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from icsys.labels.numbers import decimal_text, is_whole_number, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.labels.coco_parts.coco_shapes import AnnotationMap

_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2"),
    ("x0", "y0", "x1", "y1"),
    ("left", "top", "right", "bottom"),
)
_SIDES = (("x", "y", "w", "h"), ("xmin", "ymin", "w", "h"), ("left", "top", "w", "h"))
_SIZES = (("width", "height"), ("imagewidth", "imageheight"), ("imgwidth", "imgheight"), ("imgw", "imgh"))
_TEXT = "bbox"
_PREFIX = re.compile(r"^(?:bbox|box|roi)(?=.)")
_PLACES = re.compile(
    r"(?:bbox(?:es)?|box(?:es)?(?:string)?|polygons?|segmentation|encodedpixels|rle|keypoints?|landmarks?|points?"
    r"|[xywh]\d?|[xy](?:min|max|center|centre)|.+_[xy]\d?)"
)
_TEXT_OF_BOX = re.compile(r"\s*\[([^\[\]]*)\]\s*")
_PIXEL_DIGITS, _UNIT_DIGITS = 3, 6
_SIZE_OFF = 1.0  # pixel, by which a box may exceed the picture
_BOX = 4


class BoxColumns(NamedTuple):
    """Where a table has boxes.

    Attributes
    ----------
    columns
        Positions of four columns, or of one whose text is ``[x, y, w, h]``.
    has_corners
        Whether the numbers are left, top, right and bottom; otherwise left, top, width and height.
    size
        Positions of the width and height of the picture; None if the table states none.
    is_unit
        Whether the numbers are shares of the sides of the picture.
    """

    columns: tuple[int, ...]
    has_corners: bool
    size: tuple[int, int] | None
    is_unit: bool = False

    def read(self, row: Sequence[str]) -> list[float] | None:
        """Return left, top, width and height; None where a row has no box.

        Raises
        ------
        ValueError
            If a row has something else.
        """
        texts = self._texts(row)
        if not any(text.strip() for text in texts):
            return None
        numbers = [plain_number(text.strip()) for text in texts]
        box = [number for number in numbers if number is not None]
        if len(box) != _BOX:
            raise ValueError(f"the box {', '.join(texts)[:60]}: expected four numbers")
        if self.has_corners:
            box[2], box[3] = box[2] - box[0], box[3] - box[1]
            if min(box[2:]) < 0:
                raise ValueError(f"the box {', '.join(texts)[:60]}: expected left, top, right, bottom")
        return box

    def stated_size(self, row: Sequence[str]) -> tuple[int, int] | None:
        """Return width and height of the picture as a row states it; None if it states none."""
        if self.size is None:
            return None
        width, height = (plain_number(row[at].strip()) for at in self.size)
        return None if width is None or height is None else (int(width), int(height))

    def mapped(self, row: Sequence[str], box: list[float], shapes: AnnotationMap) -> tuple[dict[int, str], float]:
        """Return the new texts of columns of a row with a box, and the share of the box that is left."""
        if self.is_unit:
            box = _scaled(box, shapes.source)
        box, share = shapes.box(box)
        if self.is_unit:
            box = _scaled(box, (1 / shapes.output[0], 1 / shapes.output[1]))
        if self.has_corners:
            box = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
        digits = _UNIT_DIGITS if self.is_unit else _PIXEL_DIGITS
        texts = [
            str(round(number)) if is_whole_number(before.strip()) and number % 1 == 0 else decimal_text(number, digits)
            for number, before in zip(box, self._texts(row), strict=True)
        ]
        changes = dict(zip(self.columns, texts, strict=True)) if len(self.columns) == _BOX else {}
        return changes or {self.columns[0]: f"[{', '.join(texts)}]"}, share

    def resized(self, row: Sequence[str], size: tuple[int, int]) -> dict[int, str]:
        """Return the new texts of the columns of the size of the picture."""
        if self.size is None or self.stated_size(row) is None:
            return {}
        return {at: str(side) for at, side in zip(self.size, size, strict=True)}

    def _texts(self, row: Sequence[str]) -> list[str]:
        if len(self.columns) == _BOX:
            return [row[at] for at in self.columns]
        text = row[self.columns[0]]
        match = _TEXT_OF_BOX.fullmatch(text)
        return match[1].split(",") if match else [text]

    @property
    def last(self) -> int:
        """The last column that is read."""
        return max(*self.columns, *(self.size or (0,)))


def find_boxes(header: Sequence[str]) -> BoxColumns | None:
    """Return where a table has boxes, if its names leave no doubt.

    Left, top, right and bottom are known by their names; so are left, top, width and height beside the width and height
    of the picture, in four columns or as the text of one that is called ``bbox``.

    Examples
    --------
    >>> find_boxes(["image_id", "xmin", "ymin", "xmax", "ymax"]).columns
    (1, 2, 3, 4)
    >>> find_boxes(["image_id", "width", "height", "bbox"])
    BoxColumns(columns=(3,), has_corners=False, size=(1, 2), is_unit=False)
    >>> find_boxes(["image_id", "x", "y", "width", "height"]) is None
    True
    """
    places = {_plain_name(name): at for at, name in enumerate(header)}
    whole = {_letters(name): at for at, name in enumerate(header)}
    found_sizes = [tuple(whole[name] for name in names) for names in _SIZES if set(names) <= set(whole)]
    size = (found_sizes[0][0], found_sizes[0][1]) if found_sizes else None
    for names in _CORNERS:
        if set(names) <= set(places):
            return BoxColumns(tuple(places[name] for name in names), has_corners=True, size=size)
    if size is None:
        return None
    for names in _SIDES:
        if set(names) <= set(places):
            return BoxColumns(tuple(places[name] for name in names), has_corners=False, size=size)
    return BoxColumns((whole[_TEXT],), has_corners=False, size=size) if _TEXT in whole else None


def fitted(boxes: BoxColumns, rows: Sequence[tuple[Sequence[str], tuple[int, int] | None]]) -> BoxColumns | None:
    """Return the columns as the values of some rows show them to be; None if they fit no boxes.

    Parameters
    ----------
    boxes
        As their names show them.
    rows
        Rows, each with the width and height of its picture, in pixels, if they are known.
    """
    found = [(box, size, row) for row, size in rows if len(row) > boxes.last and (box := _box_or_none(boxes, row))]
    if not found:
        return boxes
    if boxes.size and all(boxes.stated_size(row) == (round(box[2]), round(box[3])) for box, _, row in found):
        boxes = boxes._replace(size=None)  # these are the sides of the box
    far = [max(box[0] + box[2], box[1] + box[3]) for box, _, _ in found]
    if max(far) <= 1 and any(number % 1 for box, _, _ in found for number in box):
        return boxes._replace(is_unit=True)
    off = [one - max(size) for one, (_, size, _) in zip(far, found, strict=True) if size is not None]
    return boxes if not off or 2 * sum(one <= _SIZE_OFF for one in off) > len(off) else None


def unmapped_places(header: Sequence[str], boxes: BoxColumns | None) -> list[str]:
    """Return names of columns that look as if they hold places in the picture, and are not mapped.

    Examples
    --------
    >>> unmapped_places(["image_id", "width", "bbox", "lefteye_x", "label"], None)
    ['bbox', 'lefteye_x']
    """
    mapped = boxes.columns if boxes else ()
    return [
        name
        for at, name in enumerate(header)
        if at not in mapped and (_PLACES.fullmatch(name.lower()) or _PLACES.fullmatch(_plain_name(name)))
    ]


def _box_or_none(boxes: BoxColumns, row: Sequence[str]) -> list[float] | None:
    try:
        return boxes.read(row)
    except ValueError:
        return None


def _scaled(box: list[float], size: tuple[float, float]) -> list[float]:
    return [number * size[at % 2] for at, number in enumerate(box)]


def _letters(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(character for character in name.lower() if character.isalnum())


def _plain_name(name: str) -> str:
    """Return these without what says that a column is of a box."""
    return _PREFIX.sub("", _letters(name))
