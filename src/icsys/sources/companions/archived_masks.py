"""Tell of masks and labels in archives that are read as a stream, where nothing is found to go with images."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from icsys.sources.base import Ignored, Task
from icsys.sources.companions.find_masks import may_hold_masks
from icsys.sources.companions.name_words import known_ending
from icsys.sources.companions.notes import Notes
from icsys.sources.companions.pairing import count_endings, stem_of
from icsys.sources.companions.tree_files import name_suffix
from icsys.sources.companions.tree_names import LOSSLESS_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from icsys.sources.base import Planned

_WHERE = "folders, zips and uncompressed tars on this machine"
_LABELS = frozenset({".txt", ".xml", ".json", ".caption"})
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
            "{count} image{s} in {folders} may be masks. They are compressed like pictures, which changes their "
            f"values: ics takes images for masks in {_WHERE}. Unpack the archive first, or give --no-masks",
        )
    return notes.sentences()


def labels_in_archives(plan: Callable[[], Iterable[Planned]]) -> tuple[str, ...]:
    """Return a sentence about files with the stems of pictures and the suffixes of labels; ``plan`` as above."""
    counts, sample = Counter[str](), list[str]()
    for planned in plan():
        folder, _, name = planned.source.rpartition("/")
        if isinstance(planned, Ignored) and name_suffix(name) in _LABELS:
            counts[folder] += 1
            if len(sample) < _SAMPLE:
                sample.append(name)
    if not sample or count_endings(sample, (name for _, name in _images(plan))).total() < _LIKELY * len(sample):
        return ()
    notes = Notes()
    for folder, count in counts.items():
        notes.add(
            folder,
            count,
            "{count} file{s} in {folders} may be labels and are left out: ics looks for labels in "
            f"{_WHERE}. Unpack the archive first",
        )
    return notes.sentences()


def _images(plan: Callable[[], Iterable[Planned]]) -> Iterator[tuple[str, str]]:
    """Yield folder and name of each image."""
    for planned in plan():
        if isinstance(planned, Task):
            folder, _, name = planned.source.rpartition("/")
            yield folder, name


def _may_be_mask(folder: str, name: str) -> bool:
    if name_suffix(name) not in LOSSLESS_SUFFIXES:
        return False
    return may_hold_masks(folder) or bool(known_ending(stem_of(name)))
