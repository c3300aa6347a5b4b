"""A batch of images from source to output: what a worker does, and how a fault becomes a result."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys import pipeline
from icsys.engine.batches import MOST_SECONDS
from icsys.errors import ImageError
from icsys.files.failure_reason import failure_reason
from icsys.image.decode import decode_photo
from icsys.image.geometry import is_smaller
from icsys.image.picture_header import read_header
from icsys.outputs.base import NewOutput
from icsys.pipeline import compress_image
from icsys.records.label import label_of
from icsys.results import UNCHANGED, Compressed, Failed, LeftOut, Result, Skipped
from icsys.sources.base import Companion, read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.engine import Lost
    from icsys.engine.executor import Executor, Limits
    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.pipeline import CompressedImage
    from icsys.records.palette_files import Palettes
    from icsys.results import CompanionWritten
    from icsys.selection import SizeRules
    from icsys.sources.base import Loaded, Source, Task


PART_BYTES = 2**22
"""Bytes of sources that a worker reads, or of outputs that it makes, before it goes on with them; one may hold more."""


class WorkerContext(NamedTuple):
    """What all workers of a pass have in common; it can be pickled for other processes.

    Attributes
    ----------
    source
        Where images are read from.
    outputs
        Where their outputs are written.
    options
        How they are compressed.
    palettes
        Shared palettes; None if each image has its own.
    dry_run
        Write nothing.
    rules
        Which images are left out by their size; None if none is.
    """

    source: Source
    outputs: Outputs
    options: Options
    palettes: Palettes | None = None
    dry_run: bool = False
    rules: SizeRules | None = None


class Outcome(NamedTuple):
    """What a worker returns for one task.

    Attributes
    ----------
    mtime_ns
        New time of a source whose content has not changed; else None.
    """

    task: Task
    result: Result
    mtime_ns: int | None = None


class _Read(NamedTuple):
    """A source in memory, with its time and the seconds that reading took."""

    task: Task
    data: bytes
    mtime_ns: int
    seconds: float


class MadeOutput(NamedTuple):
    """A result whose output is to be written; ``companion``: what was done, if it is no image."""

    task: Task
    result: Compressed | CompanionWritten
    data: bytes
    companion: Companion | None = None


def compress_tasks(
    tasks: Iterable[Task], context: WorkerContext, executor: Executor
) -> Generator[list[Outcome | Lost[Loaded]]]:
    """Compress tasks on the workers of an executor, and yield the outcomes of each batch, in any order."""
    worker = partial(compress_batch, context=context)
    loaded = context.source.load(tasks, context.options)
    return executor.map(worker, loaded, partial(pipeline.prepare_process, context.options))


def compress_batch(batch: Sequence[Loaded], context: WorkerContext, limits: Limits) -> list[Outcome]:
    """Compress images until the run is stopped or time is up. Any fault of one becomes its result.

    Sources are read, and outputs are written, while other workers compute. Outputs are written together, because
    bringing several files onto the disk takes as long as one.

    Parameters
    ----------
    batch
        The tasks, each with its bytes if they were read ahead.

    Returns
    -------
    list of Outcome
        Of the first tasks, in their order; of at least one, unless the run is stopped.
    """
    outcomes: list[Outcome] = []
    waiting, end = deque(batch), time.monotonic() + MOST_SECONDS

    def is_over() -> bool:
        return limits.stopped() or time.monotonic() > end

    while waiting and not limits.stopped() and not (outcomes and is_over()):
        sources = deque(_read_some(waiting, context))
        while sources and not (outcomes and is_over()):
            made = _compress_some(sources, context, limits, is_over)
            outcomes += write_made(made, context.outputs, limits, dry_run=context.dry_run)
    return outcomes


def compress_one(loaded: Loaded, context: WorkerContext, limits: Limits) -> Outcome:
    """Compress one image. Any fault becomes its result."""
    (outcome,) = compress_batch([loaded], context, limits)
    return outcome


def _read_some(waiting: deque[Loaded], context: WorkerContext) -> Iterator[_Read | Outcome]:
    """Read sources, and take them off the queue, until they hold :data:`PART_BYTES` bytes."""
    held = 0
    while waiting and held < PART_BYTES:
        loaded = waiting.popleft()
        start = time.perf_counter()
        try:
            data, mtime_ns = read_loaded(context.source, loaded, context.options)
        except Exception as error:  # noqa: BLE001 - one image never ends the run
            yield failed_outcome(loaded[0], error)
        else:
            held += len(data)
            yield _Read(loaded[0], data, mtime_ns, time.perf_counter() - start)


def _compress_some(
    sources: deque[_Read | Outcome], context: WorkerContext, limits: Limits, is_over: Callable[[], bool]
) -> list[MadeOutput | Outcome]:
    """Compress sources, and take them off the queue, until the outputs hold :data:`PART_BYTES` bytes or time is up."""
    done: list[MadeOutput | Outcome] = []
    held = 0
    with limits.slots:
        while sources and held < PART_BYTES and not (done and is_over()):
            source = sources.popleft()
            if isinstance(source, _Read):
                made = _compress(source, context, limits)
                held += len(made.data) if isinstance(made, MadeOutput) else 0
                done.append(made)
            else:
                done.append(source)
    return done


def _compress(source: _Read, context: WorkerContext, limits: Limits) -> MadeOutput | Outcome:
    """Compress one image."""
    task, data, mtime_ns, seconds = source
    start = time.perf_counter()
    try:
        broken = broken_size_rule(data, context.options, context.rules)
        if broken is not None:
            return Outcome(task, LeftOut(source=task.source, rule=broken[0], message=broken[1]))
        source_sha256 = hashlib.sha256(data).hexdigest()
        if source_sha256 == task.done_sha256:
            return Outcome(task, Skipped(source=task.source, output=task.output, reason=UNCHANGED), mtime_ns)
        palette = _palette_of(task, data, context, limits.admit)
        image = compress_image(data, context.options, palette=palette, admit=limits.admit)
        sha256 = hashlib.sha256(image.data).hexdigest()
    except Exception as error:  # noqa: BLE001 - one image never ends the run
        return failed_outcome(task, error)
    palettes = context.palettes
    result = Compressed(
        source=task.source,
        output=task.output,
        bytes_in=len(data),
        source_mtime_ns=mtime_ns,
        source_sha256=source_sha256,
        sha256=sha256,
        palette=None if palettes is None else palettes.hash_of(task.output),
        seconds=seconds + time.perf_counter() - start,
        small_source=is_smaller(image.source.width, image.source.height, context.options),
        redone=task.redone,
        **facts_of_image(image),
    )
    return MadeOutput(task, result, image.data)


def facts_of_image(image: CompressedImage) -> dict[str, Any]:
    """Return the values of a result that the compressed image holds."""
    info = image.source
    return {
        "bytes_out": len(image.data),
        "source_width": info.width,
        "source_height": info.height,
        "width": image.width,
        "height": image.height,
        "elements_in": info.width * info.height * info.channels,
        "elements_out": image.width * image.height * image.channels,
        "colors": image.colors,
        "format": info.format,
        "mode": info.mode,
        "orientation": info.orientation,
        "frames": info.frames,
        "mse": image.mse,
        "measured": image.measured,
        "warning": image.warning,
        "damaged": image.damaged,
        "kept_source": image.kept_source,
        "kmeans_seconds": image.kmeans_seconds,
    }


def broken_size_rule(data: bytes, options: Options, rules: SizeRules | None) -> tuple[str, str] | None:
    """Return the rule of size that an image breaks, and a sentence that says so; None if it breaks none.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    return None if rules is None else rules.broken_by(*read_header(data, options).stored)


