"""Annotations of COCO, mapped to the output of their picture: boxes, polygons, run-length masks, keypoints, areas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.labels.coco_parts.run_lengths import compressed, lengths_of_runs, resized_runs
from icsys.labels.numbers import finite
from icsys.labels.shapes import ShapeMap, clip_polygon, polygon_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.image.view import View

    Points = NDArray[np.float64]

_DIGITS = 3  # thousandths of a pixel
_SMALLEST = 0.001  # pixels: a side that is not 0 is not rounded to 0, which trainers refuse
_ROUNDING = 1e-9
_BOX, _KEYPOINT = 4, 3  # numbers of one
_KNOWN = frozenset({"area", "bbox", "keypoints", "segmentation", "segments_info"})


class AnnotationMap:
    """The map of annotations of COCO from one picture to its output.

    Parameters
    ----------
    view
        How the picture becomes its output.
    on
        ``upright`` or ``stored``: which picture the annotations lie on.
    min_visibility
        The share of an object that has to be left; with less it is dropped.
    resample
        As in :class:`~icsys.options.Options`: which pixels of run-length masks are taken.
    """

    def __init__(self, view: View, on: str, min_visibility: float, resample: str) -> None:
        self._view, self._on, self._least, self._resample = view, on, min_visibility, resample
        self._shapes = ShapeMap(view, on, min_visibility)
        self._scale = abs(float(np.linalg.det(self._shapes.matrix[:, :2])))
        self.output = view.output
        """Width and height of the output, in pixels."""
        self.source = self._shapes.source
        """Width and height of the picture that the annotations lie on, in pixels."""

    def apply(self, annotation: dict[str, Any]) -> float:
        """Map an annotation in place; return which share of the object is left, 0 to 1.

        Raises
        ------
        ValueError
            If its shapes cannot be read. It may be mapped in part.
        """
        share = pixels = None
        segmentation, area = annotation.get("segmentation"), finite(annotation.get("area"))
        if isinstance(segmentation, dict):
            annotation["segmentation"], share, pixels = self._mask(segmentation)
        elif segmentation:
            annotation["segmentation"], share = self._polygons(segmentation)
        if annotation.get("bbox"):
            annotation["bbox"], box_share = self.box(annotation["bbox"])
            share = box_share if share is None else share
        before = _count_seen(annotation)
        for key, value in annotation.items():
            if key == "keypoints" or key.endswith("_kpts"):
                annotation[key] = self._keypoints(value)
            elif key.endswith("_box") and _is_numbers(value, _BOX) and any(value):
                annotation[key], _ = self.box(value)
        after = _count_seen(annotation)
        if "num_keypoints" in annotation and annotation.get("keypoints"):
            annotation["num_keypoints"] = after
        if share is None:
            share = 0.0 if before and not after else 1.0
        if area is not None:
            annotation["area"] = round(area * self._scale * share, _DIGITS) if pixels is None else pixels
        return share

    def is_enough(self, share: float) -> bool:
        """Return whether the share that is left of an object is enough for it to stay."""
        return share > 0 and share >= self._least - _ROUNDING

    def box(self, box: Any) -> tuple[list[float], float]:  # noqa: ANN401 - as the file has it
        """Map a box, left, top, width and height; return it, and the share of it that is left.

        Raises
        ------
        ValueError
            If it is none.
        """
        x, y, width, height = _numbers(box, "bbox", _BOX)
        corners = self._shapes.points(np.array([(x, y), (x + width, y + height)]))
        corners = np.array([corners.min(axis=0), corners.max(axis=0)])
        share = 1.0
        if self._shapes.crops:
            whole, left = (_into(corners, one) for one in (self._shapes.whole, self._shapes.rectangle))
            share = _share(_area(left), _area(whole), touches=_touches(corners, self._shapes.rectangle))
            corners = left
        sides = (corners[1] - corners[0]).tolist()
        rounded = [side if side <= 0 else max(_SMALLEST, round(side, _DIGITS)) for side in sides]
        return [*np.round(corners[0], _DIGITS).tolist(), *rounded], share

    def _polygons(self, rings: Any) -> tuple[list[list[float]], float]:  # noqa: ANN401 - as the file has it
        """Map polygons and cut them off; return what is left, and its share of the area."""
        if not isinstance(rings, list):
            raise ValueError("its segmentation is neither polygons nor a mask")  # noqa: TRY004 - a value of a file
        mapped = [self._shapes.points(_points(ring)) for ring in rings if ring != []]
        if not self._shapes.crops:
            return [_flat(one) for one in mapped], 1.0
        whole = [clip_polygon(one, self._shapes.whole) for one in mapped]
        left = [clip_polygon(one, self._shapes.rectangle) for one in mapped]
        sums = (sum(map(polygon_area, one)) for one in (left, whole))
        share = _share(*sums, touches=any(map(len, left)))
        return [_flat(one) for one in left if len(one)], share

    def _mask(self, segmentation: dict[str, Any]) -> tuple[dict[str, Any], float, int]:
        """Map a run-length mask in its own form; return it, the share of it that is left, and its pixels."""
        lengths = lengths_of_runs(segmentation, self._shapes.source)
        runs = resized_runs(lengths, self._view, self._on, self._resample)
        width, height = self.output
        counts = compressed(runs) if isinstance(segmentation["counts"], str) else runs.tolist()
        before, pixels = (int(one[1::2].sum()) for one in (lengths, runs))
        share = 1.0 if pixels or not before else 0.0
        if pixels and self._shapes.crops and self._least > 0:
            share = self._visible_pixels(lengths) / before
        return segmentation | {"size": [height, width], "counts": counts}, share, pixels

    def _visible_pixels(self, lengths: NDArray[np.int64]) -> int:
        """Return how many pixels of a mask lie where the crop leaves the picture."""
        width, height = self._shapes.source
        mask = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height)
        kept = []
        (left, top), (right, bottom) = self._corners_of_crop()
        for low, high in ((left, right), (top, bottom)):
            kept.append(slice(max(0, math.floor(low + 0.5)), max(0, math.floor(high + 0.5))))
        return int(np.count_nonzero(mask[tuple(kept)]))

    def _corners_of_crop(self) -> Points:
        """Return the top left and bottom right of the crop on the picture that the annotations lie on."""
        left, top, right, bottom = self._shapes.rectangle
        matrix = self._shapes.matrix
        corners = np.linalg.solve(matrix[:, :2], (np.array([(left, top), (right, bottom)]) - matrix[:, 2]).T).T
        return np.array([corners.min(axis=0), corners.max(axis=0)])

    def _keypoints(self, values: Any) -> Any:  # noqa: ANN401 - as the file has it
        """Map keypoints, x, y and visibility each; those outside the picture become 0, 0, 0."""
        if values is None or values == []:
            return values
        numbers = _numbers(values, "keypoints")
        if len(numbers) % _KEYPOINT:
            raise ValueError(f"its keypoints have {len(numbers)} numbers: expected three for each")
        points = np.array(numbers, np.float64).reshape(-1, _KEYPOINT)
        mapped, is_seen = self._shapes.visible(points[:, :2])
        is_seen &= points.any(axis=1)  # 0, 0, 0 is a keypoint without a place
        flat = np.round(np.where(is_seen[:, None], mapped, 0), _DIGITS).ravel().tolist()
        seen = [value if kept else 0 for value, kept in zip(values[2::_KEYPOINT], is_seen.tolist(), strict=True)]
        return [one for x, y, v in zip(flat[::2], flat[1::2], seen, strict=True) for one in (x, y, v)]


def unmapped_keys(annotation: dict[str, Any]) -> list[str]:
    """Return keys of an annotation that look as if they hold places in the picture, of kinds that are not known.

    Examples
    --------
    >>> unmapped_keys({"id": 1, "bbox": [1, 2, 3, 4], "dp_x": [0.5, 0.25]})
    ['dp_x']
    """
    return [
        key
        for key, value in annotation.items()
        if isinstance(value, list)
        and key not in _KNOWN
        and not key.endswith(("_kpts", "_box", "_ids"))
        and len(value) > 1
        and (_is_numbers(value) or isinstance(value[0], list))
    ]


def _count_seen(annotation: dict[str, Any]) -> int:
    """Return how many keypoints of an annotation have a place."""
    values = annotation.get("keypoints")
    numbers = [finite(value) or 0 for value in values[2::_KEYPOINT]] if isinstance(values, list) else []
    return sum(number > 0 for number in numbers)


def _is_numbers(value: object, count: int | None = None) -> bool:
    return isinstance(value, list) and count in {None, len(value)} and all(finite(one) is not None for one in value)


def _numbers(value: Any, what: str, count: int | None = None) -> list[float]:  # noqa: ANN401 - as the file has it
    """Return numbers; ValueError if they are none, or another count."""
    if not _is_numbers(value, count):
        raise ValueError(f"its {what} is {str(value)[:60]}: expected {count or 'a list of'} numbers")
    return [float(one) for one in value]


def _points(ring: Any) -> Points:  # noqa: ANN401 - as the file has it
    """Return the points of a polygon, shape (N, 2), from x and y in turn."""
    numbers = _numbers(ring, "polygon")
    if len(numbers) % 2:
        raise ValueError(f"its polygon has {len(numbers)} numbers: expected two for each point")
    return np.array(numbers, np.float64).reshape(-1, 2)


def _flat(points: Points) -> list[float]:
    return np.round(points, _DIGITS).ravel().tolist()


def _into(corners: Points, rectangle: tuple[float, float, float, float]) -> Points:
    left, top, right, bottom = rectangle
    return np.clip(corners, (left, top), (right, bottom))


def _touches(corners: Points, rectangle: tuple[float, float, float, float]) -> bool:
    return bool((corners[0] <= rectangle[2:]).all() and (corners[1] >= rectangle[:2]).all())


def _area(corners: Points) -> float:
    return float(np.prod(corners[1] - corners[0]))


def _share(left: float, whole: float, *, touches: bool) -> float:
    """Return the share that is left; a shape without an area is all there as long as it touches the picture."""
    return min(1.0, left / whole) if whole > 0 else float(touches)
