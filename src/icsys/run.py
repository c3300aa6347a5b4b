"""A folder from end to end: plan, engine, results, summary."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import icsys
from icsys import pipeline
from icsys.dataset.books import State, open_books, read_state, write_state
from icsys.dataset.folder import Ignored, Task, Unreadable, plan_folder
from icsys.dataset.ledger import Ledger
from icsys.dataset.packing import packing_of
from icsys.dataset.palettes import Palettes, check_places, save_palettes, with_file
from icsys.dataset.resume import Work
from icsys.dataset.shard import Shard, mark_of, parse_shard
from icsys.dataset.shards import PARTS, open_shards, pack
from icsys.engine import ENGINES, Lost, available_cores, choose_engine
from icsys.engine.budget import Budget
from icsys.errors import UsageError
from icsys.image.decode import unlimited
from icsys.options import ENGINES as ENGINE_NAMES
from icsys.options import OVERWRITES, PACKINGS, SHARED, Options, positive_number, whole_number
from icsys.results import Failed, Result, RunSummary, Skipped
from icsys.runfile import write_run
from icsys.survey import find_palettes, look
from icsys.work import Outcome, do, given_up, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

_MOST_JOBS = 4096
_LONGEST_TIMEOUT = 10**6  # seconds
_SIGN_OF_LIFE = 0.5  # seconds
_NOT_WORTH_A_WORD = 0.1  # seconds
_CLAIMED_AT_ONCE = 64  # images; each batch is brought onto the disk, which takes about a millisecond
_NO_MORE = {"disk_full", "read_only"}  # codes of failures that every image after them would share

INTERRUPTED = "interrupted"
"""What :attr:`RunSummary.stopped` says of a run that was told to stop."""

BYTES_IN_FLIGHT = 128 * 2**20
"""Decoded pixels held at once, for each job: photos of up to 32 megapixels never wait for one another."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes
    ----------
    result
        The image that was just done; None for the first call, before any is.
    summary
        The counts so far.
    total
        Images there are, skipped ones included; None until they are counted.
    note
        What goes on where no image does, in a few words.
    looked_at
        Images whose colours a first pass has looked at, of those that share a palette; None in the second pass, and
        where there is only one.
    """

    result: Result | None
    summary: RunSummary
    total: int | None
    note: str = ""
    looked_at: int | None = None


def compress_folder(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: Options | None = None,
    *,
    jobs: int | None = None,
    engine: str | None = None,
    timeout: float | None = None,
    follow_links: bool = False,
    overwrite: str = "never",
    retry_failed: bool = False,
    dry_run: bool = False,
    shard: str | tuple[int, int] | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> RunSummary:
    """Compress every image below ``source`` into the same tree below ``destination``.

    Parameters
    ----------
    source
        A folder; it is only read.
    destination
        A folder; made if need be.
    options
        What becomes of each image; the defaults of :class:`~icsys.options.Options` if left out.
    jobs
        Images worked on at once; as many as there are cores if left out. It does not change the bytes.
    engine
        "threads", or "processes": for machines with more cores than threads can keep busy, and for images that may
        crash or hang who works on them. Threads if left out, or processes where there is a ``timeout``.
    timeout
        Seconds that one image may take; then its process is killed. An image that is late, or ends its process, is
        tried once more and then fails with the code ``timeout`` or ``crashed``; all others go on.
    follow_links
        Follow links to files and folders below ``source``, except one that leads back to a folder above it.
    overwrite
        "never" does again only what was done with other options or whose source has changed, and leaves files alone
        that ICS did not write; "always" does everything again and replaces those too.
    retry_failed
        Take up only the sources that failed in earlier runs.
    dry_run
        Plan, decode and compress, but write nothing.
    shard
        Do one of N disjoint parts of the images, such as ``"2/4"`` or ``(2, 4)``: the hash of a source's path decides,
        so runs on machines that know nothing of one another do every image once. :func:`merge_shards` joins them.
    stop
        Set it, in another thread or a signal handler, to end the run: images under way get some seconds to end. The
        run sets it itself where it cannot go on.
    progress
        Called in the calling thread, before the first image and after every one.

    Returns
    -------
    RunSummary
        Counts, bytes, time, and the images that failed: a bad image never ends a run. A full disk does, and so does
        ``stop``; ``stopped`` says so then, and the next run goes on where this one ended.

    Raises
    ------
    UsageError
        If the run cannot start, or another one works on ``destination``; nothing was done then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import Options, compress_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos = Path(folder, "Uncompressed", "cat")
    ...     photos.mkdir(parents=True)
    ...     Image.linear_gradient("L").save(photos / "a.tiff")
    ...     summary = compress_folder(photos.parent, Path(folder, "Compressed"), Options(strategy="SO"))
    ...     Path(folder, "Compressed", "cat", "a.png").exists()
    True
    >>> summary.compressed, summary.failed
    (1, 0)
    """
    start = time.perf_counter()
    options = options or Options()
    if not isinstance(options, Options):
        raise UsageError(f"options={options!r}: expected icsys.Options(...)")
    check_run(jobs=jobs, engine=engine, overwrite=overwrite, timeout=timeout)
    engine = choose_engine(engine, timeout=timeout)
    jobs = jobs or available_cores()
    part = None if shard is None else parse_shard(shard)
    source, destination = check_folders(source, destination)
    _check_form(part, options)
    options, palettes = with_file(options, colors_given=options.colors != Options().colors)
    check_places(destination, options)
    plan = plan_folder(source, destination, options.suffix, follow_links=follow_links)
    run = _Run(RunSummary(), progress or (lambda _: None), stop or threading.Event(), start, partial(_concerns, part))
    first = run.first_image(plan)
    if first is None:
        return run.summary
    started = time.time()
    packed = options.format in PACKINGS
    images = destination / PARTS if packed else destination
    team, room = _staff(engine, jobs, timeout, options, run.stop)
    count = _Count(source, destination, run.concerns, follow_links=follow_links)
    with open_books(destination, part, dry_run=dry_run) as books, count as run.count:
        if options.palette in SHARED:
            looking = partial(team, partial(look, source=source, options=options, **room))
            find = partial(find_palettes, source, destination, options, follow_links=follow_links, team=looking)
            palettes = run.survey(partial(find, keep=retry_failed, anew=overwrite == "always"))
        if palettes:
            save = partial(save_palettes, destination, palettes, options, mark=mark_of(part), dry_run=dry_run)
            if not run.goes_on_with(save):
                return run.summary
        packs = open_shards(destination, options.format, read_only=dry_run, stop=run.stop)
        if part and not dry_run:
            state = _begin(books, options, palettes, follow_links=follow_links, retry_failed=retry_failed)
        ledger = Ledger(
            source,
            destination,
            hash_of=_hasher(options, palettes),
            tool_version=icsys.__version__,
            overwrite=overwrite == "always",
            retry_failed=retry_failed,
            dry_run=dry_run,
            images=images,
            shards=packs,
            books=books,
            shard=part,
        )
        over = threading.Event()
        work = partial(
            do,
            source=source,
            destination=images,
            options=options.replace(colors=palettes.n_colors) if palettes else options,
            dry_run=dry_run,
            over=over if engine == "threads" else None,
            mark=mark_of(part),
            palettes=palettes,
            **room,
        )
        try:
            run.work_through(chain([first], plan), ledger, partial(team, work), options)
        finally:
            over.set()
            run.end(ledger)
        if packed and not dry_run:
            run.pack(destination, options, replace=overwrite == "always")
        if not dry_run:
            settings = options.to_dict() | {
                "jobs": jobs,
                "engine": engine,
                "overwrite": overwrite,
                "retry_failed": retry_failed,
                "follow_links": follow_links,
                **_chosen(timeout, part, palettes),
            }
            write = partial(write_run, books, settings, run.summary, icsys.__version__)
            run.guard(partial(write, source=source, started=started))
            if part and not run.summary.stopped:
                run.guard(partial(write_state, books, state))
    return run.summary


class _Run:
    """A run while it goes on: what has come of it, whom it tells, and whether it is to end."""

    def __init__(
        self,
        summary: RunSummary,
        report: Callable[[Progress], object],
        stop: threading.Event,
        start: float,
        concerns: Callable[[Task | Ignored | Unreadable], bool],
    ) -> None:
        self.summary = summary
        self.count: _Count | None = None
        self.concerns = concerns
        self._report, self._start = report, start
        # Set by whoever started the run, or by the run itself where it cannot go on.
        self.stop = stop
        self._all_listed = self._complete = False

    def first_image(self, plan: Iterator[Task | Ignored | Unreadable]) -> Task | Unreadable | None:
        """Return what comes first in a plan, of any shard, with the files before it counted that are left alone."""
        for planned in plan:
            if not isinstance(planned, Ignored):
                return planned
            self.summary.ignored += self.concerns(planned)
        return None

    def survey(self, find: Callable[..., Palettes]) -> Palettes:
        """Find palettes that images share; if the run is to end, they are not those of all of them."""
        looked_at = 0

        def tell(number: int) -> None:
            nonlocal looked_at
            looked_at = number
            self._tell(None, looked_at=looked_at)

        def wait(work: Callable[[], object]) -> None:
            _wait_for(work, lambda: tell(looked_at), self.stop)

        tell(0)
        return find(tell=tell, wait=wait, stop=self.stop)

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
        plan: Iterable[Task | Ignored | Unreadable],
        ledger: Ledger,
        team: Callable[[Iterable[Work]], Generator[Outcome | Lost[Work]]],
        options: Options,
    ) -> None:
        """Have a team do what there is to do, and get ready for it once it is known that anything is."""
        self._tell(None)
        remaining = self._remaining(plan, ledger)
        first = next(remaining, None)
        if first is not None:
            get_ready, note = partial(pipeline.prepare, options), f"Loading {options.strategy}"
            _wait_for(get_ready, lambda: self._tell(None, note), self.stop)
            self._tell(None)
            with pipeline.alone(options):
                self._take_all(team(chain([first], remaining)), ledger)
        self._complete = self._all_listed and not self.stop.is_set()

    def _take_all(self, outcomes: Generator[Outcome | Lost[Work]], ledger: Ledger) -> None:
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

    def pack(self, destination: Path, options: Options, *, replace: bool) -> None:
        """Pack what is done into files of many images, unless the run was stopped: the next one does so then."""
        # What is stale is left out of them.
        self.summary.stale.clear()
        if self.stop.is_set():
            return
        tell = partial(self._tell, None, "Packing")
        self.guard(
            lambda: self.summary.shards.extend(
                shard.name
                for shard in pack(
                    destination,
                    shard_images=options.shard_images,
                    shard_bytes=options.shard_bytes,
                    replace=replace,
                    stop=self.stop,
                    tell=tell,
                )
            ),
            "shards",
        )
        if self.stop.is_set() and not self.summary.stopped:
            self.summary.stopped = INTERRUPTED
        self.summary.seconds = time.perf_counter() - self._start

    def guard(self, write: Callable[[], object], what: str = "manifest") -> None:
        """Write into the books; if that fails, the run ends, because nothing it does could be told any more."""
        try:
            write()
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            self._end_early(f"the {what} cannot be written: {error.strerror or error}{place}")

    def _remaining(self, plan: Iterable[Task | Ignored | Unreadable], ledger: Ledger) -> Iterator[Work]:
        """Draw what is left to do from a plan, claimed in batches; what is not to be done is over at once."""
        batch: list[Work] = []
        all_listed = True
        for planned in plan:
            if self.stop.is_set():
                return
            if not self.concerns(planned):
                continue
            if isinstance(planned, Ignored):
                self.summary.ignored += 1
                continue
            if isinstance(planned, Unreadable):
                all_listed = False
                decision: Work | Skipped | Failed = Failed(
                    source=planned.source, code=planned.code, message=planned.message
                )
            else:
                decision = ledger.decide(planned)
            if isinstance(decision, Work):
                batch.append(decision)
                if len(batch) == _CLAIMED_AT_ONCE:
                    yield from self._claimed(batch, ledger)
                    batch = []
            else:
                self.guard(partial(ledger.record, decision))
                self._take(decision)
        yield from self._claimed(batch, ledger)
        self._all_listed = all_listed

    def _claimed(self, batch: list[Work], ledger: Ledger) -> Iterator[Work]:
        self.guard(partial(ledger.claim, batch))
        for work in batch:
            if self.stop.is_set():
                return
            yield work

    def _take(self, result: Result) -> None:
        """Count one more image, and end the run if there is no room for another."""
        self.summary.add(result)
        if isinstance(result, Failed) and result.code in _NO_MORE:
            self._end_early(result.message)
        self._tell(result)

    def _end_early(self, why: str) -> None:
        self.summary.stopped = self.summary.stopped or why
        self.stop.set()

    def _tell(self, result: Result | None, note: str = "", looked_at: int | None = None) -> None:
        self.summary.seconds = time.perf_counter() - self._start
        self._report(Progress(result, self.summary, self.count.total if self.count else None, note, looked_at))


def _concerns(shard: Shard | None, planned: Task | Ignored | Unreadable) -> bool:
    """Tell whether something planned is a shard's concern; a folder that it cannot list may hold images of its own."""
    return shard is None or shard.owns(planned.source) or (isinstance(planned, Unreadable) and planned.is_folder)


