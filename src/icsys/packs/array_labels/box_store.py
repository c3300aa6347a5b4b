"""Boxes of all images, collected on the disk: label files name images in any order, and arrays need one."""

from __future__ import annotations

import sqlite3
from itertools import islice
from typing import TYPE_CHECKING

from icsys.labels.boxes.box import BoxClass, ObjectBox, order_classes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.labels.boxes.box import BoxClasses

_TABLE = """
create table boxes (
    image integer, number integer, x1 real, y1 real, x2 real, y2 real, kind integer, file integer,
    primary key (image, number)
) without rowid
"""
_INSERT = "insert into boxes values (?, ?, ?, ?, ?, ?, ?, ?)"
_TWIN = """
select 1 from boxes where image = ? and x1 = ? and y1 = ? and x2 = ? and y2 = ? and kind = ? and file < ? limit 1
"""
_OF_SOME = "select image, x1, y1, x2, y2, kind from boxes where image >= ? and image < ? order by image, number"
_AT_ONCE = 10_000  # boxes


class BoxStore:
    """Boxes by the numbers of their images, in the order in which they are added.

    Attributes
    ----------
    database
        A file that is removed when it is closed; other tables may lie in it.
    """

    def __init__(self) -> None:
        # An empty name stands for a temporary file of the database.
        self.database = sqlite3.connect("", isolation_level=None)
        self.database.execute("begin")
        self.database.execute(_TABLE)
        self._kinds: dict[BoxClass, int] = {}
        self._count = self._file = 0

    def close(self) -> None:
        """Remove the boxes."""
        self.database.close()

    def clear(self) -> None:
        """Forget all boxes and classes."""
        self.database.execute("delete from boxes")
        self._kinds.clear()

    def note_classes(self, classes: Iterable[BoxClass]) -> None:
        """Note classes that may have no box."""
        for kind in classes:
            self._kinds.setdefault(kind, len(self._kinds))

    def add(self, boxes: Iterable[tuple[int, ObjectBox]]) -> int:
        """Add the boxes of a file with the numbers of their images; return how many the file has.

        A box that an earlier file has too, for the same image and class, is left out: person_keypoints.json of COCO
        repeats those of instances.json.
        """
        rest, count = iter(boxes), 0
        while some := list(islice(rest, _AT_ONCE)):
            count += len(some)
            rows = map(self._row, some)
            self.database.executemany(_INSERT, [row for row in rows if not (self._file and self._has_twin(row))])
        self._file += bool(count)
        return count

    def images(self) -> int:
        """Return the number of images with boxes."""
        return self._number("select count(distinct image) from boxes", ())

    def count(self, first: int, end: int) -> int:
        """Return the number of boxes of the images from one number to before another."""
        return self._number("select count(*) from boxes where image >= ? and image < ?", (first, end))

    def of(self, first: int, end: int) -> Iterator[tuple[int, tuple[float, float, float, float], int]]:
        """Yield image, sides and class of the boxes of such images; the class as a number of :meth:`places`."""
        for image, *sides, kind in self.database.execute(_OF_SOME, (first, end)):
            yield image, (sides[0], sides[1], sides[2], sides[3]), kind

    def classes(self) -> BoxClasses:
        """Return the classes in their order."""
        return order_classes(self._kinds.keys())

    def places(self) -> list[int]:
        """Return the place of each class among all."""
        found = self.classes().places
        return [found[kind] for kind in self._kinds]

    def _row(self, one: tuple[int, ObjectBox]) -> tuple[float, ...]:
        image, (kind, *sides) = one
        self._count += 1
        return image, self._count, *sides, self._kinds.setdefault(kind, len(self._kinds)), self._file

    def _has_twin(self, row: tuple[float, ...]) -> bool:
        image, _, *rest = row
        return self.database.execute(_TWIN, (image, *rest)).fetchone() is not None

    def _number(self, query: str, values: tuple[int, ...]) -> int:
        found: int = self.database.execute(query, values).fetchone()[0]
        return found
