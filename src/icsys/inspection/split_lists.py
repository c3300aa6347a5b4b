"""The split of each image by lists of names, such as VOC's ``ImageSets/Main/train.txt`` and YOLO's ``train.txt``."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.inspection.image_facts import AS_SMALL
from icsys.inspection.split_folders import purpose_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from icsys.sources.base import Companion, Source, Task

NAMES = "names"
"""The form of companions that are lists of names."""

_LONGEST = 4096  # bytes of a line that may name an image


def splits_in_lists(source: Source, lists: Iterable[Companion], tasks: Sequence[Task]) -> dict[str, str]:
    """Return the names of splits by the paths of the images that lists name.

    A list counts if its own name is that of a split. A line begins with a path below the folder of the list or of the
    source, or with a stem that one image alone has. The first list that names an image counts.
    """
    named = [(one, _stem(one.source)) for one in lists if purpose_of(_stem(one.source))]
    found: dict[str, str] = {}
    if not named:
        return found
    paths = {task.source for task in tasks}
    stems: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        stems[_stem(path)].append(path)
    for one, split in named:
        folder = one.source.rpartition("/")[0]
        for word in _first_words(source, one):
            places = (posixpath.normpath(posixpath.join(above, word)) for above in (folder, ""))
            alone = [place for place in places if place in paths][:1] or stems.get(_stem(word), [])
            if len(alone) == 1:
                found.setdefault(alone[0], split)
    return found


def _first_words(source: Source, one: Companion) -> Iterator[str]:
    """Yield the first word of each line of a list; nothing if it cannot be read."""
    try:
        data, _ = source.read(one.task, AS_SMALL)
    except (ImageError, OSError):
        return
    for line in data.splitlines():
        words = line[:_LONGEST].decode("utf-8", "surrogateescape").split()
        if words:
            yield words[0].replace("\\", "/")


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
