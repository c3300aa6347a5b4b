"""A folder on a cluster: list and split it once, do every shard as a task of its own, then merge the shards.

A task is a local run on one shard. The shards' state folders record what is done, so workers, scheduler and this
process may all be lost at any time, and the next run resumes.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import PACKINGS, SHARED
from icsys.engine import available_cores
from icsys.engine.cluster import open_cluster
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.files.locations import parse_location, parse_source
from icsys.files.reserved_names import refusing_links
from icsys.files.url import Url, shown
from icsys.journal.lock import locked
from icsys.layout import SPLITS
from icsys.run.checks import check_format, check_places
from icsys.run.coordinator import Coordinator
from icsys.run.local import run_locally
from icsys.run.merge import coordinator_lock, join_shards
from icsys.run.shard_job import ShardJob
from icsys.shard import MAX_SHARDS, all_shards
from icsys.shards.shared_listing import list_for_shards
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.companions.survey import survey_companions
from icsys.sources.companions.tree_files import FolderFiles
from icsys.sources.folder import Folder
from icsys.sources.folder_entries import FolderReader

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable
    from typing import Any

    from icsys.files.locations import Location
    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.run.progress import Progress
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source
    from icsys.summary import RunSummary

SHARD_IMAGES = 256
"""Most images of a shard: some seconds of work, so that a shard's fixed cost and a lost shard both cost little."""

_FEWEST_IMAGES = 16
_SHARDS_PER_SLOT = 4  # as long as there are enough images


@refusing_links()
def run_on_cluster(
    source: Location,
    destination: str | os.PathLike[str],
    options: Options,
    settings: RunSettings,
    *,
    stop: threading.Event,
    progress: Callable[[Progress], object],
) -> RunSummary:
    """Compress a folder on a cluster.

    Raises
    ------
    UsageError
        As :func:`~icsys.run.compress.compress_folder` does, or if a cluster cannot do what the options say.
    EngineError
        If the cluster is lost.
    """
    folder, root = _check_places(source, destination, options, settings)
    check_format(options, None)
    if options.palette != "image":  # workers read the file, too
        options = options.replace(palette=str(Path(options.palette).absolute()))
    assert settings.engine is not None  # noqa: S101 - dask or ray
    coordinator = Coordinator(progress, stop)
    at_once = settings.jobs
    with (
        coordinator_lock(root),
        closing(open_cluster(settings.engine, settings.address, at_once or available_cores())) as cluster,
    ):
        if cluster.dashboard:
            coordinator.report(notice=f"Dashboard of {settings.engine.capitalize()}: {cluster.dashboard}")
        _prepare_packs(root, options, creates=False)
        coordinator.report(note="Listing")
        planned = _selected_folder(folder, root, options, settings, coordinator).plan(options.suffix)
        division = list_for_shards(
            root,
            coordinator.count_ignored(planned),
            _fixed_values(folder, options, settings),
            partial(choose_shard_count, slots=at_once or cluster.slots),
            stop=stop,
            on_count=lambda images: coordinator.report(note=f"Listing ({images} images)"),
        )
        if division is None:
            return coordinator.finish()
        _prepare_packs(root, options)
        coordinator.summary.ignored = 0  # the shards count them, too
        coordinator.total = division.images
        coordinator.report()
        job = partial(ShardJob, source=folder, destination=Path(str(root)), options=options)
        shards = coordinator.unfinished(root, all_shards(division.count))
        for_worker = settings.replace(address=None, ignore_zeros=False)
        coordinator.run_all(cluster, (job(settings=for_worker.replace(shard=shard)) for shard in shards), at_once)
        if not stop.is_set() and not coordinator.summary.stopped:
            coordinator.report(note="Merging")
            # A run that only retries failed sources leaves shards unfinished.
            on_pack = partial(coordinator.report, note="Packing")
            merged = join_shards(root, partial=not settings.covers_all, stop=stop, on_pack=on_pack)
            coordinator.add_merged(merged)
    if coordinator.about_many and not stop.is_set() and not coordinator.summary.stopped:
        _write_files_about_many(folder, root, options, settings, coordinator)
    return coordinator.finish()


def _prepare_packs(root: RootedPath, options: Options, *, creates: bool = True) -> None:
    """Prepare a folder for packs, before shards take their part of its manifest; a folder without images stays."""
    if options.format in PACKINGS:
        from icsys.packs.packing import prepare_packs  # noqa: PLC0415 - few runs need it

        with locked(root):
            prepare_packs(root, options.format, creates=creates)


