"""``inspect_folder``: what a folder of images holds before anything is done."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from icsys.choices import AUTO
from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.files.locations import parse_source
from icsys.files.url import Url
from icsys.inspection.add_images import add_images
from icsys.inspection.groups import find_groups
from icsys.inspection.image_facts import AS_SMALL, collect_facts
from icsys.inspection.inspection import Inspection
from icsys.inspection.listing import KINDS, list_source
from icsys.inspection.progress import InspectionProgress
from icsys.inspection.small_pictures import SmallPictures
from icsys.inspection.split_lists import splits_in_lists
from icsys.run_settings import RunSettings
from icsys.sources.base import passed_over_text
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.files.locations import Location
    from icsys.inspection.listing import SourceListing
    from icsys.run_settings import Engine
    from icsys.sources.base import Source, Task

NOWHERE = Path(os.devnull)
"""The destination of what writes no images: no folder below a source."""

_INTERRUPTED = "interrupted"


def inspect_folder(
    source: Location,
    *,
    jobs: int | None = None,
    engine: Engine | None = None,
    follow_links: bool = False,
    include_outputs: bool = False,
    ignore_zeros: bool = False,
    masks: str = AUTO,
    near: bool = True,
    stop: threading.Event | None = None,
    progress: Callable[[InspectionProgress], object] | None = None,
) -> Inspection:
    """Find out what a source holds: images, what goes with them, broken files, duplicates, and leaks across splits.

    Each file is read and decoded once, to a small picture. Pictures that may be near duplicates are read once more,
    laid over one another and compared. Nothing is written.

    Parameters
    ----------
    source
        A folder, or another source that :func:`~icsys.compress_folder` accepts; it is only read.
    jobs
        Images worked on at once; the number of cores if left out.
    engine
        "auto" (default), "threads" or "processes", as for :func:`~icsys.compress_folder`.
    follow_links, include_outputs, ignore_zeros
        As for :func:`~icsys.compress_folder`.
    masks
        Files that are masks, as patterns with commas between them; "auto" (default) finds them, "none" takes no file
        for a mask.
    near
        Whether to search near duplicates, too.
    stop
        Set this event, from another thread or a signal handler, to end the inspection; what was found is returned.
    progress
        Called in the calling thread after some images.

    Returns
    -------
    Inspection
        What was found. A broken image never raises an error.

    Raises
    ------
    UsageError
        If the source cannot be opened or holds no image, or the engine is a cluster.
    MissingExtraError
        If the source needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import inspect_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("train/a.png", "test/a.png"):
    ...         Path(folder, name).parent.mkdir()
    ...         Image.radial_gradient("L").save(Path(folder, name))
    ...     found = inspect_folder(folder)
    >>> found.splits, found.leaks
    ({'test': 1, 'train': 1}, [['test/a.png', 'train/a.png']])
    """
    settings = RunSettings(
        jobs=jobs,
        engine=engine,
        follow_links=follow_links,
        include_outputs=include_outputs,
        ignore_zeros=ignore_zeros,
        masks=masks,
    )
    return inspect_source(source, settings, near=near, stop=stop, progress=progress)


def inspect_source(
    source: Location,
    settings: RunSettings,
    *,
    near: bool = True,
    stop: threading.Event | None = None,
    progress: Callable[[InspectionProgress], object] | None = None,
) -> Inspection:
    """Inspect a source as :func:`inspect_folder` does."""
    if settings.on_cluster:
        others = "auto, threads, processes"
        raise UsageError(f"engine={settings.engine!r}: an inspection works on this machine; expected one of {others}")
    settings = settings.resolve(cores=available_cores())
    place = parse_source(source)
    opened = open_source(
        place,
        NOWHERE,
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        ignore_zeros=settings.ignore_zeros,
        companions=CompanionSettings.of(settings, AS_SMALL),
    )
    work = _Work(opened, settings, isinstance(place, Url), stop or threading.Event(), progress or (lambda _: None))
    return work.inspect(near=near)


class _Work:
    """The steps of one inspection."""

    def __init__(
        self,
        source: Source,
        settings: RunSettings,
        remote: bool,
        stop: threading.Event,
        progress: Callable[[InspectionProgress], object],
    ) -> None:
        self._source, self._stop, self._progress = source, stop, progress
        assert settings.engine is not None and settings.jobs is not None  # noqa: S101, PT018 - they are resolved
        self._executor = Executor(settings.engine, settings.jobs, None, remote, stop)

    def inspect(self, *, near: bool) -> Inspection:
        """List the source, look at its images, and compare them."""
        start = time.perf_counter()
        listing = list_source(self._source, self._stop, partial(self._report, "Listing", None))
        if not listing.tasks and not self._stop.is_set():
            raise UsageError(_nothing_found(self._source, listing))
        with threadpool_limits(1, user_api="blas"):
            report = partial(self._report, "Inspecting", len(listing.tasks))
            facts = collect_facts(listing.tasks, self._source, self._executor, report)
            groups = find_groups(facts, self._pictures(listing.tasks), near=near)
        found = Inspection(self._source.shown)
        for kind, name in KINDS.items():
            setattr(found, kind, listing.found(name))
        found.ignored, found.outputs_passed_over = listing.ignored, listing.outputs_passed_over
        found.broken = listing.broken
        lists = splits_in_lists(self._source, listing.lists, listing.tasks)
        add_images(found, listing.tasks, lists, facts, groups)
        found.stopped = _INTERRUPTED if self._stop.is_set() else None
        found.seconds = time.perf_counter() - start
        return found

    def _pictures(self, tasks: list[Task]) -> SmallPictures:
        """Return how pictures are read once more, to be compared."""
        return SmallPictures(self._source, self._executor, tasks, partial(self._report, "Comparing"))

    def _report(self, note: str, total: int | None, done: int) -> None:
        self._progress(InspectionProgress(done, total, note))


def _nothing_found(source: Source, listing: SourceListing) -> str:
    others = [f"{listing.ignored} ignored: not images, hidden, or links"] if listing.ignored else []
    others += [passed_over_text(listing.outputs_passed_over)] if listing.outputs_passed_over else []
    others += [f"{one.source}: {one.message}" for one in listing.broken[:1]]
    noted = f" ({'; '.join(others)})" if others else ""
    return f"no image was found in {source.shown!r}{noted}: expected photos there, or in the archives there"
