"""Rows of JSON lines, as of Hugging Face's ``metadata.jsonl``: names of pictures, and objects with boxes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from icsys.errors import ImageError
from icsys.files.parsing import from_json
from icsys.labels.coco_parts.coco_shapes import unmapped_keys
from icsys.labels.coco_parts.json_items import json_like
from icsys.labels.numbers import finite
from icsys.labels.picture_index import FindPicture, PictureFacts, renamed
from icsys.labels.table_parts.name_columns import NAME_COLUMNS, plain_column

if TYPE_CHECKING:
    from icsys.labels.coco_parts.annotation_maps import AnnotationMaps
    from icsys.labels.coco_parts.coco_shapes import AnnotationMap
    from icsys.labels.tally import Tally

_OBJECTS = "objects"
_SHOWN = 60  # characters of a row
_PLACES = frozenset({"bbox", "bboxes", "boxes", "keypoints", "polygons", "segmentation"})


class JsonRows:
    """Changes rows for the outputs of their pictures.

    Parameters
    ----------
    find
        Finds pictures by their names.
    maps
        Makes the maps of annotations.
    key
        The key that holds names. Beside it ``file_name``, ``file_names``, and what ends so, are looked at; if a row has
        none of these, the first of :data:`~icsys.labels.table_parts.name_columns.NAME_COLUMNS` that names a picture.
    beside
        The folder of the file in the source.
    """

    def __init__(self, find: FindPicture, maps: AnnotationMaps, key: str | None, beside: str) -> None:
        self._find, self._maps, self._key, self._beside = find, maps, key, beside

    def changed(self, line: str, number: int, tally: Tally) -> str | None:
        """Return a line for the outputs; None if it is left out. It is counted.

        Raises
        ------
        ImageError
            ``label_broken`` if it holds no object of JSON, ``label_size`` if it states another size than its picture's.
        """
        try:
            row = from_json(line)
        except (ValueError, RecursionError) as error:
            raise ImageError("label_broken", f"line {number}: it is no JSON that can be read: {error}") from None
        if not isinstance(row, dict):
            raise ImageError("label_broken", f"line {number}: expected an object in braces")
        labels = _count_objects(row.get(_OBJECTS))
        found = self._rename(row, tally)
        if found is None:
            tally.dropped += labels
            return None
        if any(facts.is_elsewhere for facts in found.values()):
            return None
        tally.labels += labels
        first = next(iter(found.values()), None)
        if first is not None and first.view is not None:
            shapes = self._maps.of(first.source_path, first.view, _stated_size(row))
            self._map_objects(row, shapes, number, tally)
        return json_like(row, line) if found else line

    def _rename(self, row: dict[str, Any], tally: Tally) -> dict[str, PictureFacts] | None:
        """Rename the pictures of a row; return them by name, None if one has no output."""
        found: dict[str, PictureFacts] = {}
        keys = self._keys_of_names(row)
        if not keys:
            tally.miss("rows", json.dumps(row)[:_SHOWN])
        for key in keys:
            value = row[key]
            names = [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str) and name]
            written = {}
            for name in names:
                facts = self._find(name)
                if facts is None:
                    tally.miss("names", name)
                    continue
                if not facts.is_written:
                    tally.note("rows of pictures without an output are left out", name)
                    return None
                found[name] = facts
                written[name] = renamed(name, facts, self._beside)
            row[key] = (
                [written.get(name, name) for name in value] if isinstance(value, list) else written.get(value, value)
            )
        return found

    def _keys_of_names(self, row: dict[str, Any]) -> list[str]:
        """Return the keys of a row that hold names."""
        keys = [key for key in row if key == self._key or key.endswith(("file_name", "file_names"))]
        if keys or self._key is not None:
            return keys
        order = list(map(plain_column, NAME_COLUMNS))
        texts = [key for key, value in row.items() if isinstance(value, str) and value and plain_column(key) in order]
        texts.sort(key=lambda key: order.index(plain_column(key)))
        return next(([key] for key in texts if self._find(row[key]) is not None), [])

    def _map_objects(self, row: dict[str, Any], shapes: AnnotationMap, number: int, tally: Tally) -> None:
        """Map the objects of a row, and its size."""
        for key in [*unmapped_keys({k: v for k, v in row.items() if k not in _PLACES}), *(_PLACES & row.keys())]:
            if row[key]:
                tally.note("values are kept that may be places in the picture and are not mapped", f"{key!r}")
        if _stated_size(row) is not None:
            row["width"], row["height"] = shapes.output
        objects = row.get(_OBJECTS)
        singles = _single_objects(objects)
        kept = []
        for single in singles:
            try:
                share = shapes.apply(single)
            except ValueError as error:
                tally.note("objects are left out that cannot be read", f"line {number} ({error})")
                share = 0.0
            if shapes.is_enough(share):
                kept.append(single)
        if isinstance(objects, list) and singles:
            row[_OBJECTS] = kept
        elif isinstance(objects, dict):
            parallel = singles[0].keys() if singles else ()
            row[_OBJECTS] = objects | {key: [single[key] for single in kept] for key in parallel}
        tally.labels -= len(singles) - len(kept)
        tally.dropped += len(singles) - len(kept)


def _single_objects(objects: object) -> list[dict[str, Any]]:
    """Return the objects of a row one by one, from a list of them, or from lists of what each has."""
    if isinstance(objects, list) and all(isinstance(one, dict) for one in objects):
        return objects
    boxes = objects.get("bbox") if isinstance(objects, dict) else None
    if not isinstance(objects, dict) or not isinstance(boxes, list):
        return []
    parallel = [key for key, value in objects.items() if isinstance(value, list) and len(value) == len(boxes)]
    return [{key: objects[key][at] for key in parallel} for at in range(len(boxes))]


def _count_objects(objects: object) -> int:
    """Return the number of labels of a row: of its objects, or one."""
    return len(_single_objects(objects)) if isinstance(objects, dict | list) else 1


def _stated_size(row: dict[str, Any]) -> tuple[int, int] | None:
    """Return width and height of the picture as a row states it; None if it states none."""
    width, height = (finite(row.get(key)) for key in ("width", "height"))
    return None if width is None or height is None else (int(width), int(height))
