"""The lines of YOLO's text files: their values, and the kind of labels that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import ImageError
from icsys.labels.numbers import is_whole_number, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_YOLO = 2**24
"""The largest file, in bytes: read, it takes up to forty times as much."""

BOXES, POLYGONS, ORIENTED, KEYPOINTS = "boxes", "polygons", "oriented boxes", "keypoints"
"""Kinds of labels."""

BOX = 5
"""Values of a box: class, centre and size."""

_TRIANGLE = 7  # values
_CORNERS = 4
_SEEN = 3  # values of a keypoint with visibility
_CERTAIN = 3  # so many visibilities are no coordinates by chance
_LABELLED = 2  # the visibility of a keypoint that is seen; no coordinate is as large
_LEAST, _MOST = -1.0, 2.0  # shapes may reach over the edge of their picture; pixels and visibilities are larger
_TRACK = 1.5  # a last value above it is the number of a track
_SLANT = 0.02  # of their extent: how far four corners may be from a parallelogram
_SLACK = 0.05  # of the size of a box: how far outside a keypoint may lie
_FILLED = 0.4  # of the size of a box: what its keypoints extend over at least
_SHOWN = 40  # characters


class Line(NamedTuple):
    """A line of a file.

    Attributes
    ----------
    number
        Counted from 1.
    text
        The line without its comment and its end.
    texts, values
        Its values, as they are written and as numbers; empty for a line without an object.
    rest
        The comment and the end of the line.
    """

    number: int
    text: str
    texts: tuple[str, ...]
    values: tuple[float, ...]
    rest: str


class LineKind(NamedTuple):
    """What all objects of a file are.

    Attributes
    ----------
    name
        ``BOXES``, ``POLYGONS``, ``ORIENTED`` or ``KEYPOINTS``; a line of a box among others stays a box.
    keypoint_values
        Values of a keypoint.
    """

    name: str
    keypoint_values: int = 0

    def extras(self, line: Line) -> int:
        """Return how many values of a prediction, a confidence and the number of a track, stand at the end."""
        values = line.values
        track = int(len(values) > BOX and values[-1] > _TRACK and is_whole_number(line.texts[-1]))
        if len(values) <= BOX + 1 or self.name == BOXES:
            return len(values) - BOX
        if self.name == KEYPOINTS:
            spare = (len(values) - BOX) % self.keypoint_values
            return 2 if spare == 0 and track and self.keypoint_values == 2 else spare  # noqa: PLR2004 - x and y
        return track + (len(values) - 1 - track) % 2


def read_yolo(data: bytes) -> list[Line]:
    """Return the lines of a file; blank ones and comments have no values.

    Raises
    ------
    ImageError
        ``label_broken`` if a line is not a class and at least four numbers; ``too_large``.
    """
    if len(data) > LONGEST_YOLO:
        raise ImageError("too_large", f"{len(data)} bytes: expected at most {LONGEST_YOLO} in a file of labels")
    lines = enumerate(data.splitlines(keepends=True), 1)
    return [_line(number, line.decode("utf-8", "surrogateescape")) for number, line in lines]


def line_kind(lines: Sequence[Line], keypoint_values: int | None = None) -> LineKind:
    """Return the kind of all lines that have an object: lines do not name it, so their values have to tell.

    Lines of five or six values are boxes. Longer ones are keypoints with visibility if all have the same length and 0,
    1 or 2 as every third value behind the box, else polygons. Four points are oriented boxes if every line of the file
    has four and they span a parallelogram. Keypoints of two values look like polygons: only ``keypoint_values`` tells.

    Raises
    ------
    ImageError
        ``label_broken`` if a value fits none of these kinds.
    """
    kind = _kind(lines, keypoint_values)
    for line in lines:
        _check(line, kind)
    return kind


def may_be_keypoints(lines: Sequence[Line], kind: LineKind) -> bool:
    """Return whether lines that were taken for polygons could be boxes with keypoints of two values."""
    rows = [line.values for line in lines]
    size = len(rows[0]) if rows else 0
    if kind.name != POLYGONS or size < _TRIANGLE or size % 2 == 0 or any(len(row) != size for row in rows):
        return False
    return all(_holds(row[1:BOX], np.reshape(row[BOX:], (-1, 2)), filled=True) for row in rows)


def _kind(lines: Sequence[Line], keypoint_values: int | None) -> LineKind:
    if all(len(line.values) <= BOX + 1 or _is_tracked_box(line) for line in lines):
        return LineKind(BOXES)
    if keypoint_values:
        return LineKind(KEYPOINTS, keypoint_values)
    if _have_visibility([line.values for line in lines]):
        return LineKind(KEYPOINTS, _SEEN)
    polygons = LineKind(POLYGONS)
    return LineKind(ORIENTED) if all(_is_oriented(line, polygons) for line in lines) else polygons


def _line(number: int, line: str) -> Line:
    body = line.rstrip("\r\n")
    text = body.partition("#")[0]
    texts = tuple(text.removeprefix("\ufeff").split())
    rest = line[len(text) :]
    if not texts:
        return Line(number, text, (), (), rest)
    mark = text[: len(text) - len(text.removeprefix("\ufeff"))]
    if len(texts) < BOX:
        raise _broken(number, f"expected a class and at least four numbers, not {len(texts)} values")
    values = tuple(_number(number, one) for one in texts)
    if values[0] < 0 or not values[0].is_integer():
        raise _broken(number, f"expected the number of a class first, not {texts[0][:_SHOWN]}")
    behind = text[len(text.rstrip()) :]
    return Line(number, text, (mark + texts[0], *texts[1:]), values, behind + rest)


def _number(number: int, text: str) -> float:
    value = plain_number(text)
    if value is None:
        raise _broken(number, f"expected a number, not {text[:_SHOWN]!r}")
    return value


def _check(line: Line, kind: LineKind) -> None:
    """Refuse a line whose coordinates are no shares of a size, or whose box has no size."""
    last = len(line.values) - kind.extras(line)
    for at, value in enumerate(line.values[1:last], 1):
        is_visibility = kind == (KEYPOINTS, _SEEN) and at >= BOX and (at - BOX) % _SEEN == _SEEN - 1
        if not is_visibility and not _LEAST <= value < _MOST:
            raise _broken(
                line.number, f"expected shares of width and height from 0 to 1, not {line.texts[at][:_SHOWN]}"
            )
    if (last == BOX or kind.name in {BOXES, KEYPOINTS}) and min(line.values[3:BOX]) < 0:
        raise _broken(line.number, "expected a width and a height of at least 0")


def _is_tracked_box(line: Line) -> bool:
    """Return whether a line is a box with a confidence and the number of a track."""
    return len(line.values) == BOX + 2 and line.values[-1] > _TRACK and is_whole_number(line.texts[-1])


def _have_visibility(rows: Sequence[tuple[float, ...]]) -> bool:
    """Return whether all lines are boxes with keypoints of three values."""
    size = len(rows[0])
    if size < BOX + _SEEN or (size - BOX) % _SEEN or any(len(row) != size for row in rows):
        return False
    found = np.reshape([row[BOX:] for row in rows], (len(rows), -1, _SEEN))
    visible = found[:, :, 2]
    if not np.isin(visible, (0, 1, 2)).all():
        return False
    if found.shape[1] >= _CERTAIN or (visible == _LABELLED).any():
        return True
    return all(_holds(row[1:BOX], keypoints[:, :2]) for row, keypoints in zip(rows, found, strict=True))


def _holds(box: tuple[float, ...], points: np.ndarray, *, filled: bool = False) -> bool:
    """Return whether a box of this centre and size lies in its picture and holds its keypoints, shape (N, 2).

    With ``filled``, it is also not much larger than they are.
    """
    centre, size = np.array(box[:2]), np.array(box[2:])
    low, high = centre - size / 2, centre + size / 2
    if min(*low, *size) < -_SLACK or max(high) > 1 + _SLACK:
        return False
    points = points[points.any(axis=1)]  # zeros mark a keypoint without a place
    slack = size * _SLACK
    if not ((points >= low - slack) & (points <= high + slack)).all():
        return False
    return not filled or (len(points) > 1 and bool((np.ptp(points, axis=0) >= _FILLED * size).all()))


def _is_oriented(line: Line, polygons: LineKind) -> bool:
    """Return whether a line has four corners that span a parallelogram, which a rectangle in pixels is."""
    last = len(line.values) - polygons.extras(line)
    if last != 1 + 2 * _CORNERS:
        return False
    first, second, third, fourth = np.reshape(line.values[1:last], (_CORNERS, 2))
    away = np.abs(first + third - second - fourth).max()
    return bool(away <= _SLANT * max(np.abs(first - third).max(), np.abs(second - fourth).max()))


def _broken(number: int, message: str) -> ImageError:
    return ImageError("label_broken", f"line {number}: {message}")
