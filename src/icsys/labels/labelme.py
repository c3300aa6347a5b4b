"""LabelMe: a JSON file for each image, with shapes of several types, in continuous coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.image.view import drawn_on
from icsys.labels.json_text import list_of_objects, pairs_of, read_json_object, stated_size, write_json_like
from icsys.labels.labelme_shapes import SHAPE_TYPES, map_unknown_shape
from icsys.labels.mapped_file import MappedFile, with_file_name
from icsys.labels.shapes import ShapeMap

if TYPE_CHECKING:
    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules

_SIZE = ("imageWidth", "imageHeight")
_SHOWN = 40  # characters


def map_labelme(data: bytes, view: View, rules: LabelRules, file_name: str) -> MappedFile:
    """Map a file of LabelMe to the output of its image.

    ``imagePath`` and the size become those of the output. ``imageData``, a copy of the whole source, becomes null, so
    that programs read the output. A circle that is cut or stretched becomes a polygon; a line that is cut into several
    parts becomes several. Everything else is kept.

    Parameters
    ----------
    file_name
        The name of the output.

    Raises
    ------
    ImageError
        ``label_broken``, or ``label_size`` if ``imageWidth`` and ``imageHeight`` are not those of the image.
    """
    value = read_json_object(data)
    shapes = ShapeMap(view, drawn_on(view, stated_size(value, *_SIZE), rules.labels_on), rules.min_visibility)
    kept: list[dict[str, Any]] = []
    unknown, dropped = "", 0
    for at, shape in enumerate(list_of_objects(value.get("shapes"), "shapes")):
        points = pairs_of(shape.get("points"), f"shapes[{at}].points")
        name = str(shape.get("shape_type") or "polygon")
        unknown = unknown or ("" if name in SHAPE_TYPES else name)
        found = SHAPE_TYPES.get(name, map_unknown_shape)(shape, points, shapes)
        dropped += not found
        kept += found
    if not shapes.moves_nothing:
        value["shapes"] = kept
    value.update({name: side for name, side in zip(_SIZE, view.output, strict=True) if name in value})
    if isinstance(value.get("imagePath"), str):
        value["imagePath"] = with_file_name(value["imagePath"], file_name)
    if "imageData" in value:
        value["imageData"] = None
    warning = f"shapes of type {unknown[:_SHOWN]!r} are moved, and not cut" if unknown and shapes.crops else None
    return MappedFile(write_json_like(value, data), len(kept), dropped, warning)
