"""Companions from source to output: masks and annotations go the way of their image, sidecars are copied."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.engine.batches import MOST_SECONDS
from icsys.errors import ImageError
from icsys.image.geometry import ResizeSettings
from icsys.image.jpeg.headers import plain_header
from icsys.image.mask import reduce_mask
from icsys.image.picture_header import read_header
from icsys.image.view import View
from icsys.labels.forms import FORMS
from icsys.results import MASK, UNCHANGED, CompanionWritten, Skipped
from icsys.run.worker import PART_BYTES, MadeOutput, Outcome, failed_outcome, write_made
from icsys.sources.base import read_loaded
from icsys.sources.companions.pairing import stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.engine.executor import Limits
    from icsys.labels.mapped_file import LabelRules
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.sources.base import Companion, Source

    LoadedCompanion = tuple[Companion, bytes | ImageError | None]

_HEAD_BYTES = 2**16  # of an image: the headers of most JPEGs


class CompanionContext(NamedTuple):
    """What all workers of the companions have in common; it can be pickled for other processes.

    Attributes
    ----------
    source
        Where companions and images are read from.
    outputs
        Where companions are written.
    options
        How the images are compressed.
    rules
        What becomes of labels.
    dry_run
        Write nothing.
    """

    source: Source
    outputs: Outputs
    options: Options
    rules: LabelRules
    dry_run: bool = False


def reduce_companions(batch: Sequence[LoadedCompanion], context: CompanionContext, limits: Limits) -> list[Outcome]:
    """Make the outputs of companions until the run is stopped or time is up. Any fault of one becomes its result.

    Parameters
    ----------
    batch
        The companions, each with its bytes if they were read ahead.

    Returns
    -------
    list of Outcome
        Of the first companions, in their order; of at least one, unless the run is stopped.
    """
    outcomes: list[Outcome] = []
    made: list[MadeOutput | Outcome] = []
    held, end = 0, time.monotonic() + MOST_SECONDS
    for loaded in batch:
        if limits.stopped() or ((made or outcomes) and time.monotonic() > end):
            break
        try:
            made.append(_reduce(loaded, context, limits))
        except Exception as error:  # noqa: BLE001 - one file never ends the run
            made.append(failed_outcome(loaded[0], error))
        held += len(made[-1].data) if isinstance(made[-1], MadeOutput) else 0
        if held >= PART_BYTES:
            outcomes += write_made(made, context.outputs, limits, dry_run=context.dry_run)
            made, held = [], 0
    return outcomes + write_made(made, context.outputs, limits, dry_run=context.dry_run)


def _reduce(loaded: LoadedCompanion, context: CompanionContext, limits: Limits) -> MadeOutput | Outcome:
    companion, ahead = loaded
    task, start = companion.task, time.perf_counter()
    data, mtime_ns = read_loaded(context.source, (task, ahead), context.options)
    source_sha256 = hashlib.sha256(data).hexdigest()
    if source_sha256 == task.done_sha256:
        return Outcome(
            task, Skipped(source=task.source, output=task.output, reason=UNCHANGED, kind=companion.kind), mtime_ns
        )
    values: dict[str, Any]
    view = None if companion.form == "copy" else view_of(companion, context)  # it reads, so it holds no slot
    with limits.slots:
        if view is None:
            output, values = data, {}
        elif companion.kind == MASK:
            rules = context.rules
            mask = reduce_mask(
                data, view, context.options, labels_on=rules.labels_on, pad=rules.mask_pad, admit=limits.admit
            )
            output, values = mask.data, {"width": mask.width, "height": mask.height, "warning": mask.warning}
        else:
            name = "" if companion.picture is None else companion.picture.output.rpartition("/")[2]
            mapped = FORMS[companion.form](data, view, context.rules, name)
            output = mapped.data
            values = {"labels": mapped.labels, "dropped": mapped.dropped, "warning": mapped.warning}
    values["warning"] = "; ".join(filter(None, [values.get("warning"), _name_warning(companion)])) or None
    result = CompanionWritten(
        kind=companion.kind,
        form=companion.form,
        source=task.source,
        output=task.output,
        picture="" if companion.picture is None else companion.picture.source,
        bytes_in=len(data),
        bytes_out=len(output),
        source_mtime_ns=mtime_ns,
        source_sha256=source_sha256,
        sha256=hashlib.sha256(output).hexdigest(),
        options_hash=task.options_hash,
        redone=task.redone,
        seconds=time.perf_counter() - start,
        **values,
    )
    return MadeOutput(task, result, output, companion)


def _name_warning(companion: Companion) -> str | None:
    """Return a warning if readers that pair files by name find no image any more."""
    picture, task = companion.picture, companion.task
    if picture is None:
        return None
    output, source = _base(picture.output), _base(picture.source)
    if stem_of(output) != stem_of(source):
        return (
            f"another image or mask has the stem of {picture.source!r}, so that the output is {picture.output!r}: "
            "readers that pair files by stem find no image; give one of the two another name"
        )
    if companion.kind == MASK and stem_of(_base(task.output)) != stem_of(_base(task.source)):
        return f"another mask has its stem, so that the output is {task.output!r}: give one of the two another name"
    if output != source and _base(task.output).startswith(f"{source}."):
        return f"its name has the whole name of its image, whose output is {picture.output!r}"
    return None


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def view_of(companion: Companion, context: CompanionContext) -> View:
    """Return the view of a companion's image, from its headers.

    Raises
    ------
    ImageError, OSError
        If the image cannot be read.
    """
    picture, options = companion.picture, context.options
    assert picture is not None  # noqa: S101 - a companion with a form has one
    try:
        header = plain_header(context.source.head(picture, _HEAD_BYTES))
        if header is not None:
            return View.of(header.size, header.orientation, ResizeSettings.of(options))
        data, _ = context.source.read(picture, options)
        read = read_header(data, options)
    except ImageError as error:
        raise ImageError("no_image", f"its image {picture.source!r} cannot be used: {error}") from error
    return View.of(read.stored, read.orientation, ResizeSettings.of(options))
