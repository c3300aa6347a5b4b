"""The number of values of a keypoint of YOLO, as ``kpt_shape`` in a ``data.yaml`` states it."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from icsys.sources.companions.contents import first_bytes
from icsys.sources.folder_entries import path_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.sources.companions.tree_names import TreeNames

_SUFFIXES = (".yaml", ".yml")
_MOST = 16  # files of a folder
_SHAPE = re.compile(
    rb"^kpt_shape[ \t]*:(?:[ \t]*\[[ \t]*\d+[ \t]*,[ \t]*|[ \t]*\r?\n[ \t]*-[ \t]*\d+[ \t]*\r?\n[ \t]*-[ \t]*)([23])\b",
    re.MULTILINE,
)


def keypoint_values(tree: TreeNames, folder: str) -> int | None:
    """Return the values of a keypoint, 2 or 3, in the labels of a folder; None if no file states it, or two differ.

    The files in the folder count, and those in the folders above it; the nearest that state it decide.
    """
    while True:
        found = {int(match[1]) for data in _texts(tree, folder) if (match := _SHAPE.search(data))}
        if found:
            return found.pop() if len(found) == 1 else None
        if not folder:
            return None
        folder = folder.rpartition("/")[0]


def _texts(tree: TreeNames, folder: str) -> Iterator[bytes]:
    """Yield the beginning of the files of a folder that may state it."""
    seen = tree.folders.get(folder)
    if seen is None or not seen.suffixes.intersection(_SUFFIXES):
        return
    names = (name for name in tree.names(folder)[1] if name.lower().endswith(_SUFFIXES))
    for name in islice(names, _MOST):
        yield first_bytes(tree.reader.source / path_in(folder, name))
