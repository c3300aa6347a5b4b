"""Tell of masks and labels in compressed tars and in archives behind a URL, where they are not looked for.

Masks are compressed like pictures, and labels are left out. Their pictures may come later in the archive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from icsys.sources.base import Ignored, Task
from icsys.sources.companions.find_masks import may_hold_masks
from icsys.sources.companions.name_words import known_ending
from icsys.sources.companions.notes import Notes
from icsys.sources.companions.pairing import count_endings, stem_of
from icsys.sources.companions.tree_names import LOSSLESS_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from icsys.sources.base import Planned

_SAMPLE = 1000  # names
_LIKELY = 0.5  # of them with the stem of a picture
_LABELS = frozenset({".txt", ".xml", ".caption"})  # of a WebDataset, .json holds facts, which are made anew
_WHERE = "folders, zips and uncompressed tars on this machine"
_MASKS = (
    f"{{count}} image{{s}} in {{folders}} may be masks, which ics takes for masks in {_WHERE}. They are "
    "compressed like pictures, which changes their values; unpack the archive first, or give --no-masks"
)
_LEFT = (
    "{count} file{s} * in {folders} have the stems of images and are left out: ics takes labels and captions in "
    f"{_WHERE}; unpack the archive first to keep them"
)


def unclear_in_archives(plan: Callable[[], Iterable[Planned]], *, masks: bool = True) -> tuple[str, ...]:
    """Return sentences about what seems to go with images of archives, and does not.

    These are images with the names of masks and the stems of pictures, and files such as captions with the stems of
    images.

    Parameters
    ----------
    plan
        Lists the archives; it is called twice at most.
    masks
        Whether images are looked at, too.
    """
    images, labels = _Found(), defaultdict[str, _Found](_Found)
    for planned in plan():
        if isinstance(planned, Task | Ignored):
            folder, _, name = planned.source.rpartition("/")
            suffix = name[name.rfind(".") :].lower()
            if isinstance(planned, Ignored):
                if suffix in _LABELS:
                    labels[suffix].add(folder, name)
            elif masks and _may_be_mask(folder, name):
                images.add(folder, name)
    if not images.names and not labels:
        return ()
    alone = {suffix: set(map(stem_of, found.names)) for suffix, found in labels.items()}
    paired = count_endings(images.names, _pictures(plan, alone)).total()
    notes = Notes()
    if images.names and paired >= _LIKELY * len(images.names):
        images.tell(notes, _MASKS)
    for suffix, found in labels.items():
        if len(alone[suffix]) <= (1 - _LIKELY) * len(found.names):
            found.tell(notes, _LEFT.replace("*", f"*{suffix}"))
    return notes.sentences()


class _Found:
    """Files of one kind: their number in each folder, and the names of some."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self.names: list[str] = []

    def add(self, folder: str, name: str) -> None:
        self._counts[folder] += 1
        if len(self.names) < _SAMPLE:
            self.names.append(name)

    def tell(self, notes: Notes, text: str) -> None:
        for folder, count in self._counts.items():
            notes.add(folder, count, text)


def _pictures(plan: Callable[[], Iterable[Planned]], alone: dict[str, set[str]]) -> Iterator[str]:
    """Yield the names of images that are no masks, and remove the stems of all images from ``alone``."""
    for folder, name in _images(plan):
        for stems in alone.values():
            stems.discard(stem_of(name))
        if not _may_be_mask(folder, name):
            yield name


def _images(plan: Callable[[], Iterable[Planned]]) -> Iterator[tuple[str, str]]:
    """Yield folder and name of each image."""
    for planned in plan():
        if isinstance(planned, Task):
            folder, _, name = planned.source.rpartition("/")
            yield folder, name


def _may_be_mask(folder: str, name: str) -> bool:
    if name[name.rfind(".") :].lower() not in LOSSLESS_SUFFIXES:
        return False
    return may_hold_masks(folder) or bool(known_ending(stem_of(name)))