def _chosen(timeout: float | None, part: Shard | None, palettes: Palettes | None) -> dict[str, object]:
    """Return settings of a run that not every run has."""
    settings = {"timeout": timeout, "shard": part and str(part), "palette_hash": palettes and palettes.hash}
    return {name: value for name, value in settings.items() if value is not None}


def _hasher(options: Options, palettes: Palettes | None) -> Callable[[str], str]:
    """Return what gives the hash of all that decides an image's bytes beside its source."""
    digest = cache(options.digest)
    return lambda path: digest(palettes.hash_of(path) if palettes else "")


def _check_form(part: Shard | None, options: Options) -> None:
    """Refuse to do a part of the images where all of them are needed, and a format whose package is missing."""
    if part and options.format in PACKINGS:
        raise UsageError(
            f"shard={str(part)!r} with format={options.format!r}: expected a format of one file an image, such as png"
        )
    if part and options.palette in SHARED:
        raise UsageError(
            f"shard={str(part)!r} with palette={options.palette!r}, which is found from all images: make it first, "
            "by a run without a shard on some of them, and give all shards the file palette.json of its output folder"
        )
    if options.format in PACKINGS:
        packing_of(options.format).prepare()


def _staff(
    engine: str, jobs: int, timeout: float | None, options: Options, stop: threading.Event
) -> tuple[Callable[..., Generator[Any]], dict[str, Any]]:
    """Return who has something done with all images of a pass, and what bounds the images worked on at once."""
    threads = engine == "threads"
    clock = {} if timeout is None else {"timeout": timeout}
    prepare = partial(pipeline.prepare, options)
    team = partial(ENGINES[engine], jobs=threads_for(jobs) if threads else jobs, prepare=prepare, stop=stop, **clock)
    # Processes share no locks; each of them holds one image at a time, and can be killed.
    room = {
        "admit": Budget(BYTES_IN_FLIGHT * jobs).hold if threads else unlimited,
        "slots": threading.Semaphore(jobs) if threads else nullcontext(),
    }
    return team, room