def _write_files_about_many(
    folder: Path, root: RootedPath, options: Options, settings: RunSettings, coordinator: Coordinator
) -> None:
    """Write what names many images, in a run on this machine that finds all else done."""
    here = settings.replace(engine=None, address=None, jobs=None, overwrite="never").resolve(cores=available_cores())
    place, stop = Path(str(root)), coordinator.stop
    found = run_locally(folder, place, options, here, stop=stop, progress=coordinator.note_about_many)
    coordinator.summary.stopped = found.stopped


def _check_places(
    source: Location, destination: str | os.PathLike[str], options: Options, settings: RunSettings
) -> tuple[Path, RootedPath]:
    """Return source and destination, both folders; refuse what a cluster cannot do."""
    place, end = parse_source(source), parse_location(destination)
    one_machine = "one of the engines threads, processes"
    for refused, what, expected in (
        (settings.shard, f"shard={str(settings.shard)!r}", one_machine),
        (settings.dry_run, "dry_run=True", one_machine),
        (options.per == "dataset", f"per={options.per!r}", "a number of colours, or per='image'"),
        (options.palette in SHARED, f"palette={options.palette!r}", "a palette file, made by a run on some of them"),
        (isinstance(end, Url), f"destination {shown(end)!r}", "a folder that all workers share"),
        (
            isinstance(place, Url | tuple) or not Path(place).is_dir(),
            f"source {shown(place[0] if isinstance(place, tuple) else place)!r}",
            "a folder that all workers share",
        ),
    ):
        if refused:
            raise UsageError(f"{what} with engine={settings.engine!r}: expected {expected}")
    assert not isinstance(place, Url | tuple) and not isinstance(end, Url)  # noqa: S101, PT018 - as just checked
    return Path(place).absolute(), check_places(place, end, packed=options.format in PACKINGS)


def _selected_folder(
    folder: Path, root: RootedPath, options: Options, settings: RunSettings, coordinator: Coordinator
) -> Source:
    """Return the folder with the images that the run is to do; this machine alone reads images for that."""
    links, outputs = settings.follow_links, settings.include_outputs
    reader = FolderReader.of(folder, Path(str(root)), follow_links=links, include_outputs=outputs)
    layout = survey_companions(FolderFiles(reader), CompanionSettings.of(settings, options))
    for text in layout.unclear:
        coordinator.report(notice=text)
    source = Folder(folder, Path(str(root)), links, outputs, layout)
    if not (settings.selects or (root / SPLITS).exists()):
        return source
    from icsys.run.select_images import select_images  # noqa: PLC0415 - few runs need it

    executor = Executor("threads", available_cores(), None, False, coordinator.stop)
    report = partial(_report_note, coordinator)
    selected, notes = select_images(source, root, options, settings, executor=executor, report=report)
    coordinator.summary.notes += notes
    return selected


def _report_note(coordinator: Coordinator, note: str) -> None:
    coordinator.report(note=note)


def _fixed_values(source: Path, options: Options, settings: RunSettings) -> dict[str, Any]:
    """Return the values that the shards of a folder were done with; with other values, all are done again."""
    return {
        "source": str(source),
        "options": options.to_dict(),
        "suffix": options.suffix,
        "follow_links": settings.follow_links,
        "include_outputs": settings.include_outputs,
        "masks": settings.masks,
        "table": settings.table,
        "labels": [settings.mask_pad, settings.labels_on, settings.min_visibility],
        "overwrite": settings.overwrite,
        "retry_failed": settings.retry_failed,
        **({"min_side": settings.min_side} if settings.min_side is not None else {}),
        **({"max_aspect": settings.max_aspect} if settings.max_aspect is not None else {}),
    }


def choose_shard_count(images: int, *, slots: int) -> int:
    """Return the number of shards for a number of images and of slots of the cluster.

    Examples
    --------
    >>> choose_shard_count(1_000_000, slots=8), choose_shard_count(1000, slots=8), choose_shard_count(10, slots=8)
    (3907, 33, 1)
    >>> choose_shard_count(100_000_000, slots=1000)
    100000
    """
    size = min(SHARD_IMAGES, max(_FEWEST_IMAGES, images // (_SHARDS_PER_SLOT * max(1, slots))))
    return min(MAX_SHARDS, -(-images // size))
