"""Shared palettes: a first pass over the images counts and pools their colours, and finds a palette from each pool."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys import pipeline
from icsys.choices import ALL
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.color.palette_rounding import tidy
from icsys.color.pooled_colors import ColorCounts, PooledColors, count_colors
from icsys.color.rare_colors import fit_for_rare_colors
from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.errors import ImageError, UsageError
from icsys.image.decode import decode_photo
from icsys.image.picture_header import read_header
from icsys.layout import PALETTE
from icsys.records.label import label_of
from icsys.records.palette_files import Palettes, load_palettes
from icsys.records.splits import ImageFolders, TrainFolders
from icsys.run.wait_and_count import wait_for
from icsys.sources.base import Task, Unreadable, read_loaded, some_names
from icsys.sources.folder import Folder
from icsys.sources.selected_source import SelectedSource, whole_of
from icsys.version import __version__

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.run.count_results import RunMonitor
    from icsys.run_settings import RunSettings
    from icsys.selection import SizeRules
    from icsys.sources.base import Source

_MAY_PASS = {"changed", "missing_extra"}  # codes of failures that the next run may not meet
_BY_CLASS = "class"
_NAMED = 10
_FROM = "palette_from"  # in palette.json
# Options in palette.json: how the palette was found.
_RECORDED = (
    *("palette", "strategy", "colors", "effort", "space", "keep_colors", "count_power", "seed"),
    *("step", "scale", "size", "fit", "resample"),
)


@dataclass(frozen=True, slots=True)
class ColorTask:
    """An image whose colours are to be counted for the palette of ``label``, with ``bits`` bits for each channel."""

    task: Task
    label: str
    bits: int


LoadedColorTask = tuple[ColorTask, bytes | ImageError | None]
"""A :class:`ColorTask` with its bytes if they were read ahead, as :data:`~icsys.sources.base.Loaded`."""


@dataclass(frozen=True, slots=True)
class ColorTable:
    """The colours of an image; None if it failed, and then whether the next run may succeed with the same image."""

    item: ColorTask
    counts: ColorCounts | None
    may_pass: bool = False


def count_task_colors(
    loaded: LoadedColorTask, source: Source, options: Options, limits: Limits, rules: SizeRules | None = None
) -> ColorTable:
    """Count the colours of an image in the size that its output will have; the worker of this pass.

    An image that a rule of size leaves out gives none.
    """
    item, read_ahead = loaded
    try:
        data, _ = read_loaded(source, (item.task, read_ahead), options)
        if rules is not None and rules.broken_by(*read_header(data, options).stored):
            return ColorTable(item, None)
        with limits.slots:
            pixels = decode_photo(data, options, limits.admit).pixels
            del data
            return ColorTable(item, count_colors(pixels, item.bits))
    except ImageError as error:
        return ColorTable(item, None, may_pass=error.code in _MAY_PASS)
    except (OSError, MemoryError):
        return ColorTable(item, None, may_pass=True)


def find_palettes(
    source: Source,
    destination: RootedPath | None,
    options: Options,
    settings: RunSettings,
    *,
    executor: Executor,
    monitor: RunMonitor,
) -> Palettes:
    """Return the palettes that the images of ``source`` share: those of the last run, or new ones.

    The last run's palettes are kept if the same images and options would give them again, or if only failed images are
    retried. Progress is reported as ``looked_at``.

    Parameters
    ----------
    destination
        The folder of the last run; None if there is none.

    Returns
    -------
    Palettes
        Incomplete if the run was stopped, or images could not be used.

    Raises
    ------
    UsageError
        If no image lies in the folders that ``options.palette_from`` names.
    """
    monitor.report(looked_at=0)
    earlier = _earlier(destination, options)
    if earlier and not settings.covers_all:
        return earlier
    survey = _survey(source, options, settings, monitor.stop)
    made_from = survey.made_from
    if earlier and made_from and earlier.made_from == made_from and not settings.redo_all:
        return earlier
    pools = _Pools(options, monitor)
    tasks = _tasks(source, by_class=options.palette == _BY_CLASS)
    if survey.folders:
        chosen = ImageFolders(survey.folders)
        tasks = (task for task in tasks if chosen.hold(_path_in(source, task)))
    count = partial(count_task_colors, source=source, options=options, rules=settings.size_rules)
    worker = partial(one_by_one, function=count)
    loaded = _loaded(source, pools.items(tasks), options)
    with closing(executor.map(worker, loaded, partial(pipeline.prepare_process, options))) as batches:
        for table in chain.from_iterable(batches):
            pools.add(table)
    pools.finish()
    return Palettes(
        dict(sorted(pools.colors.items())),  # not in the order in which they were found
        options.palette == _BY_CLASS,
        pools.images,
        _recorded_options(options, survey.folders),
        # Without this rule, an image that failed by accident would never be looked at again.
        made_from="" if pools.incomplete else made_from,
    )


def palette_folders(palettes: Palettes) -> list[str]:
    """Return the folders whose images gave the palettes, or patterns of them; empty for all images."""
    folders = palettes.about.get(_FROM)
    return [folder for folder in folders if isinstance(folder, str)] if isinstance(folders, list) else []


class _Pools:
    """Pools the colours of images, one pool per palette, and finds each palette once its last image is counted."""

    def __init__(self, options: Options, monitor: RunMonitor) -> None:
        self._options, self._monitor = options, monitor
        self.colors: dict[str, NDArray[np.uint8]] = {}
        self.images: dict[str, int] = {}
        self.incomplete = False
        self._looked_at = 0
        self._pools: dict[str, PooledColors] = {}
        self._under_way: Counter[str] = Counter()
        self._current = ""

    def items(self, tasks: Iterable[Task]) -> Iterator[ColorTask]:
        """Yield the images to count; those of one class come one after another."""
        for task in tasks:
            if self._monitor.stop.is_set():
                return
            label = _label(task, self._options)
            if label != self._current:
                self._current, before = label, self._current
                self._close(before)
            pool = self._pools.setdefault(label, PooledColors(self._options.most_colors))
            self._under_way[label] += 1
            yield ColorTask(task, label, pool.bits)

    def add(self, table: ColorTable | Lost[LoadedColorTask]) -> None:
        """Add the colours of an image, and report progress."""
        label = table.item[0].label if isinstance(table, Lost) else table.item.label
        if isinstance(table, Lost) or table.counts is None:
            self.incomplete = self.incomplete or isinstance(table, Lost) or table.may_pass
        else:
            self._pools[label].add(table.counts)
        self._under_way[label] -= 1
        if label != self._current:
            self._close(label)
        self._looked_at += 1
        self._report()

    def finish(self) -> None:
        """Find the palette of the last images."""
        self._close(self._current)

    def _report(self) -> None:
        self._monitor.report(looked_at=self._looked_at)

    def _close(self, label: str) -> None:
        """Find a palette, unless some of its images are still being counted."""
        if self._under_way[label] or label not in self._pools:
            return
        del self._under_way[label]
        pool = self._pools.pop(label)
        if pool.images and not self._monitor.stop.is_set():
            wait_for(partial(self._find, label, pool), self._report, self._monitor.stop)

    def _find(self, label: str, pool: PooledColors) -> None:
        strategy, options = STRATEGY_TABLE[self._options.strategy], self._options
        fit = strategy.fit_pool or strategy.fit
        assert fit is not None  # noqa: S101 - options with a shared palette have a strategy that reduces colours
        distinct = pool.distinct()
        if len(distinct) <= options.most_colors and not options.keep_colors:
            palette = distinct.colors()
        else:
            strategy.prepare()
            with strategy.one_thread():
                palette = fit_for_rare_colors(fit, distinct, options.most_colors, options, keep_all=True)
        self.colors[label], _ = tidy(palette, np.arange(len(palette)))
        self.images[label] = pool.images


def _label(task: Task, options: Options) -> str:
    """Return the class whose palette an image shares; an empty text for the palette of all images."""
    return (label_of(task.source) or "") if options.palette == _BY_CLASS else ""


def _tasks(source: Source, *, by_class: bool) -> Iterator[Task]:
    if by_class and isinstance(source, Folder | SelectedSource) and isinstance(whole_of(source), Folder):
        return source.plan_by_class()
    return (planned for planned in source.plan("") if isinstance(planned, Task))


def _loaded(source: Source, items: Iterator[ColorTask], options: Options) -> Iterator[LoadedColorTask]:
    """Yield the items with what the source reads ahead."""
    handed: deque[ColorTask] = deque()

    def tasks() -> Iterator[Task]:
        for item in items:
            handed.append(item)
            yield item.task

    for _, data in source.load(tasks(), options):
        yield handed.popleft(), data


def _earlier(destination: RootedPath | None, options: Options) -> Palettes | None:
    """Return the palettes of the last run, if they are for all images or for classes as these options say."""
    if destination is None:
        return None
    try:
        found = load_palettes(destination / PALETTE)
    except UsageError:
        return None
    return found if found.by_class == (options.palette == _BY_CLASS) else None


def _path_in(source: Source, task: Task) -> str:
    """Return the path that decides which folder an image is in: with the split that the run gives it."""
    return task.output if isinstance(source, SelectedSource) and source.has_splits else task.source


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the names of the images decide.

    Attributes
    ----------
    made_from
        Hash of the options and of all images' names, sizes and times; empty if one of them is unknown.
    folders
        The folders whose images give the palette, or patterns of them; empty for all images.
    """

    made_from: str
    folders: tuple[str, ...]


