"""A run on this machine, step by step: places, plan, palettes, images, packs, and the record of the run."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING

from icsys.choices import PACKINGS, SHARED
from icsys.engine.executor import Executor
from icsys.files.reserved_names import refusing_links
from icsys.journal.ledger import Ledger
from icsys.journal.ledger_context import LedgerContext
from icsys.layout import SPLITS
from icsys.options import Options
from icsys.outputs.folder import FolderOutputs
from icsys.records.pack_index import is_of_packs
from icsys.records.pending_outputs import WrittenHashes
from icsys.records.run_json import write_run
from icsys.run.checks import check_format
from icsys.run.count_results import RunMonitor
from icsys.run.main_pass import MainPass
from icsys.run.places import open_places, unclear_of
from icsys.run.progress import INTERRUPTED_TEXT
from icsys.run.wait_and_count import ImageCount
from icsys.run.worker import WorkerContext
from icsys.shard import mark_of
from icsys.shards.state_folders import State, open_state_folder, read_state, write_state
from icsys.version import __version__

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Collection, Iterator

    from icsys.files.locations import Location
    from icsys.files.rooted_path import RootedPath
    from icsys.outputs.base import Outputs
    from icsys.records.palette_files import Palettes
    from icsys.run.places import RunPlaces
    from icsys.run.progress import Progress
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Planned
    from icsys.summary import RunSummary


@refusing_links()
def run_locally(
    source: Location,
    destination: str | os.PathLike[str],
    options: Options,
    settings: RunSettings,
    *,
    stop: threading.Event,
    progress: Callable[[Progress], object],
) -> RunSummary:
    """Compress a folder in this process, or in worker processes on this machine.

    Parameters
    ----------
    settings
        With ``jobs`` and ``engine`` filled in by :meth:`~icsys.run_settings.RunSettings.resolve`.

    Raises
    ------
    UsageError, MissingExtraError
        As :func:`~icsys.run.compress.compress_folder` does.
    """
    monitor = RunMonitor(progress, stop, settings.shard)
    check_format(options, settings.shard)
    options, palettes = _read_palettes(options)
    places = open_places(source, destination, options, settings)
    for text in unclear_of(places.source, settings):
        monitor.report(notice=text)
    plan = places.source.plan(options.suffix)
    first = monitor.first_image(plan)
    if first is None and not places.is_listed:
        return monitor.summary
    plan = chain([first] if first else [], plan)
    remote, dry_run = places.remote, settings.dry_run
    connection = remote.open(dry_run=dry_run, stop=stop, on_wait=monitor.report_note) if remote else nullcontext()
    prepare = partial(_prepare_packs, places.destination, options)
    if settings.shard:  # which writes no list of splits: what it refuses leaves no state folder
        places, plan = _with_selected(places, plan, options, settings, monitor)
    with (
        connection,
        open_state_folder(places.destination, settings.shard, dry_run=dry_run, prepare=prepare) as state_folder,
    ):
        if not settings.shard:
            places, plan = _with_selected(places, plan, options, settings, monitor)
        with ImageCount(places.source, monitor.owns) as monitor.count:
            run = _LocalRun(monitor, places, state_folder, options=options, settings=settings, palettes=palettes)
            run.do(plan)
            if remote and not dry_run:
                monitor.guard(remote.publish)
    return monitor.summary


def _with_selected(
    places: RunPlaces, plan: Iterator[Planned], options: Options, settings: RunSettings, monitor: RunMonitor
) -> tuple[RunPlaces, Iterator[Planned]]:
    """Return the places and the plan with the images that the run is to do, in the folders of their splits."""
    is_selected = places.is_listed  # by the coordinator
    if is_selected or not (settings.selects or (places.destination / SPLITS).exists()):
        return places, plan
    from icsys.run.select_images import select_images  # noqa: PLC0415 - few runs need it

    selected, notes = select_images(
        places.source,
        places.destination,
        options,
        settings,
        executor=_executor(places, settings, monitor),
        report=monitor.report_note,
    )
    if places.remote and settings.split and not settings.dry_run:
        monitor.guard(partial(places.remote.send_record, SPLITS), "list of splits")
    monitor.forget_ignored()
    monitor.summary.notes += notes
    return places._replace(source=selected), selected.plan(options.suffix)


def _prepare_packs(destination: RootedPath, options: Options) -> None:
    """Prepare a folder for packs of shards, before the first of them begins."""
    if options.format in PACKINGS or is_of_packs(destination):
        from icsys.packs.packing import prepare_packs  # noqa: PLC0415 - few runs need it

        prepare_packs(destination, options.format)


def _executor(places: RunPlaces, settings: RunSettings, monitor: RunMonitor) -> Executor:
    """Return what does the work of a run."""
    assert settings.engine is not None and settings.jobs is not None  # noqa: S101, PT018 - they are resolved
    return Executor(settings.engine, settings.jobs, settings.timeout, places.over_network, monitor.stop, monitor.left)


def _read_palettes(options: Options) -> tuple[Options, Palettes | None]:
    """Read the palette file that options name; return the options with its number of colours."""
    if options.palette == "image":
        return options, None
    from icsys.records.palette_files import with_file  # noqa: PLC0415 - few runs need it

    return with_file(options, colors_given=options.colors != Options().colors)


class _LocalRun:
    """The steps of a run whose destination is held."""

    def __init__(
        self,
        monitor: RunMonitor,
        places: RunPlaces,
        state_folder: RootedPath,
        *,
        options: Options,
        settings: RunSettings,
        palettes: Palettes | None,
    ) -> None:
        self._monitor, self._places, self._state_folder = monitor, places, state_folder
        self._options, self._settings, self._palettes = options, settings, palettes
        self._executor = _executor(places, settings, monitor)
        self._packed = options.format in PACKINGS
        self._started = time.time()

    def do(self, plan: Iterator[Planned]) -> None:
        """Do what is left to do of a plan, and record it."""
        if self._options.palette in SHARED:
            self._find_palettes()
        if self._palettes and not self._save_palettes():
            return
        written = WrittenHashes(self._state_folder)
        outputs = self._open_outputs(written)
        packs = self._open_packs()
        rules, dry_run = self._settings.size_rules, self._settings.dry_run
        context = WorkerContext(self._places.source, outputs, self._options, dry_run=dry_run, rules=rules)
        if self._options.per == "dataset":
            from icsys.run.choose_colors import with_chosen_colors  # noqa: PLC0415 - few runs need it

            self._options = with_chosen_colors(context, self._executor, self._monitor)
        context = context._replace(options=self._worker_options(), palettes=self._palettes)
        finished = self._begin_shard()
        ledger = Ledger(
            LedgerContext(
                source=self._places.source,
                destination=self._places.destination,
                state_folder=self._state_folder,
                outputs=outputs,
                written=written,
                settings=self._settings,
                hash_of=self._options_hasher(),
                packs=packs,
            )
        )
        main_pass, complete = MainPass(self._monitor, ledger), False
        try:
            main_pass.run(plan, context, self._executor)
            complete = main_pass.complete
            if self._monitor.has_companions and not self._monitor.stop.is_set():
                from icsys.run.companions.all_companions import CompanionRun, do_companions  # noqa: PLC0415 - few sources need it

                companions = CompanionRun(context.source, outputs, self._state_folder, self._options, self._settings)
                complete = do_companions(companions, ledger, self._monitor, self._executor) and complete
        finally:
            self._close(ledger, complete=complete and not self._places.names)
        if not self._settings.dry_run:
            self._finish(ledger, finished)

    def _find_palettes(self) -> None:
        from icsys.run.shared_palette import find_palettes, palette_folders  # noqa: PLC0415 - few runs need it

        self._palettes = find_palettes(
            self._places.source,
            self._places.destination,
            self._options,
            self._settings,
            executor=self._executor,
            monitor=self._monitor,
        )
        self._monitor.summary.palette_from.extend(palette_folders(self._palettes))

    def _save_palettes(self) -> bool:
        """Write the palette files; return whether the run goes on."""
        from icsys.records.palette_files import check_palette_files, save_palettes  # noqa: PLC0415 - few runs need them

        assert self._palettes is not None  # noqa: S101 - as just checked
        monitor, destination = self._monitor, self._places.destination
        if self._places.remote:  # its files have been fetched since the first check
            check_palette_files(destination, self._options)
        if not monitor.stop.is_set():
            mark, dry_run = mark_of(self._settings.shard), self._settings.dry_run
            save = partial(save_palettes, destination, self._palettes, self._options, mark=mark, dry_run=dry_run)
            monitor.guard(save, "palette")
        if monitor.stop.is_set():
            monitor.end_early(INTERRUPTED_TEXT)
            monitor.update_seconds()
        return not monitor.stop.is_set()

    def _open_outputs(self, written: WrittenHashes) -> Outputs:
        """Return where outputs are written; images to pack are first written into a folder of their own."""
        if self._places.remote:
            return self._places.remote.outputs
        opened: type[FolderOutputs] = FolderOutputs
        if self._packed:
            from icsys.packs.unpacked_folder import UnpackedFolder  # noqa: PLC0415 - few runs need it

            opened = UnpackedFolder
        return opened(
            self._places.destination,
            mark=mark_of(self._settings.shard),
            read_only=self._settings.dry_run,
            written=written,
        )

    def _open_packs(self) -> Collection[str]:
        """Return the names of the intact packs of earlier runs; of a shard, they have been prepared."""
        destination = self._places.destination
        if not (self._packed or is_of_packs(destination)):
            return ()
        from icsys.packs.local_packs import open_packs  # noqa: PLC0415 - few runs need it

        read_only = self._settings.dry_run or self._settings.shard is not None
        return open_packs(destination, self._options.format, read_only=read_only, stop=self._monitor.stop)

    def _worker_options(self) -> Options:
        """Return the options for workers: the largest shared palette decides the kind of file for all images."""
        if not self._palettes:
            return self._options
        return self._options.replace(colors=self._palettes.n_colors, keep_colors=None, count_power=None)

    def _options_hasher(self) -> Callable[[str], str]:
        """Return a function from a path to the hash of everything beside the source that decides an output's bytes."""
        digest, palettes = cache(self._options.digest), self._palettes
        return lambda path: digest(palettes.hash_of(path) if palettes else "")

    def _begin_shard(self) -> State | None:
        """Record that a shard is being done; return its state for the end of the run."""
        settings = self._settings
        if not settings.shard or settings.dry_run:
            return None
        # The hash of a palette counts: the path of its file may differ between machines.
        options = self._options.to_dict() | ({"palette": self._palettes.hash} if self._palettes else {})
        state = State(options, settings.follow_links, finished=True, include_outputs=settings.include_outputs)
        if not settings.covers_all and read_state(self._state_folder) != state:
            # A run that retries only failed sources does not finish a shard that was unfinished.
            state = replace(state, finished=False)
        write_state(self._state_folder, replace(state, finished=False))
        return state

    def _close(self, ledger: Ledger, *, complete: bool) -> None:
        """Close the journal, and name the stale outputs."""
        monitor = self._monitor
        monitor.note_interrupt()
        monitor.guard(lambda: monitor.summary.stale.extend(ledger.close(complete=complete)))
        monitor.summary.pruned.extend(ledger.pruned)
        monitor.update_seconds()

    def _finish(self, ledger: Ledger, finished: State | None) -> None:
        """Write packs, ``run.json`` and the state of the shard."""
        if self._packed:
            self._pack()
        options = self._options.to_dict() | self._settings.to_dict()
        destination, source = self._places.destination, self._places.source
        if self._palettes:
            from icsys.records.palette_files import palette_hashes  # noqa: PLC0415 - few runs need it

            options |= {"palette_hash": self._palettes.hash, "palette_sha256": palette_hashes(destination)}
        options = {name: value for name, value in options.items() if value is not None}
        write = partial(
            write_run,
            self._state_folder,
            options,
            self._monitor.summary,
            __version__,
            source=source.shown,
            started=self._started,
            classes=source.classes,
            names=self._places.names,
        )
        self._monitor.guard(partial(ledger.write, write))
        if finished and not self._monitor.summary.stopped:
            self._monitor.guard(partial(ledger.write, partial(write_state, self._state_folder, finished)))

    def _pack(self) -> None:
        """Pack the images, unless the run was stopped: then the next run packs them. A merge packs those of shards."""
        from icsys.packs.packing import Packing  # noqa: PLC0415 - few runs need it

        monitor, remote = self._monitor, self._places.remote
        summary, stop = monitor.summary, monitor.stop
        summary.stale.clear()  # stale outputs are in no pack
        if self._settings.shard:
            return
        classes = self._places.source.classes
        packing = Packing(self._options, self._palettes, classes, replace=self._settings.redo_all)
        if remote is not None and not stop.is_set():
            fetch = partial(remote.fetch_for_packing, **packing.limits, arrays=packing.arrays, table=classes, stop=stop)
            monitor.guard(fetch, "shards")
        if stop.is_set():
            return
        pack = partial(packing.pack, self._places.destination, stop=stop)
        on_pack = partial(monitor.report_note, "Packing")
        monitor.guard(lambda: summary.shards.extend(pack(on_pack=on_pack)), "shards")
        monitor.note_interrupt()
        monitor.update_seconds()
