"""Which companions the masks and boxes of arrays come from, and a hash of them all."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.labels.boxes.class_names import names_classes
from icsys.layout import ALL_BOXES, BOX_LABELS, BOX_STARTS, mask_arrays
from icsys.results import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.packs.companions import Companions

COCO, VOC, YOLO = "coco", "voc", "yolo"
"""Label files with boxes; those of the form that covers most images give the boxes, the first of these among equals."""

_VERSION = 1  # of the way in which masks and boxes become arrays; another one writes all arrays again
_SHA256_END = 2**256


class LabelFiles(NamedTuple):
    """The files of a dataset that masks and boxes come from.

    Attributes
    ----------
    sha256
        A hash of all of them; empty if there are none.
    masks
        The kinds of masks, sorted.
    forms
        The number of label files of each form, "voc" or "yolo".
    coco
        The rows of files of COCO, in the order of the manifest.
    names
        The rows of files with the names of YOLO's classes, likewise.
    """

    sha256: str
    masks: list[str]
    forms: Counter[str]
    coco: list[dict[str, Any]]
    names: list[dict[str, Any]]

    @property
    def may_have_boxes(self) -> bool:
        """Whether there are label files in a form with boxes."""
        return bool(self.forms or self.coco)

    @property
    def arrays(self) -> list[str]:
        """The names of all arrays that there may be in a split."""
        found = [name for kind in self.masks for name in mask_arrays(kind)]
        return found + ([ALL_BOXES, BOX_LABELS, BOX_STARTS] if self.may_have_boxes else [])


def box_form(row: Mapping[str, Any]) -> str:
    """Return "voc" or "yolo" for the row of a label file of one image, whose boxes become arrays; else nothing."""
    form: str = row["form"]
    return YOLO if form.startswith(YOLO) else form if form == VOC else ""


def label_files(companions: Companions) -> LabelFiles:
    """Return the files among companions that masks and boxes come from."""
    about_many = sorted(companions.about_many(), key=lambda row: str(row["file_name"]))
    coco = [row for row in about_many if row["form"] == COCO]
    names = [row for row in about_many if row["form"] == "copy" and names_classes(row["file_name"])]
    forms: Counter[str] = Counter()
    total, count = 0, 0
    for row in chain(companions.all(), coco, names):
        form = box_form(row)
        forms.update([form] if form else [])
        if row["kind"] == MASK or form or not row["picture"]:
            total += _number_of(row)  # a sum, because rows come in any order
            count += row["kind"] == MASK or bool(form) or row["form"] == COCO
    sha256 = hashlib.sha256(f"{_VERSION} {total % _SHA256_END}".encode()).hexdigest() if count else ""
    masks = sorted(name for name, is_mask in companions.columns.items() if is_mask)
    return LabelFiles(sha256, masks, forms, coco, names)


def _number_of(row: Mapping[str, Any]) -> int:
    facts = [row["file_name"], row["kind"], row["form"], row["picture"], row["sha256"]]
    return int.from_bytes(hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).digest(), "big")
