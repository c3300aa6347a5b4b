"""Files that name many images: COCO, tables and lists. They are done at the end, when all images are known."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from icsys.errors import ImageError
from icsys.image.geometry import ResizeSettings
from icsys.labels.coco import map_coco
from icsys.labels.mapped_file import LabelRules
from icsys.labels.name_lists import map_name_list
from icsys.labels.picture_index import MappedCounts
from icsys.labels.tables import map_table
from icsys.layout import MANIFEST
from icsys.records.manifest import read_rows
from icsys.results import UNCHANGED, CompanionWritten, Failed, Skipped
from icsys.run.companions.picture_index import PictureIndex
from icsys.run.worker import Outcome, failed_outcome
from icsys.sources.base import Excluded, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.files.rooted_path import RootedPath
    from icsys.journal.ledger import Ledger
    from icsys.labels.picture_index import FindPicture, PictureFacts
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.run.count_results import RunMonitor
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Companion, Planned, Source

_PART = 2**20
_COPY = "copy"
_VERSION = 1  # of the way in which they are made; another one makes them again


class CompanionRun(NamedTuple):
    """What a run has in common for all files that go with images.

    Attributes
    ----------
    source
        Where they are read from.
    outputs
        Where they are written.
    state_folder
        The folder of the journal.
    options
        How the images are compressed.
    settings
        How the run works, and what becomes of labels.
    """

    source: Source
    outputs: Outputs
    state_folder: RootedPath
    options: Options
    settings: RunSettings

    @property
    def rules(self) -> LabelRules:
        """The settings that decide what becomes of labels."""
        return LabelRules(self.settings.labels_on, self.settings.min_visibility, self.settings.mask_pad)

    def plan(self) -> Iterator[Planned]:
        """Return the plan from its start."""
        return self.source.plan(self.options.suffix)


def write_files_about_many(
    files: Sequence[Companion], context: CompanionRun, ledger: Ledger, monitor: RunMonitor
) -> bool:
    """Write the files about many images; return whether all were met. Without such a file nothing is read."""
    with ExitStack() as stack:
        finder: Callable[[str], FindPicture] = _finds_nothing
        digest = ""
        if any(companion.form != _COPY for companion in files) and not monitor.stop.is_set():
            monitor.report_note("Labels")
            index = stack.enter_context(closing(PictureIndex(context.options)))
            index.add_rows(row for _, row in read_rows(context.state_folder / MANIFEST))
            index.add_planned(_tasks(context.plan()))
            finder, digest = index.finder, index.digest()
        for companion in files:
            if monitor.stop.is_set():
                break
            task = companion.task._replace(options_hash=_options_hash(companion, digest, context))
            decision = ledger.decide(task, companion)
            if isinstance(decision, Skipped | Failed):
                if monitor.guard(partial(ledger.record, decision)):
                    monitor.add(decision)
                continue
            monitor.report_note(f"Labels of {task.source}")
            if monitor.guard(partial(ledger.mark_pending, [decision])):
                find = _within(_split_before(companion), finder(task.source))
                outcome = _outcome(companion._replace(task=decision), find, context)
                if monitor.guard(partial(ledger.record_all, [outcome])):
                    monitor.add(outcome.result)
    return not monitor.stop.is_set()


def _tasks(plan: Iterator[Planned]) -> Iterator[Task]:
    """Yield the images of a plan, left out or not."""
    for planned in plan:
        if isinstance(planned, Task | Excluded):
            yield planned.task if isinstance(planned, Excluded) else planned


def _split_before(companion: Companion) -> str:
    """Return the folder of the split that a file is written for, with its slash; empty for a file about all images."""
    task = companion.task
    return task.output.removesuffix(task.source) if task.output.endswith(f"/{task.source}") else ""


def _within(folder: str, find: FindPicture) -> FindPicture:
    """Return a function that finds pictures in the folder of a split, by their paths in it; others are elsewhere."""
    return partial(_find_within, folder, find) if folder else find


def _find_within(folder: str, find: FindPicture, name: str) -> PictureFacts | None:
    facts = find(name)
    if facts is None:
        return None
    is_elsewhere = facts.is_written and not facts.output_path.startswith(folder)
    return facts._replace(output_path=facts.output_path.removeprefix(folder), is_elsewhere=is_elsewhere)


def _finds_nothing(_: str) -> FindPicture:
    return _no_picture


def _no_picture(name: str) -> None:  # noqa: ARG001 - the signature of FindPicture
    return None


def _options_hash(companion: Companion, digest: str, context: CompanionRun) -> str:
    """Return the hash of everything beside its own bytes that decides what is written."""
    settings, values = context.settings, list[object]([_VERSION, companion.form])
    if companion.form != _COPY:
        values.append(digest)
    if companion.form not in {_COPY, "names"}:
        values += [settings.labels_on, settings.min_visibility, ResizeSettings.of(context.options)]
    if companion.form == "table":
        values.append(settings.table_column)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def _outcome(companion: Companion, find: FindPicture, context: CompanionRun) -> Outcome:
    """Map a file and write it. Any fault becomes its result."""
    try:
        return _written(companion, find, context)
    except Exception as error:  # noqa: BLE001 - one file never ends the run
        return failed_outcome(companion, error)


def _written(companion: Companion, find: FindPicture, context: CompanionRun) -> Outcome:
    task, start = companion.task, time.perf_counter()
    before = context.source.stat(task)
    with context.source.open(task, context.options) as source, tempfile.TemporaryFile() as file:
        made = cast("BinaryIO", file)
        size_in, source_sha256 = _size_and_hash(source)
        if source_sha256 == task.done_sha256:
            skipped = Skipped(source=task.source, output=task.output, reason=UNCHANGED, kind=companion.kind)
            return Outcome(task, skipped, before[1])
        counts = _map(companion, source, made, find, context)
        size_out, sha256 = _size_and_hash(made)
        if before != context.source.stat(task):
            raise ImageError("changed", "the file changed while it was read: run again when it no longer changes")
        context.outputs.write_file(task.output, made, sha256)
    result = CompanionWritten(
        kind=companion.kind,
        form=companion.form,
        source=task.source,
        output=task.output,
        picture="",
        bytes_in=size_in,
        bytes_out=size_out,
        source_mtime_ns=before[1] or 0,
        source_sha256=source_sha256,
        sha256=sha256,
        options_hash=task.options_hash,
        labels=counts.labels,
        dropped=counts.dropped,
        warning=counts.warning,
        redone=task.redone,
        seconds=time.perf_counter() - start,
    )
    return Outcome(task, result)


def _size_and_hash(file: BinaryIO) -> tuple[int, str]:
    """Return the number of bytes of a file and their hash; the file is at its beginning then."""
    file.seek(0)
    size, found = 0, hashlib.sha256()
    while part := file.read(_PART):
        size += len(part)
        found.update(part)
    file.seek(0)
    return size, found.hexdigest()


def _map(
    companion: Companion, read: BinaryIO, write: BinaryIO, find: FindPicture, context: CompanionRun
) -> MappedCounts:
    """Map a file by its form."""
    rules, beside = context.rules, companion.task.source.rpartition("/")[0]
    match companion.form:
        case "copy":
            shutil.copyfileobj(read, write)
            return MappedCounts()
        case "coco":
            return map_coco(read, write, find, rules, beside=beside, resample=context.options.resample)
        case "names":
            return map_name_list(read, write, find, beside=beside)
        case _:
            column = context.settings.table_column if companion.form == "table" else None
            return map_table(read, write, find, rules, column=column, beside=beside)
