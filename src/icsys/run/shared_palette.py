"""The first pass of a run whose images share palettes: their colours are pooled, image by image, and none is kept."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.color.palette import tidy
from icsys.color.pooled_colors import ColorCounts, PooledColors, count_colors
from icsys.color.strategies import STRATEGY_TABLE
from icsys.engine import Lost
from icsys.errors import ImageError, UsageError
from icsys.image.decode import decode_photo
from icsys.layout import PALETTE
from icsys.records.labels import label_of
from icsys.records.palette_files import Palettes, load_palettes
from icsys.sources.base import Task, Unreadable, read_loaded
from icsys.sources.folder import Folder
from icsys.version import __version__

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.sources.base import Source

_MAY_PASS = {"changed", "missing_extra"}  # codes of images that may be as they should be next time
_BY_CLASS = "class"
# What palette.json tells of how a palette was found.
_ABOUT = ("palette", "strategy", "colors", "effort", "space", "seed", "step", "scale", "size", "fit", "resample")


@dataclass(frozen=True, slots=True)
class Look:
    """An image to look at, for the palette of ``label``; its colours may come as cells of ``bits`` a channel."""

    work: Task
    label: str
    bits: int


LoadedLook = tuple[Look, bytes | ImageError | None]
"""An image to look at with what was read ahead of it, as :data:`~icsys.sources.base.Loaded`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The colours of an image; none of one that cannot be used, and whether that may change without the image."""

    item: Look
    table: ColorCounts | None
    may_pass: bool = False


def look(
    loaded: LoadedLook, *, source: Source, options: Options, admit: Admit, slots: AbstractContextManager[object]
) -> Seen:
    """Count the colours of an image as small as the run will make it; what a worker does in the first pass."""
    item, read_ahead = loaded
    try:
        data, _ = read_loaded(source, (item.work, read_ahead), options)
        with slots:
            pixels = decode_photo(data, options, admit).pixels
            del data
            return Seen(item, count_colors(pixels, item.bits))
    except ImageError as error:
        return Seen(item, None, may_pass=error.code in _MAY_PASS)
    except (OSError, MemoryError):
        return Seen(item, None, may_pass=True)


def find_palettes(
    source: Source,
    destination: RootedPath,
    options: Options,
    *,
    keep: bool,
    anew: bool,
    team: Callable[[Iterable[LoadedLook]], Generator[Seen | Lost[LoadedLook]]],
    tell: Callable[[int], object],
    wait: Callable[[Callable[[], object]], object],
    stop: threading.Event,
) -> Palettes:
    """Return the palettes that the images of ``source`` share: those of the last run, or new ones.

    Parameters
    ----------
    keep
        Take those of the last run whatever has become of the sources.
    anew
        Look at the images even where those of the last run were found from the same ones.
    team
        Has :func:`look` done by many.
    tell
        Called with the number of images looked at.
    wait
        Does what takes long and ends early if the run is to end.

    Returns
    -------
    Palettes
        Of some classes or none if ``stop`` was set, or images could not be used.
    """
    earlier = _earlier(destination, options)
    if keep and earlier:
        return earlier
    made_from = _made_from(source, options, stop)
    if earlier and made_from and earlier.made_from == made_from and not anew:
        return earlier
    survey = _Survey(options, wait, stop)
    tasks = source.plan_by_class() if isinstance(source, Folder) and options.palette == _BY_CLASS else _tasks(source)
    with closing(team(_loaded(source, survey.items(tasks), options))) as outcomes:
        for number, seen in enumerate(outcomes, 1):
            survey.take(seen)
            tell(number)
    survey.finish()
    return Palettes(
        dict(sorted(survey.colors.items())),  # and not in the order in which they were found
        options.palette == _BY_CLASS,
        survey.images,
        _about(options),
        # One that failed for a reason that passes would never be looked at again.
        made_from="" if survey.unsettled else made_from,
    )


class _Survey:
    """Pools the colours of images, and turns each pool into a palette once its last image is there."""

    def __init__(self, options: Options, wait: Callable[[Callable[[], object]], object], stop: threading.Event) -> None:
        self._options, self._wait, self._stop = options, wait, stop
        self.colors: dict[str, NDArray[np.uint8]] = {}
        self.images: dict[str, int] = {}
        self.unsettled = False
        self._pools: dict[str, PooledColors] = {}
        self._under_way: Counter[str] = Counter()
        self._current = ""

    def items(self, tasks: Iterable[Task]) -> Iterator[Look]:
        """Draw what there is to look at from a plan, in which the images of a class follow one another."""
        for task in tasks:
            if self._stop.is_set():
                return
            label = _name(task, self._options)
            if label != self._current:
                self._current, before = label, self._current
                self._close(before)
            pool = self._pools.setdefault(label, PooledColors(self._options.most_colors))
            self._under_way[label] += 1
            yield Look(task, label, pool.bits)

    def take(self, seen: Seen | Lost[LoadedLook]) -> None:
        """Add the colours of an image."""
        label = (seen.item[0] if isinstance(seen, Lost) else seen.item).label
        if isinstance(seen, Lost) or seen.table is None:
            self.unsettled = self.unsettled or isinstance(seen, Lost) or seen.may_pass
        else:
            self._pools[label].add(seen.table)
        self._under_way[label] -= 1
        if label != self._current:
            self._close(label)

    def finish(self) -> None:
        """Find the palette of what came last."""
        self._close(self._current)

    def _close(self, label: str) -> None:
        """Find the palette of a class, unless some of its images are under way."""
        if self._under_way[label] or label not in self._pools:
            return
        del self._under_way[label]
        pool = self._pools.pop(label)
        if pool.images and not self._stop.is_set():
            self._wait(partial(self._find, label, pool))

    def _find(self, label: str, pool: PooledColors) -> None:
        strategy, options = STRATEGY_TABLE[self._options.strategy], self._options
        fit = strategy.fit_pool or strategy.fit
        assert fit is not None  # noqa: S101 - options with a shared palette have a strategy that reduces colours
        distinct = pool.distinct()
        if len(distinct) <= options.most_colors:
            palette = distinct.colors()
        else:
            strategy.prepare()
            with strategy.one_thread():
                palette = fit(distinct, options.most_colors, options)
        self.colors[label], _ = tidy(palette, np.arange(len(palette)))
        self.images[label] = pool.images


def _name(task: Task, options: Options) -> str:
    """Return whose palette an image shares: the name of its class, or nothing where it is one for all."""
    return (label_of(task.source) or "") if options.palette == _BY_CLASS else ""


def _tasks(source: Source) -> Iterator[Task]:
    return (planned for planned in source.plan("") if isinstance(planned, Task))


def _loaded(source: Source, items: Iterator[Look], options: Options) -> Iterator[LoadedLook]:
    """Let a source read ahead what it has to read in the order of its plan."""
    handed: deque[Look] = deque()

    def works() -> Iterator[Task]:
        for item in items:
            handed.append(item)
            yield item.work

    for _, data in source.load(works(), options):
        yield handed.popleft(), data


def _earlier(destination: RootedPath, options: Options) -> Palettes | None:
    """Return the palettes that an earlier run has left, if they are of the kind that is asked for."""
    try:
        found = load_palettes(destination / PALETTE)
    except UsageError:
        return None
    return found if found.by_class == (options.palette == _BY_CLASS) else None


def _made_from(source: Source, options: Options, stop: threading.Event) -> str:
    """Hash the names, sizes and times of all images, and the options; empty where an image cannot be told about."""
    told = hashlib.sha256(json.dumps(options.to_dict(), sort_keys=True).encode())
    for planned in source.plan(""):
        if isinstance(planned, Task):
            try:
                size, mtime_ns = source.stat(planned)
            except OSError:
                return ""
            if mtime_ns is None:
                return ""
            told.update(json.dumps([planned.source, size, mtime_ns]).encode())
        elif isinstance(planned, Unreadable):
            return ""
        if stop.is_set():
            return ""
    return told.hexdigest()


def _about(options: Options) -> dict[str, Any]:
    values = options.to_dict()
    return {name: values[name] for name in _ABOUT if name in values} | {"tool_version": __version__}