def _begin(
    books: Path, options: Options, palettes: Palettes | None, *, follow_links: bool, retry_failed: bool
) -> State:
    """Say on the disk that a shard is under way, and return what it is once this run has come to its end."""
    # What a palette holds counts, and not where its file lies on this machine.
    settings = options.to_dict() | ({"palette": palettes.hash} if palettes else {})
    state = State(settings, follow_links, finished=True)
    if retry_failed and read_state(books) != state:
        # Only the failed are taken up, so what is not finished now will not be then.
        state = replace(state, finished=False)
    write_state(books, replace(state, finished=False))
    return state


def has_images(source: Path, destination: Path) -> bool:
    """Tell whether a run from ``source`` to ``destination`` would find an image."""
    return any(isinstance(planned, Task) for planned in plan_folder(source, destination, ""))


def check_run(*, jobs: int | None, engine: str | None, overwrite: str, timeout: float | None = None) -> None:
    """Refuse settings of a run that are not accepted.

    Raises
    ------
    UsageError
        If one is not; the text names it, its value and what was expected.
    """
    if jobs is not None:
        whole_number("jobs", jobs, 1, _MOST_JOBS)
    if timeout is not None:
        positive_number("timeout", timeout, _LONGEST_TIMEOUT)
    for name, value, choices in (("overwrite", overwrite, OVERWRITES), ("engine", engine, ENGINE_NAMES)):
        if value not in choices and not (name == "engine" and value is None):
            raise UsageError(f"{name}={value!r}: expected one of {', '.join(choices)}")


