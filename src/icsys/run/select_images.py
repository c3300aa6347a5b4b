"""Select images before a run plans its outputs: leave some out, and divide the others among splits."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from icsys.choices import PACKINGS
from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.errors import ImageError, UsageError
from icsys.inspection.equal_files import equal_files
from icsys.inspection.groups import duplicate_groups
from icsys.inspection.split_folders import SplitFolders
from icsys.layout import SPLITS
from icsys.records.label import label_at
from icsys.records.split_list import read_split_list, split_key, split_table, write_split_list
from icsys.records.splits import standard_split
from icsys.run.worker import broken_size_rule
from icsys.sources.base import Task, read_loaded, some_names
from icsys.sources.selected_source import SelectedSource
from icsys.sources.split_assignment import UNASSIGNED, SplitImages, assign_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.records.split_list import SplitList, SplitTable
    from icsys.run_settings import RunSettings
    from icsys.selection import SizeRules, SplitShares
    from icsys.sources.base import Loaded, Source

_NAMED = 5


def select_images(
    source: Source,
    destination: RootedPath,
    options: Options,
    settings: RunSettings,
    *,
    executor: Executor,
    report: Callable[[str], object],
) -> tuple[Source, list[str]]:
    """Return the source as a run takes it: with the splits of its images, and without duplicates; and notes about it.

    Parameters
    ----------
    destination
        The output folder, held by the run; its list of splits is read, and written unless the run is a dry one.
    executor
        Reads images where names do not decide. Once it is stopped, the result is of no use.
    report
        Called with a note about what is done.

    Raises
    ------
    UsageError
        If the images cannot be divided in this way.
    """
    kept = read_split_list(destination)
    _check_list(kept, destination, options, settings)
    if not settings.selects:
        return source, []
    excluded: dict[str, tuple[str, str]] = {}
    if settings.drop_duplicates is not None:
        report("Looking for duplicates")
        excluded |= excluded_duplicates(source, options, executor)
    if settings.split is None:
        return SelectedSource(source, None, excluded), []
    check_split(settings.split, options)
    splitting = _Splitting(SelectedSource(source, None, excluded), kept, options, settings, executor)
    report("Listing")
    excluded |= splitting.list_images()
    if splitting.new and settings.shard is not None:
        raise UsageError(
            f"split={str(settings.split)!r} with shard={str(settings.shard)!r}: {splitting.new} images have no split "
            f"in {SPLITS} yet: expected a run without --shard first, which divides them"
        )
    if splitting.new and not executor.stop.is_set():
        splitting.assign(lambda total, done: report(f"Looking for duplicates ({done} of {total})"))
        if not settings.dry_run and not executor.stop.is_set():
            write_split_list(destination, settings.split, options.seed, splitting.new_rows())
    return SelectedSource(source, splitting.table, excluded), [splitting.note()]


def excluded_duplicates(source: Source, options: Options, executor: Executor) -> dict[str, tuple[str, str]]:
    """Return the images whose files equal that of an earlier one, by their paths: the rule, and a sentence."""
    equal = equal_files(source, executor, options)
    return {path: ("drop_duplicates", f"its file equals that of {first!r}") for path, first in equal.items()}


def splits_of_run(
    source: Source,
    excluded: dict[str, tuple[str, str]],
    options: Options,
    settings: RunSettings,
    *,
    executor: Executor,
    looks: bool,
) -> tuple[SplitTable, dict[str, tuple[str, str]]]:
    """Return the splits that the first run into a new folder gives to images, and the images that are left out.

    Parameters
    ----------
    excluded
        Images that are left out by name.
    looks
        Whether images are read: without it, images that show the same may get other splits than in a run, and those
        that a rule of size leaves out get one, too.

    Raises
    ------
    UsageError
        As for :func:`select_images`.
    """
    assert settings.split is not None  # noqa: S101 - as the caller has checked
    check_split(settings.split, options)
    settings = settings if looks else settings.replace(min_side=None, max_aspect=None)
    splitting = _Splitting(SelectedSource(source, None, excluded), None, options, settings, executor)
    excluded = excluded | splitting.list_images()
    if splitting.new and not executor.stop.is_set():
        splitting.assign(lambda *_: None, looks=looks)
    return splitting.table, excluded


def check_split(shares: SplitShares, options: Options) -> None:
    """Refuse names of splits that loaders would take for one split.

    Raises
    ------
    UsageError
        If two names stand for one split, or a pack would not show the split of its images.
    """
    seen: dict[str, str] = {}
    for name in shares.names:
        split = standard_split(name)
        if split is None and options.format in PACKINGS:
            raise UsageError(
                f"split={str(shares)!r} with format={options.format!r}, whose packs are named after the splits train, "
                f"validation and test: expected such names instead of {name!r}"
            )
        if split is not None and seen.setdefault(split, name) != name:
            raise UsageError(
                f"split={str(shares)!r}: loaders take {seen[split]!r} and {name!r} for one split, {split}: expected "
                "only one of them"
            )


def _check_list(kept: SplitList | None, destination: RootedPath, options: Options, settings: RunSettings) -> None:
    """Refuse other shares, or another seed, than the outputs of earlier runs were divided by."""
    if kept is None:
        return
    given = settings.split
    if given is None or given.fractions != kept.shares.fractions or options.seed != kept.seed:
        asked = "no split" if given is None else f"split={str(given)!r} and seed={options.seed}"
        raise UsageError(
            f"{asked} with destination {str(destination)!r}, whose images are divided by split={str(kept.shares)!r} "
            f"and seed={kept.seed}: expected the same, or another destination; without its file {SPLITS} they are "
            "divided anew"
        )


class _Splitting:
    """Divides the images of a source among splits.

    Attributes
    ----------
    new
        Number of images that have no split in the list of earlier runs.
    table
        The splits of all images.
    """

    def __init__(
        self, source: Source, kept: SplitList | None, options: Options, settings: RunSettings, executor: Executor
    ) -> None:
        assert settings.split is not None  # noqa: S101 - as the caller has checked
        self._source, self._options, self._settings = source, options, settings
        self._shares, self._executor = settings.split, executor
        names = tuple(sorted(self._shares.names))
        nothing = np.array([], np.uint64)
        self.table: SplitTable = kept.table if kept else split_table(names, nothing, np.array([], np.int16))
        self.new = 0
        self._listed = self.table
        self._keys: NDArray[np.uint64] = nothing
        self._classes: NDArray[np.int32] = np.array([], np.int32)
        self._class_names: list[str] = []
        self._samples: dict[tuple[str, str], list[int]] = defaultdict(list)

    def list_images(self) -> dict[str, tuple[str, str]]:
        """List all images; return the new ones that a rule of size leaves out, which get no split.

        Raises
        ------
        UsageError
            If the source has splits already.
        """
        excluded = self._excluded_by_size()
        keys, classes, numbers = array("Q"), array("i"), dict[str, int]()
        folders = set[str]()
        for task in self._tasks():
            folders.add(task.source.rpartition("/")[0])
            if task.source in excluded:
                continue
            if "/" not in task.source and self._options.palette == "class":
                raise UsageError(
                    f"palette='class' with split={str(self._shares)!r}: {task.source!r} lies in no folder of a class; "
                    "expected palette='dataset', or every image in a folder"
                )
            if task.sample:
                self._samples[task.output.rpartition("/")[0], task.sample].append(len(keys))
            keys.append(split_key(task.source))
            classes.append(numbers.setdefault(label_at(task.output, task.label).name or "", len(numbers)))
        self._check_folders(folders)
        self._keys, self._classes = np.array(keys, np.uint64), np.array(classes, np.int32)
        self._class_names = list(numbers)
        self.new = int((self._listed.of_all(self._keys) == UNASSIGNED).sum())
        return excluded

    def _check_folders(self, folders: Collection[str]) -> None:
        """Refuse a source that has splits already: two at least, or one that holds all images in sub-folders.

        A folder ``train`` that itself holds all images, perhaps beside a table about them, is divided.
        """
        places = SplitFolders(folders)
        found = {folder: places.place_of(f"{folder}/") for folder in folders}
        names = sorted({place.split for place in found.values() if place.split is not None})
        is_one = bool(names) and all(folder.rpartition("/")[2] != found[folder].split for folder in folders)
        if len({place.purpose for place in found.values()} - {None}) > 1 or (
            is_one and all(place.split for place in found.values())
        ):
            raise UsageError(
                f"split={str(self._shares)!r} with source {self._source.shown!r}, which has splits already, in folders "
                f"such as {some_names(names, _NAMED)}: expected a source without splits, or one of these folders"
            )

    def assign(self, report: Callable[[int, int], object], *, looks: bool = True) -> None:
        """Give each new image a split; ``report`` is as for ``duplicate_groups``, which ``looks`` at all images."""
        images = SplitImages(self._keys, self._classes, self._class_names, self._listed.of_all(self._keys))
        duplicates = self._duplicates(report) if looks else ()
        groups = joined([*duplicates, *self._samples.values()])
        splits = assign_splits(images, groups, self._shares.fractions, seed=self._options.seed)
        self.table = split_table(self.table.names, self._keys, splits)

    def note(self) -> str:
        """Return how many images of the source are in each split."""
        counts = Counter(self.table.of_all(self._keys).tolist())
        parts = (f"{counts[self.table.names.index(name)]} {name}" for name in self._shares.names)
        return f"images by split: {', '.join(parts)}"

    def new_rows(self) -> Iterator[tuple[str, str]]:
        """Yield the new images with their splits."""
        for task in self._tasks():
            split = self.table.of(task.source)
            if split is not None and self._listed.of(task.source) is None:
                yield task.source, split

    def _tasks(self) -> Iterator[Task]:
        for planned in self._source.plan(self._options.suffix):  # with labels and samples
            if self._executor.stop.is_set():
                return
            if isinstance(planned, Task):
                yield planned

    def _duplicates(self, report: Callable[[int, int], object]) -> Iterator[list[int]]:
        """Yield the numbers of images that show the same."""
        order = np.argsort(self._keys)
        for group in duplicate_groups(self._source, self._executor, self._options, report=report):
            wanted = np.array([split_key(source) for source in group], np.uint64)
            at = np.minimum(np.searchsorted(self._keys, wanted, sorter=order), len(order) - 1)
            found = order[at]
            yield found[self._keys[found] == wanted].tolist()

    def _excluded_by_size(self) -> dict[str, tuple[str, str]]:
        """Return the new images that a rule of size leaves out; the worker looks at the others again."""
        rules = self._settings.size_rules
        if rules is None:
            return {}
        tasks = (task for task in self._tasks() if self._listed.of(task.source) is None)
        work = partial(_broken_rule, source=self._source, options=self._options, rules=rules)
        loaded = self._source.load(tasks, self._options)
        found: dict[str, tuple[str, str]] = {}
        with closing(self._executor.map(partial(one_by_one, function=work), loaded, _nothing)) as batches:
            for one in chain.from_iterable(batches):
                if not isinstance(one, Lost) and one[1] is not None:
                    found[one[0]] = one[1]
        return found


def _broken_rule(
    loaded: Loaded, source: Source, options: Options, rules: SizeRules, limits: Limits
) -> tuple[str, tuple[str, str] | None]:
    """Return the path of an image with the rule of size that it breaks; no rule for one that cannot be read."""
    task = loaded[0]
    try:
        data, _ = read_loaded(source, loaded, options)
        with limits.slots:
            return task.source, broken_size_rule(data, options, rules)
    except (ImageError, OSError, MemoryError):
        return task.source, None


def joined(groups: Iterable[Sequence[int]]) -> list[list[int]]:
    """Join groups that share a member; return those with two members or more.

    Examples
    --------
    >>> joined([[1, 2], [5, 4], [2, 3], [9]])
    [[1, 2, 3], [4, 5]]
    """
    above: dict[int, int] = {}

    def top(one: int) -> int:
        above.setdefault(one, one)
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for group in groups:
        for other in group[1:]:
            above[top(other)] = top(group[0])
    members: dict[int, list[int]] = defaultdict(list)
    for one in sorted(above):
        members[top(one)].append(one)
    return list(members.values())


def _nothing() -> None:
    """Prepare nothing: a process needs no package to read headers."""
