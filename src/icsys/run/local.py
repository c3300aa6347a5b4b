"""A folder from end to end: plan, engine, results, summary."""

from __future__ import annotations

import threading
import time
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from icsys import pipeline
from icsys.choices import PACKINGS, SHARED
from icsys.engine import Lost
from icsys.errors import ICSError, UsageError
from icsys.files.locations import check_apart, place_of
from icsys.files.reserved_names import refusing_links
from icsys.files.url import Url
from icsys.journal.context import LedgerContext
from icsys.journal.ledger import Ledger
from icsys.layout import PACK_INDEX, UNPACKED
from icsys.options import Options
from icsys.outputs.folder import FolderOutputs
from icsys.partition import mark_of
from icsys.records.pending_outputs import WrittenHashes
from icsys.records.run_json import write_run
from icsys.results import Failed, Result, RunSummary, Skipped
from icsys.run.checks import check_form, check_places
from icsys.run.executor import Crew
from icsys.run.progress import INTERRUPTED, Progress
from icsys.run.worker import Outcome, do, given_up
from icsys.shards.state import State, open_state_folder, read_state, write_state
from icsys.sources.base import Ignored, Loaded, PassedOver, Planned, Source, Task, Unreadable
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source
from icsys.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.partition import Shard
    from icsys.records.palette_files import Palettes
    from icsys.run.object_destination import Remote
    from icsys.run_settings import RunSettings

    Team = Callable[[Iterable[Task]], Generator[Outcome | Lost[Loaded]]]

_MOST_JOBS = 4096
_LONGEST_TIMEOUT = 10**6  # seconds
_SIGN_OF_LIFE = 0.5  # seconds
_NOT_WORTH_A_WORD = 0.1  # seconds
_CLAIMED_AT_ONCE = 64  # images; each batch is brought onto the disk, which takes about a millisecond
_NO_IMAGE = (Ignored, PassedOver)
_NO_MORE = {"disk_full", "read_only"}  # codes of failures that every image after them would share


