"""YOLO's text files: a line for each object, a class and coordinates that are divided by width and height.

============ =========================================================================================
kind         values of a line
============ =========================================================================================
box          class, centre x y, width, height
polygon      class, x y of each of three or more points
oriented box class, x y of each of four corners
keypoints    class, centre x y, width, height, and x y, or x y visibility, of each keypoint
============ =========================================================================================

Predictions have a confidence behind them, and perhaps the number of a track; both are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.image.view import drawn_on
from icsys.labels.mapped_file import MappedFile
from icsys.labels.shapes import ROUNDING, ShapeMap, bounds
from icsys.labels.yolo_lines import BOX, BOXES, KEYPOINTS, ORIENTED, line_kind, may_be_keypoints, read_yolo

if TYPE_CHECKING:
    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules
    from icsys.labels.shapes import Part, Points
    from icsys.labels.yolo_lines import Line, LineKind

_DIGITS, _MORE_DIGITS = 6, 8
_LARGE = 10_000  # pixels: along a longer side, six digits can be a hundredth of a pixel away
_TINY = 1e-12
_PLACES = np.array([(0, 0), (1, 0), (0, 1), (0.3, 0.6)])  # as shares of width and height


def map_yolo(data: bytes, view: View, rules: LabelRules, keypoint_values: int | None = None) -> MappedFile:
    """Map a file of YOLO to the output of its image.

    Values are divided by the size of the output and lie within it; only an oriented box that is cut may have corners
    outside. A keypoint outside becomes zeros. A file whose values stay the same is returned as it is.

    Parameters
    ----------
    keypoint_values
        Values of a keypoint, 2 or 3, as the second number of ``kpt_shape`` in ``data.yaml`` states it; None if it does
        not: then the lines tell, see :func:`~icsys.labels.yolo_lines.line_kind`.

    Raises
    ------
    ImageError
        ``label_broken`` if a line has no such kind.
    """
    lines = read_yolo(data)
    objects = [line for line in lines if line.values]
    kind = line_kind(objects, keypoint_values)
    writer = _Writer(ShapeMap(view, drawn_on(view, None, rules.labels_on), rules.min_visibility), kind)
    if writer.changes_nothing:
        return MappedFile(data, labels=len(objects))
    parts, labels = [], 0
    for line in lines:
        text = writer.text(line) if line.values else line.text
        if text is not None:
            labels += bool(line.values)
            parts.append(text + line.rest)
    warning = None
    if keypoint_values is None and may_be_keypoints(objects, kind):
        warning = (
            f"lines of {len(objects[0].values)} values were taken for polygons; if they are keypoints of two values, "
            "state kpt_shape in data.yaml"
        )
    data = "".join(parts).encode("utf-8", "surrogateescape")
    return MappedFile(data, labels, len(objects) - labels, warning)


class _Writer:
    """Writes the lines of one file for its output."""

    def __init__(self, shapes: ShapeMap, kind: LineKind) -> None:
        self._shapes, self._kind = shapes, kind
        self._source, self._output = (np.array(size, np.float64) for size in (shapes.source, shapes.output))
        self._digits = _DIGITS if max(shapes.output) <= _LARGE else _MORE_DIGITS

    @property
    def changes_nothing(self) -> bool:
        """Whether values that are divided by the size stay the same."""
        mapped = self._shapes.points(_PLACES * self._source) / self._output
        return bool(np.abs(mapped - _PLACES).max() < _TINY)

    def text(self, line: Line) -> str | None:
        """Return the line without its end; None if its object is dropped."""
        extras = self._kind.extras(line)
        last = len(line.values) - extras
        if last == BOX or self._kind.name in {BOXES, KEYPOINTS}:
            centre, size = np.array(line.values[1:3]), np.array(line.values[3:BOX])
            part = self._shapes.box(np.array([centre - size / 2, centre + size / 2]) * self._source)
            first = BOX
        else:
            points = np.reshape(line.values[1:last], (-1, 2)) * self._source
            oriented = self._kind.name == ORIENTED
            part = self._shapes.oriented_box(points) if oriented else self._shapes.polygon(points)
            first = last
        if part is None or self._is_beyond(part):
            return None
        values = self._normal(part.points, clamp=self._kind.name != ORIENTED)
        if first == BOX:
            values = np.array([values.mean(axis=0), values[1] - values[0]])
        texts = [line.texts[0], *map(self._number, values.ravel())]
        if self._kind.name == KEYPOINTS:
            texts += self._keypoints(line.texts[first:last], line.values[first:last])
        return " ".join([*texts, *line.texts[last:]])

    def _is_beyond(self, part: Part) -> bool:
        """Return whether a shape lies beyond the output, because the source has drawn it outside its picture."""
        low, high = bounds(part.points)
        right = (low >= self._output - ROUNDING) & (high > self._output + ROUNDING)
        left = (high <= ROUNDING) & (low < -ROUNDING)
        return bool((left | right).any())

    def _keypoints(self, texts: tuple[str, ...], values: tuple[float, ...]) -> list[str]:
        size = self._kind.keypoint_values
        found = np.reshape(values, (-1, size))
        mapped, visible = self._shapes.visible(found[:, :2] * self._source)
        result: list[str] = []
        for index, (point, seen) in enumerate(zip(self._normal(mapped), visible, strict=True)):
            given = texts[size * index : size * (index + 1)]
            if not found[index].any():  # a keypoint without a place
                result += given
            elif seen:
                result += [*map(self._number, point), *given[2:]]
            else:
                result += ["0"] * size
        return result

    def _normal(self, points: Points, *, clamp: bool = True) -> Points:
        """Divide points by the size of the output, and move what lies over its edge to the edge."""
        values = points / self._output
        return np.clip(values, 0, 1) if clamp else values

    def _number(self, value: float) -> str:
        return f"{value + 0.0:.{self._digits}f}"
