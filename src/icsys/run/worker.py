"""One image from disk to disk: what a worker does, and how what goes wrong becomes a result."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError, code_of
from icsys.files.url import without_secrets
from icsys.image.decode import decode_photo
from icsys.pipeline import compress_image
from icsys.records.labels import label_of
from icsys.results import UNCHANGED, Compressed, Failed, Result, Skipped
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    import threading
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from icsys.engine import Lost
    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.records.palette_files import Palettes
    from icsys.sources.base import Loaded, Source, Task


class Outcome(NamedTuple):
    """What became of an image to do; ``mtime_ns`` only of a source that proved unchanged though its time was not."""

    work: Task
    result: Result
    mtime_ns: int | None = None


def do(
    loaded: Loaded,
    *,
    source: Source,
    outputs: Outputs,
    options: Options,
    dry_run: bool,
    admit: Admit,
    slots: AbstractContextManager[object],
    over: threading.Event | None,
    palettes: Palettes | None = None,
) -> Outcome:
    """Do one image; whatever is wrong with it becomes its result.

    Parameters
    ----------
    loaded
        The image, with its bytes if they were read ahead.
    outputs
        Where its output goes.
    slots
        Held while there is something to compute, so that images are read and written while others are computed.
    over
        Set once the run has ended: an image that comes too late for it is not written.
    palettes
        That images share; each has its own if left out.
    """
    work, _ = loaded
    try:
        start = time.perf_counter()
        data, mtime_ns = read_loaded(source, loaded, options)
        waited = -time.perf_counter()
        with slots:
            waited += time.perf_counter()
            source_sha256 = hashlib.sha256(data).hexdigest()
            if source_sha256 == work.done_sha256:
                return Outcome(work, Skipped(source=work.source, output=work.output, reason=UNCHANGED), mtime_ns)
            palette = None if palettes is None else _palette_of(work, palettes, data, options, admit)
            image = compress_image(data, options, palette=palette, admit=admit)
            sha256 = hashlib.sha256(image.data).hexdigest()
            size = len(data)
            del data
        if not dry_run and not (over and over.is_set()):
            outputs.write(work.output, image.data, sha256)
    except Exception as error:  # noqa: BLE001 - whatever happens to one image, the others go on
        code, message = _reason(error)
        return Outcome(work, Failed(source=work.source, code=code, message=message))
    info = image.source
    return Outcome(
        work,
        Compressed(
            source=work.source,
            output=work.output,
            bytes_in=size,
            bytes_out=len(image.data),
            source_width=info.width,
            source_height=info.height,
            width=image.width,
            height=image.height,
            elements_in=info.width * info.height * info.channels,
            elements_out=image.width * image.height * image.channels,
            source_mtime_ns=mtime_ns,
            source_sha256=source_sha256,
            sha256=sha256,
            colors=image.colors,
            format=info.format,
            mode=info.mode,
            orientation=info.orientation,
            frames=info.frames,
            mse=image.mse,
            measured=image.measured,
            warning=image.warning,
            kept_source=image.kept_source,
            palette=None if palettes is None else palettes.hash_of(work.output),
            seconds=time.perf_counter() - start - waited,
            kmeans_seconds=image.kmeans_seconds,
        ),
    )


def _palette_of(work: Task, palettes: Palettes, data: bytes, options: Options, admit: Admit) -> NDArray[np.uint8]:
    """Return the palette of an image's class."""
    palette = palettes.of(work.output)
    if palette is None:
        decode_photo(data, options, admit)  # what is wrong with the image itself comes first
        label = label_of(work.output)
        where = "images that lie in no folder" if label is None else f"the class {label!r}"
        raise ImageError("no_palette", f"there is no palette for {where}: make palettes from images of all classes")
    return palette


def given_up(lost: Lost[Loaded]) -> Outcome:
    """Return the outcome of an image that ended whoever worked on it."""
    work, _ = lost.item
    return Outcome(work, Failed(source=work.source, code=lost.code, message=lost.message))


def _reason(error: Exception) -> tuple[str, str]:
    """Return the stable code and the sentence for what went wrong with one image."""
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
