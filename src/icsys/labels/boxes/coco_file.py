"""Boxes in a file of COCO, read item by item: in memory are its images and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from icsys.labels.boxes.box import BoxClass, ObjectBox
from icsys.labels.coco_parts.json_items import JsonPlace, json_parts
from icsys.labels.numbers import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIDES = 4
_MOST_NUMBER = 2**63


class ImageFinder(NamedTuple):
    """Finds images by names in a written file: functions that return a number, None for an unknown name.

    Attributes
    ----------
    output
        For the name of an output.
    source
        For a URL, which still names the source.
    """

    output: Callable[[str], int | None]
    source: Callable[[str], int | None]


class CocoFile:
    """The images and categories of a file of COCO, and its boxes.

    Parameters
    ----------
    file
        It is read twice from its beginning.
    finder
        Finds images by the names that the file has for them.
    size
        Width and height of all outputs; an image that states another size is none of them.

    Attributes
    ----------
    images
        The numbers of the images that are known, by their ids in the file.
    classes
        The classes by the ids of their categories.

    Raises
    ------
    ImageError
        ``label_broken`` if it is no JSON.
    """

    def __init__(self, file: BinaryIO, finder: ImageFinder, size: tuple[int, int]) -> None:
        self._file, self._finder, self._size = file, finder, size
        self.images: dict[Any, int] = {}
        self.classes: dict[Any, BoxClass] = {}
        file.seek(0)
        for part in json_parts(file):
            if part.place is not JsonPlace.ITEM or not isinstance(part.value, dict):
                continue
            if part.key == "images":
                self._note_image(part.value)
            elif part.key == "categories":
                self._note_class(part.value)

    def boxes(self) -> Iterator[tuple[int, ObjectBox]]:
        """Yield the number of the image, and the box, of each annotation that has a box, in the order of the file."""
        self._file.seek(0)
        for part in json_parts(self._file):
            if part.key != "annotations" or part.place is not JsonPlace.ITEM or not isinstance(part.value, dict):
                continue
            sides = _sides(part.value.get("bbox"))
            image = self.images.get(_key(part.value.get("image_id")))
            if sides is not None and image is not None:
                yield image, ObjectBox(self._class(part.value.get("category_id")), *sides)

    def _note_image(self, image: dict[str, Any]) -> None:
        stated = image.get("width"), image.get("height")
        if any(side is not None and side != own for side, own in zip(stated, self._size, strict=True)):
            return  # of an image that was not found, so that its boxes lie on something else
        name, url = image.get("file_name"), image.get("coco_url")
        number = None
        if isinstance(name, str):
            number = self._finder.output(name)
        elif isinstance(url, str):
            number = self._finder.source(url)
        if number is not None:
            self.images[_key(image.get("id"))] = number

    def _note_class(self, category: dict[str, Any]) -> None:
        found, name = category.get("id"), category.get("name")
        shown = name if isinstance(name, str) else str(found)
        self.classes[_key(found)] = BoxClass(_number(found), shown)

    def _class(self, found: object) -> BoxClass:
        """Return the class of a category; one that the file does not list has its id as its name."""
        return self.classes.setdefault(_key(found), BoxClass(_number(found), str(found)[:_MOST_SHOWN]))


_MOST_SHOWN = 100  # characters of an id that stands for a name


def _key(value: object) -> object:
    """Return an id as a key; lists and objects, which are no ids, as their texts."""
    return repr(value) if isinstance(value, list | dict) else value


def _number(value: object) -> int | None:
    return value if type(value) is int and abs(value) < _MOST_NUMBER else None


def _sides(value: object) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom of a box; None if it is none."""
    if not isinstance(value, list) or len(value) != _SIDES:
        return None
    left, top, width, height = map(finite, value)
    if left is None or top is None or width is None or height is None:
        return None
    return left, top, left + width, top + height
