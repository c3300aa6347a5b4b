"""The stages of a run, called one by one: those of workers, and those of the one process that keeps the books.

A worker stage goes over all images before the next one begins, in one process or in several at once, each with its
part of the images. The books are kept as a run keeps them, batch by batch, around the writing of the outputs.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import threading
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, NamedTuple

from icsys import compress_folder, compress_image
from icsys.engine.batches import MOST_ITEMS
from icsys.files.rooted_path import RootedPath
from icsys.image.decode import decode_photo
from icsys.image.encode import encoder_of
from icsys.journal.ledger import Ledger
from icsys.journal.ledger_context import LedgerContext
from icsys.outputs.base import NewOutput
from icsys.outputs.folder import FolderOutputs
from icsys.pipeline.reduce_colors import quantize_pixels
from icsys.records.pending_outputs import WrittenHashes
from icsys.run.count_results import RunMonitor
from icsys.run.worker import Outcome
from icsys.run_settings import RunSettings
from icsys.sources.base import Task
from icsys.sources.folder import Folder
from measure import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

    from icsys.results import Compressed
    from small_sets import PhotoSet

READING, HASHING, DECODING, REDUCING = "reading", "hashing", "decoding", "reducing colours"
ENCODING, WRITING, ANSWERING = "encoding", "writing", "handing over, in a worker"
WORK = (READING, HASHING, DECODING, REDUCING, ENCODING, WRITING, ANSWERING)
LISTING, TOTAL, DECIDING = "listing", "listing for the total", "deciding what is left to do"
PENDING, HANDING, RECORDING = "pending outputs", "handing over", "recording rows"
COUNTING, ENDING = "counting and reporting", "end of the run"
BOOKS = (LISTING, TOTAL, DECIDING, PENDING, HANDING, RECORDING, COUNTING, ENDING)

_meeting: list[Barrier] = []
"""Where the processes of a measurement wait for each other; set once in each of them."""


class Spent(NamedTuple):
    """What a stage takes for an image, in seconds: on the clock, and of the processor."""

    clock: float
    busy: float


class StageWatch:
    """Adds up what stages take."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what passes in this context to a stage; processes that are measured together begin it together."""
        for barrier in _meeting:
            barrier.wait()
        watch = Watch()
        yield
        for index, value in enumerate(watch.lap()):
            self._spent[name][index] += value

    def each(self, images: int) -> dict[str, Spent]:
        """Return what every stage has taken for one of so many images."""
        return {name: Spent(clock / images, busy / images) for name, (clock, busy) in self._spent.items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """The images of a set: a task and a result for each, as a run with one job has made them, and its seconds."""

    tasks: list[Task]
    results: list[Compressed]
    seconds: float


def source_of(photos: PhotoSet, outputs: Path) -> Folder:
    """Return the source that a run from the photos to ``outputs`` opens."""
    return Folder(photos.folder, outputs)


def take_sample(photos: PhotoSet, outputs: Path, *, jobs: int = 1) -> Sample:
    """Run ICS on a set, and return its tasks and results."""
    results: dict[str, Compressed] = {}

    def note(progress: object) -> None:
        result = getattr(progress, "result", None)
        if result is not None:
            results[result.source] = result

    summary = compress_folder(photos.folder, outputs, photos.options, jobs=jobs, progress=note)
    planned = source_of(photos, outputs).plan(photos.options.suffix)
    tasks = [task for task in planned if isinstance(task, Task)]
    return Sample(tasks, [results[task.source] for task in tasks], summary.seconds)


def batches(items: Sequence[object]) -> Iterator[Sequence[object]]:
    """Yield the items in batches, in order."""
    for start in range(0, len(items), MOST_ITEMS):
        yield items[start : start + MOST_ITEMS]


def work_of(photos: PhotoSet, sample: Sample, outputs: Path, processes: int) -> dict[str, Spent]:
    """Return what the stages of a worker take for an image in each of so many processes at once, as means of them.

    Parameters
    ----------
    outputs
        A fresh folder.

    Raises
    ------
    RuntimeError
        If a stage has failed in one of the processes.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, initializer=_meeting.append, initargs=(barrier,)) as pool:
        parts = []
        for part in range(processes):
            mine = Sample(sample.tasks[part::processes], sample.results[part::processes], 0)
            parts.append(pool.submit(_work, photos, mine, outputs / str(part)))
        errors = [error for part in parts if (error := part.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError)):
        raise error
    found = [part.result() for part in parts]
    return {
        name: Spent(*(sum(values) / processes for values in zip(*(one[name] for one in found), strict=True)))
        for name in WORK
    }


def _work(photos: PhotoSet, sample: Sample, folder: Path) -> dict[str, Spent]:
    """Do the stages of a worker one after another, in one of the processes that are measured together."""
    try:
        return _stages_of_work(photos, sample, folder)
    except threading.BrokenBarrierError:  # another process has failed
        raise
    except Exception as error:
        for barrier in _meeting:
            barrier.abort()
        raise RuntimeError(f"a stage has failed: {error!r}") from error  # its own type may not reach the parent


def _stages_of_work(photos: PhotoSet, sample: Sample, folder: Path) -> dict[str, Spent]:
    options, source, watch = photos.options, source_of(photos, folder), StageWatch()
    place = RootedPath(folder)
    place.make_folders()
    outputs = FolderOutputs(place, written=WrittenHashes(place))
    encode = encoder_of(options).indexed
    assert encode is not None  # noqa: S101 - PNG stores a palette
    compress_image(source.read(sample.tasks[0], options)[0], options)  # loads what is loaded on first use
    with watch.stage(READING):
        read = [source.read(task, options)[0] for task in sample.tasks]
    with watch.stage(DECODING):
        decoded = [decode_photo(data, options).pixels for data in read]
    with watch.stage(REDUCING):
        reduced = [quantize_pixels(pixels, options) for pixels in decoded]
    with watch.stage(ENCODING):
        encoded = [encode(image.indices, image.palette, options) for image in reduced]
    with watch.stage(HASHING):
        for data in read:
            hashlib.sha256(data).hexdigest()
        hashes = [hashlib.sha256(data).hexdigest() for data in encoded]
    new = [
        NewOutput(task.output, data, sha256) for task, data, sha256 in zip(sample.tasks, encoded, hashes, strict=True)
    ]
    with watch.stage(WRITING):
        for batch in batches(new):
            for error in outputs.write_all(batch):
                if error is not None:
                    raise error
    given = [bytes(ForkingPickler.dumps(batch)) for batch in batches([(task, None) for task in sample.tasks])]
    outcomes = list(map(Outcome, sample.tasks, sample.results))
    with watch.stage(ANSWERING):
        for tasks, batch in zip(given, batches(outcomes), strict=True):
            pickle.loads(tasks)  # noqa: S301 - as just written
            ForkingPickler.dumps(batch)
    return watch.each(len(sample.tasks))


def books_of(photos: PhotoSet, sample: Sample, folder: Path) -> dict[str, Spent]:
    """Return what the process that keeps the books does for an image.

    Parameters
    ----------
    folder
        A fresh folder. Outputs, small enough to cost nothing, are written there as the books say, but not timed.
    """
    source, watch = source_of(photos, folder), StageWatch()
    with watch.stage(LISTING):
        tasks = [task for task in source.plan(photos.options.suffix) if isinstance(task, Task)]
    with watch.stage(TOTAL):
        sum(1 for _ in source.plan(""))
    ledger, outputs = _new_ledger(photos, source, RootedPath(folder))
    monitor = RunMonitor(lambda _: None, threading.Event(), None)
    for batch, results in zip(batches(tasks), batches(sample.results), strict=True):
        with watch.stage(DECIDING):
            decided = [ledger.decide(task) for task in batch]
        with watch.stage(PENDING):
            ledger.mark_pending(decided)
        outcomes = [Outcome(*pair) for pair in zip(batch, results, strict=True)]
        answer = bytes(ForkingPickler.dumps(outcomes))
        with watch.stage(HANDING):
            ForkingPickler.dumps([(task, None) for task in batch])
            pickle.loads(answer)  # noqa: S301 - as just written
        outputs.write_all([NewOutput(task.output, b"", "") for task in batch])
        with watch.stage(RECORDING):
            ledger.record_all(outcomes)
        with watch.stage(COUNTING):
            for result in results:
                monitor.add(result)
    with watch.stage(ENDING):
        ledger.close(complete=True)
    return watch.each(len(tasks))


def _new_ledger(photos: PhotoSet, source: Folder, folder: RootedPath) -> tuple[Ledger, FolderOutputs]:
    """Return the ledger of a run into a fresh folder, and the outputs there."""
    folder.make_folders()
    written = WrittenHashes(folder)
    outputs, digest = FolderOutputs(folder, written=written), cache(photos.options.digest)
    context = LedgerContext(
        source=source,
        destination=folder,
        state_folder=folder,
        outputs=outputs,
        written=written,
        settings=RunSettings(),
        hash_of=lambda _: digest(""),
    )
    return Ledger(context), outputs
