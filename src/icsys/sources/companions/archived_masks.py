"""Tell of masks in archives, which are compressed like pictures: their pictures may come later in the archive."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from icsys.sources.base import Task
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


def masks_in_archives(plan: Callable[[], Iterable[Planned]]) -> tuple[str, ...]:
    """Return sentences about images of archives that have the names of masks and the stems of pictures.

    Parameters
    ----------
    plan
        Lists the archives; it is called twice.
    """
    counts, sample = Counter[str](), list[str]()
    for folder, name in _images(plan):
        if _may_be_mask(folder, name):
            counts[folder] += 1
            if len(sample) < _SAMPLE:
                sample.append(name)
    if not sample:
        return ()
    pictures = (name for folder, name in _images(plan) if not _may_be_mask(folder, name))
    if count_endings(sample, pictures).total() < _LIKELY * len(sample):
        return ()
    notes = Notes()
    for folder, count in counts.items():
        notes.add(
            folder,
            count,
            "{count} image{s} in {folders} may be masks, which ics takes for masks in folders only. They are "
            "compressed like pictures, which changes their values; unpack the archive first, or give --no-masks",
        )
    return notes.sentences()


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