def write_made(
    done: Sequence[MadeOutput | Outcome], outputs: Outputs, limits: Limits, *, dry_run: bool
) -> list[Outcome]:
    """Write the outputs, and return all outcomes in their order."""
    files = [NewOutput(one.result.output, one.data, one.result.sha256) for one in done if isinstance(one, MadeOutput)]
    if dry_run or limits.ended():
        errors: Sequence[OSError | None] = [None] * len(files)
    else:
        errors = outputs.write_all(files)
    faults = iter(errors)
    outcomes = []
    for one in done:
        if isinstance(one, MadeOutput):
            error = next(faults)
            outcomes.append(
                failed_outcome(one.companion or one.task, error) if error else Outcome(one.task, one.result)
            )
        else:
            outcomes.append(one)
    return outcomes


def failed_outcome(done: Task | Companion, error: Exception) -> Outcome:
    """Return the outcome of an image or a companion that could not be done."""
    code, message = failure_reason(error)
    if isinstance(done, Companion):
        return failed_companion(done, code, message)
    return Outcome(done, Failed(source=done.source, code=code, message=message))


def failed_companion(companion: Companion, code: str, message: str) -> Outcome:
    """Return the outcome of a companion that could not be done."""
    task, picture = companion.task, companion.picture
    image = "" if picture is None else picture.source
    return Outcome(task, Failed(source=task.source, code=code, message=message, kind=companion.kind, picture=image))


def lost_outcome(lost: Lost[Loaded]) -> Outcome:
    """Return the outcome of an image that crashed its worker or took too long."""
    task, _ = lost.item
    return Outcome(task, Failed(source=task.source, code=lost.code, message=lost.message))


def _palette_of(task: Task, data: bytes, context: WorkerContext, admit: Admit) -> NDArray[np.uint8] | None:
    """Return the shared palette of an image; None if each image has its own."""
    if context.palettes is None:
        return None
    palette = context.palettes.of(task.output)
    if palette is None:
        decode_photo(data, context.options, admit)  # a damaged image fails as damaged
        if not context.palettes.by_class:
            raise ImageError("no_palette", "there is no palette: none of the images for it could be used")
        label = label_of(task.output)
        where = "images that lie in no folder" if label is None else f"the class {label!r}"
        raise ImageError("no_palette", f"there is no palette for {where}: make palettes from images of all classes")
    return palette
