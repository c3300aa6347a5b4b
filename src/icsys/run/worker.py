"""One image from source to output: what a worker does, and how a fault becomes a result."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys import pipeline
from icsys.errors import ImageError, code_of
from icsys.files.url import without_secrets
from icsys.image.decode import decode_photo
from icsys.image.geometry import is_smaller
from icsys.outputs.base import NewOutput
from icsys.pipeline import compress_image
from icsys.records.label import label_of
from icsys.results import UNCHANGED, Compressed, Failed, Result, Skipped
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from icsys.engine import Lost
    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.pipeline import CompressedImage
    from icsys.records.palette_files import Palettes
    from icsys.run.executor import Executor, Limits
    from icsys.sources.base import Loaded, Source, Task


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
    run_ended
        Set when the run has ended: a late thread writes nothing. None in processes, which are killed then.
    """

    source: Source
    outputs: Outputs
    options: Options
    palettes: Palettes | None = None
    dry_run: bool = False
    run_ended: threading.Event | None = None


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


def compress_tasks(
    tasks: Iterable[Task], context: WorkerContext, executor: Executor
) -> Generator[Outcome | Lost[Loaded]]:
    """Compress tasks on the workers of an executor, and yield the outcomes in any order."""
    worker = partial(compress_task, context=context)
    loaded = context.source.load(tasks, context.options)
    return executor.map(worker, loaded, partial(pipeline.load_packages, context.options))


def compress_task(loaded: Loaded, context: WorkerContext, limits: Limits) -> Outcome:
    """Compress one image. Any fault becomes its result.

    Parameters
    ----------
    loaded
        The task, with its bytes if they were read ahead.
    """
    task, _ = loaded
    try:
        start = time.perf_counter()
        data, mtime_ns = read_loaded(context.source, loaded, context.options)
        waited = -time.perf_counter()
        with limits.slots:
            waited += time.perf_counter()
            source_sha256 = hashlib.sha256(data).hexdigest()
            if source_sha256 == task.done_sha256:
                return Outcome(task, Skipped(source=task.source, output=task.output, reason=UNCHANGED), mtime_ns)
            palette = _palette_of(task, data, context, limits.admit)
            image = compress_image(data, context.options, palette=palette, admit=limits.admit)
            sha256 = hashlib.sha256(image.data).hexdigest()
            bytes_in = len(data)
            del data
        if not context.dry_run and not (context.run_ended and context.run_ended.is_set()):
            (fault,) = context.outputs.write_all([NewOutput(task.output, image.data, sha256)])
            if fault is not None:
                raise fault  # noqa: TRY301 - it becomes a result below
    except Exception as error:  # noqa: BLE001 - one image never ends the run
        code, message = failure_reason(error)
        return Outcome(task, Failed(source=task.source, code=code, message=message))
    palettes = context.palettes
    result = Compressed(
        source=task.source,
        output=task.output,
        bytes_in=bytes_in,
        source_mtime_ns=mtime_ns,
        source_sha256=source_sha256,
        sha256=sha256,
        palette=None if palettes is None else palettes.hash_of(task.output),
        seconds=time.perf_counter() - start - waited,
        small_source=is_smaller(image.source.width, image.source.height, context.options),
        redone=task.redone,
        **_image_values(image),
    )
    return Outcome(task, result)


def lost_outcome(lost: Lost[Loaded]) -> Outcome:
    """Return the outcome of an image that crashed its worker or took too long."""
    task, _ = lost.item
    return Outcome(task, Failed(source=task.source, code=lost.code, message=lost.message))


def _image_values(image: CompressedImage) -> dict[str, Any]:
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


def failure_reason(error: Exception) -> tuple[str, str]:
    """Return code and message of a failure."""
    match error:
        case ImageError():
            return error.code, str(error)
        case OSError():
            place = f": {error.filename}" if error.filename else ""
            return code_of(error), f"{error.strerror or error}{place}"
        case MemoryError():
            return "memory", "not enough memory for this image"
        case _:
            return (
                "internal",
                f"a fault of ics itself, please report it: {type(error).__name__}: {without_secrets(str(error))}",
            )