def _survey(source: Source, options: Options, settings: RunSettings, stop: threading.Event) -> _Survey:
    """Look through the names of all images before any is read."""
    decisive = options.to_dict() | (settings.size_rules._asdict() if settings.size_rules else {})
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode())
    pattern = options.palette_from
    named: tuple[str, ...] = () if pattern is None or pattern == ALL else (pattern,)
    chosen, train, tops = ImageFolders(named), TrainFolders(), dict[str, None]()
    is_known, is_found = True, not named
    for planned in source.plan(""):
        if isinstance(planned, Task):
            path = _path_in(source, planned)
            train.add(path)
            is_found = is_found or chosen.hold(path)
            if named:
                tops.setdefault(path.partition("/")[0] if "/" in path else "")
            is_known = is_known and _add_facts(digest, source, planned)
        elif isinstance(planned, Unreadable):
            is_known = False
        if stop.is_set():
            return _Survey("", named)
    if not is_found:
        raise UsageError(_not_found(named[0], source, tops))
    if options.palette_from is None and options.palette != _BY_CLASS:
        named = train.found()
    return _Survey(digest.hexdigest() if is_known else "", named)


def _add_facts(digest: hashlib._Hash, source: Source, task: Task) -> bool:
    """Add the name, size and time of an image to a hash; return whether they are known."""
    try:
        size, mtime_ns = source.stat(task)
    except OSError:
        return False
    digest.update(json.dumps([_path_in(source, task), size, mtime_ns]).encode())
    return mtime_ns is not None


def _not_found(pattern: str, source: Source, tops: Mapping[str, None]) -> str:
    """Return the text of the error for a folder without images; ``tops`` has the top folders that hold some."""
    names = sorted(filter(None, tops))
    there = f"its top folders are {some_names(names, _NAMED)}" if names else "its images lie in no folder"
    return (
        f"palette_from={pattern!r} with source {source.shown!r}: no image lies below such a folder, and {there}; "
        f"expected one of its folders, a pattern such as '*/{pattern.rpartition('/')[2]}', or {ALL}"
    )


def _recorded_options(options: Options, folders: tuple[str, ...]) -> dict[str, Any]:
    values = options.to_dict()
    recorded = {name: values[name] for name in _RECORDED if name in values}
    return recorded | ({_FROM: list(folders)} if folders else {}) | {"tool_version": __version__}