def check_folders(source: str | os.PathLike[str], destination: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Refuse folders that a run cannot start with, before anything is done.

    Raises
    ------
    UsageError
        If the source cannot be read, the destination cannot be written, or writing would touch the source.
    """
    for name, path in (("source", source), ("destination", destination)):
        if not os.fspath(path):
            raise UsageError(f"{name} '' names no folder: expected a path, or . for the current folder")
    source, destination = Path(source), Path(destination)
    if not source.exists():
        raise UsageError(f"source folder {str(source)!r} does not exist: expected a folder with photos")
    if not source.is_dir():
        raise UsageError(f"source {str(source)!r} is a file: expected a folder with photos")
    if not os.access(source, os.R_OK | os.X_OK):
        raise UsageError(f"source folder {str(source)!r} cannot be read: permission denied")
    if destination.resolve() in (source.resolve(), *source.resolve().parents):
        raise UsageError(
            f"source {str(source)!r} lies in destination {str(destination)!r}: expected two folders, "
            "so that no photo is overwritten"
        )
    nearest = next(folder for folder in (destination, *destination.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UsageError(
            f"destination {str(destination)!r}: {str(nearest)!r} is a file, expected a folder or a new name"
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"destination {str(destination)!r} cannot be written: {str(nearest)!r} is read-only")
    return source, destination


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

    def __init__(
        self,
        source: Path,
        destination: Path,
        concerns: Callable[[Task | Ignored | Unreadable], bool],
        *,
        follow_links: bool,
    ) -> None:
        self._concerns = concerns
        self.total: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(source, destination, follow_links), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self, source: Path, destination: Path, follow_links: bool) -> None:
        images = 0
        for planned in plan_folder(source, destination, "", follow_links=follow_links):
            if self._over.is_set():
                return
            images += not isinstance(planned, Ignored) and self._concerns(planned)
        self.total = images
