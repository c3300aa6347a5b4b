"""The formats of files about one image: what maps each of them to the output of its image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from icsys.image.view import View
from icsys.labels.cityscapes import map_cityscapes
from icsys.labels.labelme import map_labelme
from icsys.labels.mapped_file import LabelRules, MappedFile
from icsys.labels.voc import map_voc
from icsys.labels.yolo import map_yolo

Form = Callable[[bytes, View, LabelRules, str], MappedFile]
"""What maps a file to the output of its image: from bytes, view, rules and the file name of the output.

It raises ImageError for a file that is broken or contradicts its image.
"""


def _yolo(data: bytes, view: View, rules: LabelRules, _: str, keypoint_values: int | None = None) -> MappedFile:
    return map_yolo(data, view, rules, keypoint_values)


def _cityscapes(data: bytes, view: View, rules: LabelRules, _: str) -> MappedFile:
    return map_cityscapes(data, view, rules)


def _copy(data: bytes, _view: View, _rules: LabelRules, _: str) -> MappedFile:
    return MappedFile(data)


FORMS: dict[str, Form] = {
    "yolo": _yolo,
    "yolo_pose2": partial(_yolo, keypoint_values=2),
    "yolo_pose3": partial(_yolo, keypoint_values=3),
    "voc": map_voc,
    "labelme": map_labelme,
    "cityscapes": _cityscapes,
    "copy": _copy,
}
"""By the form of a companion. ``yolo_pose2`` and ``yolo_pose3`` are for YOLO whose ``kpt_shape`` is known."""
