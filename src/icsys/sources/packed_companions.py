"""Companions in packs of ICS, as the facts of their images state them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.results import ANNOTATION, COMPANIONS, MASK, SIDECAR
from icsys.sources.pack_member_names import path_in_pack

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPANIONS_KEY = "companions"
"""Where facts state companions: by names in the sample, or by columns, an object with kind, form and path of each."""

_FORMS = {
    MASK: ("mask",),
    ANNOTATION: ("yolo", "yolo_pose2", "yolo_pose3", "voc", "labelme", "cityscapes", "copy"),
    SIDECAR: ("copy",),
}


class StatedCompanion(NamedTuple):
    """What facts state about a companion.

    Attributes
    ----------
    kind, form
        As in :class:`~icsys.sources.base.Companion`.
    path
        Its safe path below the folder of the packs, before it was packed.
    """

    kind: str
    form: str
    path: str


def stated_companions(facts: Mapping[str, Any]) -> dict[str, StatedCompanion]:
    """Return the companions that the facts of an image state, by name, without what cannot be right."""
    stated = facts.get(COMPANIONS_KEY)
    found: dict[str, StatedCompanion] = {}
    for name, about in stated.items() if isinstance(stated, dict) else ():
        values = [about.get(key) for key in StatedCompanion._fields] if isinstance(about, dict) else []
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) == len(StatedCompanion._fields):
            kind, form, path = texts
            path = path_in_pack(path)
            if path and kind in COMPANIONS:
                found[name] = StatedCompanion(kind, form if form in _FORMS[kind] else _FORMS[kind][-1], path)
    return found