@refusing_links()
def run_locally(
    source: str | os.PathLike[str],
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
    start = time.perf_counter()
    part = settings.shard
    check_form(options, part)
    options, palettes = _given_palettes(options)
    places = _open_places(source, destination, options, settings)
    run = _Run(RunSummary(), progress, stop, start, partial(_is_part_of, part))
    plan = places.origin.plan(options.suffix)
    first = run.first_image(plan)
    if first is None and not places.is_part:
        return run.summary
    plan = chain([first] if first else [], plan)
    dry_run, remote, count = settings.dry_run, places.remote, _Count(places.origin, run.concerns)
    reach = remote.open(dry_run=dry_run, stop=run.stop, tell=partial(run.tell, None)) if remote else nullcontext()
    with reach, open_state_folder(places.destination, part, dry_run=dry_run) as books, count as run.count:
        _fill(run, plan, places, books, options=options, palettes=palettes, settings=settings)
        if remote and not dry_run:
            run.guard(remote.publish)
    return run.summary


class _Places(NamedTuple):
    """Where a run's images come from, and where they go.

    Attributes
    ----------
    destination
        The folder of the books.
    remote
        The object store that outputs go to, if they do not go into that folder.
    is_far
        Whether images or outputs are waited for, as nobody waits for a disk.
    is_part
        Whether the images are a shard's part of a list that was made for all shards.
    """

    origin: Source
    destination: RootedPath
    remote: Remote | None
    is_far: bool
    is_part: bool


def _fill(
    run: _Run,
    plan: Iterator[Planned],
    places: _Places,
    books: RootedPath,
    *,
    options: Options,
    palettes: Palettes | None,
    settings: RunSettings,
) -> None:
    """Do the images of a plan that are left to do, and write down what came of it."""
    started = time.time()
    origin, destination, part, dry_run = places.origin, places.destination, settings.shard, settings.dry_run
    assert settings.engine is not None and settings.jobs is not None  # noqa: S101, PT018 - they are resolved
    crew = Crew(settings.engine, settings.jobs, settings.timeout, places.is_far, run.stop)
    if options.palette in SHARED:
        palettes = run.survey(origin, destination, options, crew, keep=settings.retry_failed, anew=settings.redo_all)
    if palettes:
        from icsys.records.palette_files import check_palette_files, save_palettes  # noqa: PLC0415 - few runs need them

        if places.remote:  # what lies there is known by now
            check_palette_files(destination, options)
        save = partial(save_palettes, destination, palettes, options, mark=mark_of(part), dry_run=dry_run)
        if not run.goes_on_with(save):
            return
    packed = options.format in PACKINGS
    images, written = destination / UNPACKED if packed else destination, WrittenHashes(books)
    local = FolderOutputs(images, mark=mark_of(part), read_only=dry_run, apart=packed, written=written)
    outputs = places.remote.outputs if places.remote else local
    packs: Collection[str] = ()
    if packed or (destination / PACK_INDEX).is_file():
        from icsys.packs.folder import open_packs  # noqa: PLC0415 - few runs need it

        packs = open_packs(destination, options.format, read_only=dry_run, stop=run.stop)
    over = threading.Event()
    compress = partial(_team, crew, partial(do, outputs=outputs, over=over if crew.shares_memory else None), origin)
    if options.per == "dataset":
        options = run.choose_colors(origin, compress(options.replace(per="image"), dry_run=True), options)
    state = _begin(books, options, palettes, settings) if part and not dry_run else None
    ledger = Ledger(
        LedgerContext(
            source=origin,
            destination=destination,
            state_folder=books,
            outputs=outputs,
            written=written,
            settings=settings,
            hash_of=_hasher(options, palettes),
            packs=packs,
        )
    )
    try:
        run.work_through(plan, ledger, compress(options, dry_run=dry_run, palettes=palettes), options)
    finally:
        over.set()
        run.end(ledger)
    if dry_run:
        return
    if packed:
        run.pack(destination, options, places.remote, origin.classes, replace=settings.redo_all)
    told = _told(options, settings, palettes, destination)
    run.note_down(ledger, books, told, source=origin, started=started)
    if state and not run.summary.stopped:
        run.guard(partial(ledger.write, partial(write_state, books, state)))


class _Run:
    """A run while it goes on: what has come of it, whom it tells, and whether it is to end."""

    def __init__(
        self,
        summary: RunSummary,
        report: Callable[[Progress], object],
        stop: threading.Event,
        start: float,
        concerns: Callable[[Planned], bool],
    ) -> None:
        self.summary = summary
        self.count: _Count | None = None
        self.concerns = concerns
        self._report, self._start = report, start
        # Set by whoever started the run, or by the run itself where it cannot go on.
        self.stop = stop
        self._all_listed = self._complete = False

    def first_image(self, plan: Iterator[Planned]) -> Task | Unreadable | None:
        """Return what comes first in a plan, of any shard, with the files before it counted that are left alone."""
        for planned in plan:
            if isinstance(planned, Task | Unreadable):
                return planned
            self._leave_alone(planned)
        return None

    def _leave_alone(self, planned: Ignored | PassedOver) -> None:
        """Count what is no image, or name it."""
        if isinstance(planned, PassedOver):
            self.summary.outputs_passed_over.append(planned.source)
        else:
            self.summary.ignored += self.concerns(planned)

    def choose_colors(self, origin: Source, team: Team, options: Options) -> Options:
        """Have a team count the colours that a sample needs, and return the options with one number for all images."""
        from icsys.run.choose_colors import SAMPLED, choose_colors  # noqa: PLC0415 - few runs need them
        from icsys.sources.random_sample import draw_sample  # noqa: PLC0415

        assert options.target is not None  # noqa: S101 - it belongs to per="dataset"
        assert options.quality_share is not None  # noqa: S101 - likewise
        note = "Choosing the number of colours"
        self.tell(None, note)
        self._get_ready(options)

        def told(outcomes: Iterable[Outcome | Lost[Loaded]]) -> Iterator[Outcome | Lost[Loaded]]:
            for outcome in outcomes:
                yield outcome
                self.tell(None, note)

        with pipeline.one_thread(options), closing(team(draw_sample(origin, SAMPLED, options.seed).works)) as outcomes:
            chosen = choose_colors(told(outcomes), options.target, options.quality_share)
        self.summary.colors_chosen = chosen
        return options.replace(colors=chosen.colors)

    def _get_ready(self, options: Options) -> None:
        """Load what images need, with signs of life while that lasts."""
        note = f"Loading {options.strategy}"
        _wait_for(partial(pipeline.load_packages, options), lambda: self.tell(None, note), self.stop)

    def survey(
        self, origin: Source, destination: RootedPath, options: Options, crew: Crew, *, keep: bool, anew: bool
    ) -> Palettes:
        """Find palettes that images share; if the run is to end, they are not those of all of them."""
        from icsys.run.shared_palette import find_palettes, look  # noqa: PLC0415 - few runs need it

        looked_at = 0

        def tell(number: int) -> None:
            nonlocal looked_at
            looked_at = number
            self.tell(None, looked_at=looked_at)

        def wait(work: Callable[[], object]) -> None:
            _wait_for(work, lambda: tell(looked_at), self.stop)

        tell(0)
        team = crew.team(partial(look, source=origin, options=options), partial(pipeline.load_packages, options))
        return find_palettes(
            origin, destination, options, keep=keep, anew=anew, team=team, tell=tell, wait=wait, stop=self.stop
        )

    def goes_on_with(self, save: Callable[[], object]) -> bool:
        """Write down palettes that are found, and tell whether the run goes on, which has done no image by now."""
        if not self.stop.is_set():
            self.guard(save, "palette")
        if self.stop.is_set():
            self._end_early(INTERRUPTED)
            self.summary.seconds = time.perf_counter() - self._start
        return not self.stop.is_set()

    def work_through(
        self,
        plan: Iterable[Planned],
        ledger: Ledger,
        team: Team,
        options: Options,
    ) -> None:
        """Have a team do what there is to do, and get ready for it once it is known that anything is."""
        self.tell(None)
        remaining = self._remaining(plan, ledger)
        first = next(remaining, None)
        if first is not None:
            self._get_ready(options)
            self.tell(None)
            with pipeline.one_thread(options):
                self._take_all(team(chain([first], remaining)), ledger)
        self._complete = self._all_listed and not self.stop.is_set()

    def _take_all(self, outcomes: Generator[Outcome | Lost[Loaded]], ledger: Ledger) -> None:
        """Write down and count what comes of the work."""
        with closing(outcomes) as done:
            for done_or_lost in done:
                outcome = given_up(done_or_lost) if isinstance(done_or_lost, Lost) else done_or_lost
                self.guard(partial(ledger.record, outcome.result, outcome.work, mtime_ns=outcome.mtime_ns))
                self._take(outcome.result)

    def end(self, ledger: Ledger) -> None:
        """Put the books in order."""
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED
        self.guard(lambda: self.summary.stale.extend(ledger.close(complete=self._complete)))
        self.summary.seconds = time.perf_counter() - self._start

    def pack(
        self, destination: RootedPath, options: Options, remote: Remote | None, table: Sequence[str], *, replace: bool
    ) -> None:
        """Pack what is done into files of many images, unless the run was stopped: the next one does so then."""
        from icsys.packs.folder import pack_images  # noqa: PLC0415 - as above

        # What is stale is left out of them.
        self.summary.stale.clear()
        if self.stop.is_set():
            return
        tell = partial(self.tell, None, "Packing")
        limits = {"shard_images": options.shard_images, "shard_bytes": options.shard_bytes}
        if remote is not None:
            self.guard(partial(remote.bring_for_packing, **limits, table=table, stop=self.stop), "shards")
            if self.stop.is_set():
                return
        self.guard(
            lambda: self.summary.shards.extend(
                shard.name
                for shard in pack_images(
                    destination, **limits, class_names=table, replace=replace, stop=self.stop, on_pack=tell
                )
            ),
            "shards",
        )
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED
        self.summary.seconds = time.perf_counter() - self._start

    def note_down(
        self, ledger: Ledger, books: RootedPath, settings: dict[str, Any], *, source: Source, started: float
    ) -> None:
        """Write what was asked for and what came of it into ``run.json``."""
        given = {name: value for name, value in settings.items() if value is not None}
        write = partial(write_run, books, given, self.summary, __version__)
        write = partial(write, source=source.shown, started=started, classes=source.classes)
        self.guard(partial(ledger.write, write))

    def guard(self, write: Callable[[], object], what: str = "manifest") -> None:
        """Write into the books; if that fails, the run ends, because nothing it does could be told any more."""
        try:
            write()
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            self._end_early(f"the {what} cannot be written: {error.strerror or error}{place}")

    def _remaining(self, plan: Iterable[Planned], ledger: Ledger) -> Iterator[Task]:
        """Draw what is left to do from a plan, claimed in batches; what is not to be done is over at once."""
        batch: list[Task] = []
        all_listed = True
        for planned in plan:
            if self.stop.is_set():
                return
            if not self.concerns(planned):
                continue
            if isinstance(planned, Task):
                decision: Task | Skipped | Failed = ledger.decide(planned)
            elif isinstance(planned, Unreadable):
                all_listed = False
                decision = Failed(source=planned.source, code=planned.code, message=planned.message)
            else:
                self._leave_alone(planned)
                continue
            if isinstance(decision, Task):
                batch.append(decision)
                if len(batch) == _CLAIMED_AT_ONCE:
                    yield from self._claimed(batch, ledger)
                    batch = []
            else:
                self.guard(partial(ledger.record, decision))
                self._take(decision)
        yield from self._claimed(batch, ledger)
        self._all_listed = all_listed

    def _claimed(self, batch: list[Task], ledger: Ledger) -> Iterator[Task]:
        self.guard(partial(ledger.mark_pending, batch))
        for work in batch:
            if self.stop.is_set():
                return
            yield work

    def _take(self, result: Result) -> None:
        """Count one more image, and end the run if there is no room for another."""
        self.summary.add(result)
        if isinstance(result, Failed) and result.code in _NO_MORE:
            self._end_early(result.message)
        self.tell(result)

    def _end_early(self, why: str) -> None:
        self.summary.stopped = self.summary.stopped or why
        self.stop.set()

    def tell(self, result: Result | None, note: str = "", looked_at: int | None = None) -> None:
        """Tell where the run stands."""
        self.summary.seconds = time.perf_counter() - self._start
        self._report(
            Progress(result, self.summary, self.count.total if self.count else None, note, looked_at=looked_at)
        )


def _team(
    crew: Crew,
    work: Callable[..., Outcome],
    origin: Source,
    options: Options,
    *,
    dry_run: bool,
    palettes: Palettes | None = None,
) -> Team:
    """Return who compresses images with these options."""
    if palettes:  # the largest of them decides what kind of file all images become
        options = options.replace(colors=palettes.n_colors)
    work = partial(work, source=origin, options=options, dry_run=dry_run, palettes=palettes)
    team = crew.team(work, partial(pipeline.load_packages, options))
    return lambda works: team(origin.load(works, options))


def _open_places(
    source: str | os.PathLike[str], destination: str | os.PathLike[str], options: Options, settings: RunSettings
) -> _Places:
    """Look where images come from and go, and refuse places that a run cannot start with."""
    place, end = place_of(source), place_of(destination)
    check_apart(place, end)
    remote = None
    if isinstance(end, Url):
        remote = _remote(end, settings.shard, options)
        end = remote.folder
    folder = check_places(place, end, packed=options.format in PACKINGS)
    listed = None if isinstance(place, Url) else _listed_part(place, folder, options, settings)
    origin = listed or open_source(
        place,
        Path(str(folder)),
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        ignore_zeros=settings.ignore_zeros,
    )
    if options.palette != "image":
        from icsys.records.palette_files import check_palette_files  # noqa: PLC0415 - few runs need it

        check_palette_files(folder, options)
    if options.palette == "class" and not isinstance(origin, Folder):
        raise UsageError(
            f"palette='class' with source {origin.shown!r}: expected a folder, where each class lies together"
        )
    return _Places(origin, folder, remote, bool(remote) or isinstance(place, Url), bool(listed))


def _remote(url: Url, shard: Shard | None, options: Options) -> Remote:
    """Return the object store that a destination is."""
    from icsys.run.object_destination import Remote  # noqa: PLC0415 - few runs need it

    remote = Remote(url, packed=options.format in PACKINGS)
    if shard:
        raise UsageError(
            f"shard={str(shard)!r} with destination {remote.name!r}: expected a folder as destination; "
            "copy it there when its shards are merged"
        )
    return remote


def _listed_part(
    source: str | os.PathLike[str], destination: RootedPath, options: Options, settings: RunSettings
) -> Source | None:
    """Return a shard's part of a list that was made for all of them, if there is one."""
    if settings.shard is None:
        return None
    from icsys.shards.listing import listed_shard  # noqa: PLC0415 - few runs need it

    return listed_shard(
        destination,
        settings.shard,
        source,
        options.suffix,
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
    )


def _given_palettes(options: Options) -> tuple[Options, Palettes | None]:
    """Read the palettes that options name, if they do."""
    if options.palette == "image":
        return options, None
    from icsys.records.palette_files import with_file  # noqa: PLC0415 - few runs need it

    return with_file(options, colors_given=options.colors != Options().colors)


def _is_part_of(shard: Shard | None, planned: Planned) -> bool:
    """Tell whether something planned is a shard's concern; a folder that is not listed may hold images of its own."""
    return (
        shard is None
        or shard.owns(planned.source)
        or isinstance(planned, PassedOver)
        or (isinstance(planned, Unreadable) and planned.is_folder)
    )


def _hasher(options: Options, palettes: Palettes | None) -> Callable[[str], str]:
    """Return what gives the hash of all that decides an image's bytes beside its source."""
    digest = cache(options.digest)
    return lambda path: digest(palettes.hash_of(path) if palettes else "")


def _told(
    options: Options, settings: RunSettings, palettes: Palettes | None, destination: RootedPath
) -> dict[str, Any]:
    """Return what ``run.json`` tells of the options of a run."""
    told = options.to_dict() | settings.to_dict()
    if palettes:
        from icsys.records.palette_files import palette_hashes  # noqa: PLC0415 - few runs need it

        told |= {"palette_hash": palettes.hash, "palette_sha256": palette_hashes(destination)}
    return told


def _begin(books: RootedPath, options: Options, palettes: Palettes | None, settings: RunSettings) -> State:
    """Say on the disk that a shard is under way, and return what it is once this run has come to its end."""
    # What a palette holds counts, and not where its file lies on this machine.
    chosen = options.to_dict() | ({"palette": palettes.hash} if palettes else {})
    state = State(chosen, settings.follow_links, finished=True, include_outputs=settings.include_outputs)
    if settings.retry_failed and read_state(books) != state:
        # Only the failed are taken up, so what is not finished now will not be then.
        state = replace(state, finished=False)
    write_state(books, replace(state, finished=False))
    return state


def has_images(source: str, destination: str, *, include_outputs: bool = False) -> bool:
    """Tell whether a run from ``source`` to ``destination`` would find an image."""
    origin = open_source(source, Path(destination), include_outputs=include_outputs)
    return any(isinstance(planned, Task) for planned in origin.plan(""))


def _wait_for(work: Callable[[], object], sign_of_life: Callable[[], object], stop: threading.Event) -> None:
    """Do ``work`` in a thread and give signs of life meanwhile; ``stop`` ends the wait, not the work.

    Compilers swallow an interrupt that reaches them; here it reaches a thread that only waits.
    """
    failures: list[BaseException] = []

    def catch() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=catch, daemon=True)
    thread.start()
    thread.join(_NOT_WORTH_A_WORD)
    while thread.is_alive() and not stop.is_set():
        sign_of_life()
        thread.join(_SIGN_OF_LIFE)
    if failures:
        raise failures[0]


class _Count:
    """Counts the images of a run beside it, so that a run starts at once and the bar still knows its end."""

    def __init__(self, source: Source, concerns: Callable[[Planned], bool]) -> None:
        self._concerns = concerns
        self.total: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(source,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self, source: Source) -> None:
        images = 0
        with suppress(OSError, ICSError):  # the run meets it, too, and tells
            for planned in source.plan(""):
                if self._over.is_set():
                    return
                images += not isinstance(planned, _NO_IMAGE) and self._concerns(planned)
            self.total = images
