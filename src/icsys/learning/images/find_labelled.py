"""Find the images of a source that have classes, and how to divide them."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from threadpoolctl import threadpool_limits

from icsys.errors import UsageError
from icsys.inspection.groups import find_groups
from icsys.inspection.image_facts import collect_facts
from icsys.inspection.listing import list_source
from icsys.inspection.small_pictures import SmallPictures
from icsys.inspection.split_folders import FoundPlace, SplitFolders, purpose_of
from icsys.inspection.split_lists import splits_in_lists
from icsys.learning.design import FOLDS, TEST, VALIDATION
from icsys.learning.images.labelled_images import EXPECTED, LabelledImage, arrange
from icsys.learning.images.stratified_sample import stratified_sample
from icsys.learning.images.table_labels import labels_in_tables
from icsys.learning.learn_progress import LearnProgress
from icsys.learning.learn_settings import ALONE, EXACT, NEAR
from icsys.results import Failed
from icsys.sources.archives.archive_items import ArchivePlace
from icsys.sources.base import passed_over_text
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.engine.executor import Executor
    from icsys.inspection.listing import SourceListing
    from icsys.learning.images.labelled_images import LabelledImages
    from icsys.learning.learn_settings import LearnSettings
    from icsys.sources.base import Source, Task

    Report = Callable[[LearnProgress], object]

_TRAIN = "train"
_PACK_NUMBER = re.compile(r"[-_]?\d+\Z")


class _Candidate(NamedTuple):
    """An image with a class, and what its split is for."""

    task: Task
    label: str
    purpose: str | None


def find_labelled(
    source: Source,
    executor: Executor,
    settings: LearnSettings,
    *,
    most: int,
    seed: int,
    report: Report = lambda _: None,
) -> LabelledImages:
    """Find the images that have a class, choose a sample if there are many, and divide it.

    The class is the one that the source states, otherwise the folder, as in an inspection. Images are tested that lie
    in a test split, else in a validation split, beside a training split. Otherwise each group of images is left out in
    turn. Near duplicates are searched in the sample: those of images outside it do no harm.

    Parameters
    ----------
    source
        Opened with what goes with its images, so that masks are no images.
    executor
        Reads and decodes images, where duplicates are searched.
    settings
        ``group`` is used.
    most
        More images than this are sampled: classes and splits in proportion, at least two images of each class.
    seed
        Of the sample.
    report
        Called with how far this step is.

    Raises
    ------
    UsageError
        If there is no image, no class, one class only, or nothing to train on; or the pattern of groups is of no use.
    """
    note = "Listing"
    listing = list_source(source, executor.stop, lambda done: report(LearnProgress(done, None, note)))
    _check_splits(source, listing)
    candidates = _with_classes(source, listing)
    notes = _left_out(len(listing.tasks) - len(candidates), "image", "without a class")
    kind, divided = _divide(candidates)
    if kind in {TEST, VALIDATION}:
        others = Counter(one.purpose for one in candidates) - Counter(one.purpose for one in divided)
        notes += _left_out(others.pop("validation", 0), "image", "of the validation split")
        notes += _left_out(others.total(), "image", "outside the splits")
    pattern_keys = _pattern_keys(divided, settings.group)
    strata = [(one.purpose == kind if kind != FOLDS else True, one.label) for one in divided]
    rows = stratified_sample(strata, most, seed)
    if len(rows) < len(divided):
        notes.append(
            f"{len(rows)} of {len(divided)} images are judged, drawn at random (seed {seed}) with classes "
            f"{'' if kind == FOLDS else 'and splits '}in proportion."
        )
    chosen = [divided[row] for row in rows]
    keys = None if pattern_keys is None else [pattern_keys[row] for row in rows]
    groups = _Groups(source, executor, report, settings.group)
    found, failures = groups.find(chosen, keys, kind)
    notes += groups.notes
    labelled = arrange(found, kind, len(candidates), source.shown, listing.broken + failures)
    return labelled._replace(notes=notes + labelled.notes)


def _with_classes(source: Source, listing: SourceListing) -> list[_Candidate]:
    """Return the images that have a class."""
    if not listing.tasks:
        others = [passed_over_text(listing.outputs_passed_over)] if listing.outputs_passed_over else []
        others += [f"{one.source}: {one.message}" for one in listing.broken[:1]]
        noted = f" ({'; '.join(others)})" if others else ""
        raise UsageError(f"no image was found in {source.shown!r}{noted}: {EXPECTED}")
    folders = SplitFolders({task.source.rpartition("/")[0] for task in listing.tasks})
    lists = splits_in_lists(source, listing.lists, listing.tasks)
    tables = labels_in_tables(source, listing.tables, listing.tasks)
    found = []
    for task in listing.tasks:
        place = _place_of(task, folders, lists)
        label = tables.labels.get(task.source, place.label) if task.label is None else task.label.name
        if label is not None:
            found.append(_Candidate(task, label, place.purpose))
    if not found:
        noted = f" ({' '.join(tables.problems).removesuffix('.')})" if tables.problems else ""
        raise UsageError(f"no image of {source.shown!r} has a class{noted}: {EXPECTED}")
    return found


def _place_of(task: Task, folders: SplitFolders, lists: dict[str, str]) -> FoundPlace:
    place = folders.place_of(task.source)
    if place.split is not None:
        return place
    if task.source in lists:
        return place._replace(split=lists[task.source], purpose=purpose_of(lists[task.source]))
    # One pack of several, such as train-000000.tar, is no folder.
    pack = task.place.file.replace("\\", "/").rpartition("/")[2] if isinstance(task.place, ArchivePlace) else ""
    return place._replace(purpose=purpose_of(_PACK_NUMBER.sub("", pack.partition(".")[0])))


def _check_splits(source: Source, listing: SourceListing) -> None:
    """Refuse a source with a split that cannot be read: images would be divided in another way."""
    for one in listing.broken:
        name = one.source.rpartition("/")[2]
        if is_image_name(name):
            continue
        if purpose_of(name) or purpose_of(_PACK_NUMBER.sub("", name.partition(".")[0])):
            raise UsageError(f"the split {one.source!r} of {source.shown!r} cannot be read: {one.message}")


def _divide(candidates: Sequence[_Candidate]) -> tuple[str, list[_Candidate]]:
    """Return the kind of split and the images that it uses; ``FOLDS`` where the source has none."""
    purposes = {one.purpose for one in candidates}
    for kind in (TEST, VALIDATION):
        if {_TRAIN, kind} <= purposes:
            return kind, [one for one in candidates if one.purpose in {_TRAIN, kind}]
    return FOLDS, list(candidates)


def _left_out(number: int, what: str, which: str) -> list[str]:
    if not number:
        return []
    return [f"{number} {what}{'' if number == 1 else 's'} {which}: left out."]


def _pattern_keys(images: Sequence[_Candidate], group: str) -> list[str | None] | None:
    """Return what a pattern finds in each path, None where nothing; None if groups are not given by a pattern."""
    if group in {NEAR, EXACT, ALONE}:
        return None
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UsageError(
            f"group={group!r}: expected {NEAR}, {EXACT}, {ALONE}, or a regular expression; {error}"
        ) from None
    keys = [_key(pattern, one.task.source) for one in images]
    example = images[0].task.source
    if not any(key is not None for key in keys):
        raise UsageError(f"group={group!r} is found in no path, such as {example!r}: expected a pattern of their parts")
    if len(set(keys)) == 1 and keys[0] is not None:
        raise UsageError(
            f"group={group!r} finds {keys[0]!r} in every path, so all images would be one group: expected a pattern "
            f"that tells groups apart, in paths such as {example!r}"
        )
    return keys


def _key(pattern: re.Pattern[str], path: str) -> str | None:
    found = pattern.search(path)
    if found is None:
        return None
    return found[1] if pattern.groups else found[0]


class _Groups:
    """Finds the groups of images.

    Attributes
    ----------
    notes
        What to know about them, in sentences.
    """

    def __init__(self, source: Source, executor: Executor, report: Report, group: str) -> None:
        self._source, self._executor, self._report, self._group = source, executor, report, group
        self.notes: list[str] = []

    def find(
        self, images: Sequence[_Candidate], keys: Sequence[str | None] | None, kind: str
    ) -> tuple[list[LabelledImage], list[Failed]]:
        """Return the images with their groups, and what cannot be decoded.

        With a split of the source, only tested images have groups.
        """
        failures: list[Failed] = []
        if keys is not None:
            places = _numbers_of(keys)
        elif self._group == ALONE:
            places = list(range(len(images)))
        else:
            places, failures = self._duplicates(images)
            broken = {one.source for one in failures}
            kept = [row for row, one in enumerate(images) if one.task.source not in broken]
            images, places = [images[row] for row in kept], [places[row] for row in kept]
        is_own = kind != FOLDS
        found = [
            LabelledImage(one.task, one.label, one.purpose == kind if is_own else True, place)
            for one, place in zip(images, places, strict=True)
        ]
        if is_own:
            self._note_leaks(found, kind)
            # Models are trained on all others, so what they have in common leaves nothing out.
            free = max(places, default=0) + 1
            found = [one if one.is_tested else one._replace(group=free + row) for row, one in enumerate(found)]
        return found, failures

    def _duplicates(self, images: Sequence[_Candidate]) -> tuple[list[int], list[Failed]]:
        """Return the number of the group of each image, and the images that cannot be decoded."""
        tasks, note = [one.task for one in images], "Looking for duplicates"
        with threadpool_limits(1, user_api="blas"):
            looked = partial(self._say, "Looking at the images", len(tasks))
            facts = collect_facts(tasks, self._source, self._executor, looked)
            pictures = SmallPictures(self._source, self._executor, tasks, partial(self._say, note))
            groups = find_groups(facts, pictures, near=self._group == NEAR).all
        failures = [
            Failed(source=one.source, code=one.failure[0], message=one.failure[1])
            for one in facts
            if one.failure is not None
        ]
        numbers = {name: number for number, group in enumerate(groups) for name in group}
        places = [numbers.get(task.source, len(groups) + row) for row, task in enumerate(tasks)]
        return places, failures

    def _note_leaks(self, found: Sequence[LabelledImage], kind: str) -> None:
        """Note how many tested images have one of their group among the trained ones."""
        trained = {one.group for one in found if not one.is_tested}
        tested = [one for one in found if one.is_tested]
        leaks = sum(one.group in trained for one in tested)
        if not leaks:
            return
        what = {NEAR: "a near duplicate", EXACT: "an exact duplicate"}.get(self._group, "one of their group")
        self.notes.append(
            f"{leaks} of {len(tested)} images of the {kind} split have {what} in the train split: accuracies are "
            "higher than for new images."
        )

    def _say(self, note: str, total: int | None, done: int) -> None:
        self._report(LearnProgress(done, total, note))


def _numbers_of(keys: Sequence[str | None]) -> list[int]:
    """Return a number for each key; images without one are alone."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault((row,) if key is None else key, len(numbers)) for row, key in enumerate(keys)]
