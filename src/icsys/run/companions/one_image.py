"""The companion pass of a run: masks, annotations and sidecars of single images, when all images are done."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from icsys import pipeline
from icsys.engine import Lost
from icsys.image.geometry import ResizeSettings
from icsys.results import MASK, Failed, Skipped
from icsys.run.companions.worker import CompanionContext, reduce_companions
from icsys.run.worker import failed_companion
from icsys.sources.base import Companion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.engine.executor import Executor
    from icsys.journal.ledger import Ledger
    from icsys.labels.mapped_file import LabelRules
    from icsys.options import Options
    from icsys.run.count_results import RunMonitor
    from icsys.run.worker import Outcome
    from icsys.sources.base import Planned, Source, Task

NO_OUTPUT = "its image has no output"
_BATCH = 256  # companions whose pending outputs are written to disk at once
_VERSION = 1  # of the way in which companions are made; another one makes them again


def options_hash(companion: Companion, source: Source, options: Options, rules: LabelRules) -> str:
    """Return the hash of everything beside its own bytes that decides the output of a companion of one image."""
    values: list[object] = [_VERSION, companion.kind, companion.form]
    picture = companion.picture
    if picture is not None and companion.form != "copy":
        try:
            stated: tuple[object, ...] = source.stat(picture)
        except OSError:
            stated = ()
        values += [ResizeSettings.of(options), rules.labels_on, picture.source, picture.output, stated]
        values.append(rules.mask_pad if companion.kind == MASK else rules.min_visibility)
    text = json.dumps(values, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class CompanionPass:
    """Does the companions of single images that are left to do.

    Attributes
    ----------
    complete
        Whether every companion was met.
    about_many
        The files about many images in the plan, of any shard, as far as it was read.
    """

    def __init__(self, monitor: RunMonitor, ledger: Ledger, rules: LabelRules) -> None:
        self._monitor, self._ledger, self._rules = monitor, ledger, rules
        self.complete = False
        self.about_many: list[Companion] = []
        self._count = 0

    def run(self, plan: Iterable[Planned], context: CompanionContext, executor: Executor) -> None:
        """Do all companions of single images in a plan that are left to do."""
        monitor, source = self._monitor, context.source
        remaining = self._remaining(plan, source, context.options)
        worker = partial(reduce_companions, context=context)
        prepare = partial(pipeline.prepare_process, context.options)
        executor = executor._replace(crashed=self._ledger.note_crash, left=lambda: None)
        items = ((companion, None) for companion in remaining)
        with closing(executor.map(worker, items, prepare)) as outcomes:
            for batch in outcomes:
                done = [_lost(outcome) if isinstance(outcome, Lost) else outcome for outcome in batch]
                if monitor.guard(partial(self._ledger.record_all, done)):
                    for outcome in done:
                        monitor.add(outcome.result)
                    self._count += len(done)
                    monitor.report_note(f"Labels ({self._count:,} files)")
        self.complete = not monitor.stop.is_set()

    def _remaining(self, plan: Iterable[Planned], source: Source, options: Options) -> Iterator[Companion]:
        """Yield the companions to do, in batches of pending outputs; record the results of all others."""
        batch: list[Companion] = []
        for planned in plan:
            if self._monitor.stop.is_set():
                return
            if not isinstance(planned, Companion):
                continue
            if is_about_many(planned):
                self.about_many.append(planned)
                continue
            if not self._monitor.owns(planned):
                continue
            found = options_hash(planned, source, options, self._rules)
            planned = planned._replace(task=planned.task._replace(options_hash=found))  # noqa: PLW2901 - the same one
            decision = self._decide(planned)
            if isinstance(decision, Skipped | Failed):
                if self._monitor.guard(partial(self._ledger.record, decision)):
                    self._monitor.add(decision)
                continue
            batch.append(planned._replace(task=decision))
            if len(batch) == _BATCH:
                yield from self._announced(batch)
                batch = []
        yield from self._announced(batch)

    def _decide(self, companion: Companion) -> Task | Skipped | Failed:
        picture = companion.picture
        if picture is not None and self._ledger.is_without_output(picture.source):
            return Skipped(
                source=companion.task.source, output=companion.task.output, reason=NO_OUTPUT, kind=companion.kind
            )
        return self._ledger.decide(companion.task, companion)

    def _announced(self, batch: list[Companion]) -> Iterator[Companion]:
        """Write the pending outputs of a batch to disk, then yield its companions."""
        if batch:
            self._monitor.guard(partial(self._ledger.mark_pending, [companion.task for companion in batch]))
        for companion in batch:
            if self._monitor.stop.is_set():
                return
            yield companion


def is_about_many(companion: Companion) -> bool:
    """Return whether a companion is about many images, so that it is done when all of them are known."""
    return companion.picture is None


def _lost(lost: Lost[tuple[Companion, None]]) -> Outcome:
    """Return the outcome of a companion that crashed its worker or took too long."""
    companion, _ = lost.item
    return failed_companion(companion, lost.code, lost.message)
