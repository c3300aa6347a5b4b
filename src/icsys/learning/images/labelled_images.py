"""``LabelledImages``: images with classes, and which of them a model is trained and tested on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import UsageError
from icsys.learning.design import FOLDS, GROUPS, TEST, VALIDATION, Design
from icsys.sources.base import some_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from icsys.results import Failed
    from icsys.sources.base import Task

FEWEST = 2
"""Images that a class needs."""

EXPECTED = (
    "expected folders of classes, such as cat/1.jpg and dog/2.jpg, a table with a column label beside file names "
    "(metadata.csv, or --table), a WebDataset with .cls files, or a Parquet table with a column of labels"
)
"""Where classes are looked for."""

_NAMED = 5


class LabelledImages(NamedTuple):
    """Images with classes; n of them.

    Attributes
    ----------
    tasks
        The images, in the order of the source.
    design
        Which of them a model is trained and tested on.
    class_names
        Names of the classes, by number.
    images_found
        Number of images with a class in the source.
    notes
        What to know about the choice of images, in sentences.
    failures
        Images, and folders of them, that could not be read.
    """

    tasks: list[Task]
    design: Design
    class_names: list[str]
    images_found: int
    notes: list[str]
    failures: list[Failed]


class LabelledImage(NamedTuple):
    """One image with its class.

    Attributes
    ----------
    label
        Name of its class.
    is_tested
        Whether it is in the split that models are tested on; without a split of the source, whether it is of any use.
    group
        Number of its group: images with equal numbers are left out together.
    """

    task: Task
    label: str
    is_tested: bool
    group: int


def arrange(
    images: Sequence[LabelledImage], kind: str, found: int, place: str, failures: Sequence[Failed] = ()
) -> LabelledImages:
    """Return images with their design; classes of fewer than two images are left out, with a note.

    Parameters
    ----------
    images
        In the order of the source.
    kind
        ``TEST`` or ``VALIDATION`` for a split of the source; otherwise the groups decide.
    found
        Number of images with a class in the source.
    place
        Name of the source, for messages.
    failures
        What could not be read; an error names the first of them, which may be why images lack.

    Raises
    ------
    UsageError
        If fewer than two classes are left, or a tested class has no image to be trained on.
    """
    try:
        return _arranged(images, kind, found, place)._replace(failures=[*failures])
    except UsageError as error:
        raise UsageError(f"{error}{_unread(failures)}") from None


def _unread(failures: Sequence[Failed]) -> str:
    """Return how much could not be read, and why the first could not, to go after an error."""
    if not failures:
        return ""
    first = f"{failures[0].source}: {failures[0].message}"
    return f"; not readable: {first}" if len(failures) == 1 else f"; {len(failures)} not readable, such as {first}"


def _arranged(images: Sequence[LabelledImage], kind: str, found: int, place: str) -> LabelledImages:
    counts = Counter(one.label for one in images)
    rare = sorted(label for label, count in counts.items() if count < FEWEST)
    images = [one for one in images if counts[one.label] >= FEWEST]
    names = sorted(counts.keys() - set(rare))
    notes = []
    if rare:
        what = "1 class" if len(rare) == 1 else f"{len(rare)} classes"
        notes = [f"{what} with one usable image: left out ({some_names(rare, _NAMED)})."]
    if len(names) < 2:  # noqa: PLR2004 - a choice needs two
        some = f"; {notes[0].removesuffix('.')}" if notes else ""
        only = f"one class only, {names[0]!r}" if names else "no class of two or more usable images"
        raise UsageError(f"{place!r} has {only}{some}: expected two or more classes of {FEWEST} or more images")
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[one.label] for one in images], np.int32)
    groups = _numbered([one.group for one in images])
    tested = np.array([one.is_tested for one in images])
    if kind in {TEST, VALIDATION}:
        design = Design(labels, len(names), ~tested, tested, groups, kind)
        _check_split(design, names, place)
        notes += _without_tests(design, names)
    else:
        every = np.ones(len(images), np.bool_)
        kind = GROUPS if len(np.unique(groups)) < len(groups) else FOLDS
        design = Design(labels, len(names), every, every, groups, kind)
        notes += _check_groups(design, names, place)
    return LabelledImages([one.task for one in images], design, names, found, notes, [])


def without_unusable(labelled: LabelledImages, usable: NDArray[np.bool_], place: str = "the source") -> LabelledImages:
    """Return labelled images without the ones that could not be made; classes and groups are numbered anew.

    Parameters
    ----------
    usable
        Shape (n,), bool.
    place
        Name of the source, for messages.

    Raises
    ------
    UsageError
        As for :func:`arrange`.
    """
    if usable.all():
        return labelled
    design = labelled.design
    images = [
        LabelledImage(
            labelled.tasks[row],
            labelled.class_names[design.labels[row]],
            bool(design.tested[row]),
            int(design.groups[row]),
        )
        for row in np.flatnonzero(usable)
    ]
    again = arrange(images, design.kind, labelled.images_found, place, labelled.failures)
    return again._replace(notes=[*labelled.notes, *(note for note in again.notes if note not in labelled.notes)])


def _numbered(groups: Sequence[int]) -> NDArray[np.int32]:
    """Return groups as numbers from 0, in the order of their first images."""
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int32)


def _check_split(design: Design, names: Sequence[str], place: str) -> None:
    trained = np.bincount(design.labels[design.trained], minlength=len(names))
    tested = np.bincount(design.labels[design.tested], minlength=len(names))
    lacking = [names[int(number)] for number in np.flatnonzero((tested > 0) & (trained == 0))]
    if lacking:
        raise UsageError(
            f"{place!r}: classes of the {design.kind} split without a usable image in the train split: "
            f"{some_names(lacking, _NAMED)}; expected the same classes in both"
        )
    if np.count_nonzero(tested) < 2:  # noqa: PLR2004 - a choice needs two
        raise UsageError(f"{place!r}: the {design.kind} split has one class only; expected two or more")


def _without_tests(design: Design, names: Sequence[str]) -> list[str]:
    tested = np.bincount(design.labels[design.tested], minlength=len(names))
    lacking = [names[int(number)] for number in np.flatnonzero(tested == 0)]
    if not lacking:
        return []
    return [f"Classes without an image in the {design.kind} split: {some_names(lacking, _NAMED)}."]


def _check_groups(design: Design, names: Sequence[str], place: str) -> list[str]:
    """Refuse groups with which no model could know a class, and name the classes for which that is so."""
    pairs = np.unique(np.stack([design.labels, design.groups]), axis=1)
    several = np.bincount(pairs[0], minlength=len(names))
    alone = [names[int(number)] for number in np.flatnonzero(several < FEWEST)]
    if not alone:
        return []
    if len(alone) == len(names):
        raise UsageError(
            f"{place!r}: all images of each class are in one group, so a model that is tested on a class would have "
            "seen none of it; expected two or more groups in a class (--group)"
        )
    note = (
        f"All images are in one group in {len(alone)} of {len(names)} classes ({some_names(alone, _NAMED)}): models "
        "that are tested on it have seen no image of that class."
    )
    return [note]
