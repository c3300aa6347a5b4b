"""The main pass of a run: take the tasks that are left to do, compress them, and record the results."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from icsys import pipeline
from icsys.engine import Lost
from icsys.results import UNCHANGED, Failed, LeftOut, Skipped
from icsys.run.worker import compress_tasks, lost_outcome
from icsys.sources.base import Companion, Excluded, Ignored, PassedOver, Task, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.engine.executor import Executor
    from icsys.journal.ledger import Ledger
    from icsys.run.count_results import RunMonitor
    from icsys.run.worker import WorkerContext
    from icsys.selection import SizeRules
    from icsys.sources.base import Planned

# Tasks whose pending outputs are written to disk at once, which takes about a millisecond: few at first, so that work
# starts soon.
_FIRST_BATCH, _BATCH = 64, 256


class MainPass:
    """Does what is left to do of a plan.

    Attributes
    ----------
    complete
        Whether every source was listed and met; only then may outputs be stale.
    """

    def __init__(self, monitor: RunMonitor, ledger: Ledger) -> None:
        self._monitor, self._ledger = monitor, ledger
        self.complete = False
        self._all_listed = False
        self._rules: SizeRules | None = None

    def run(self, plan: Iterable[Planned], context: WorkerContext, executor: Executor) -> None:
        """Compress all tasks that are left to do. Packages are loaded only if there is one."""
        monitor, options, self._rules = self._monitor, context.options, context.rules
        monitor.report()
        remaining = self._remaining(plan)
        first = next(remaining, None)
        if first is not None:
            monitor.load_packages(options)
            monitor.report()
            tasks = chain([first], remaining)
            executor = executor._replace(crashed=self._ledger.note_crash)
            with pipeline.one_thread(options), closing(compress_tasks(tasks, context, executor)) as outcomes:
                for batch in outcomes:
                    done = [lost_outcome(outcome) if isinstance(outcome, Lost) else outcome for outcome in batch]
                    # Images that are in no row count as not done: the next run does them.
                    if monitor.guard(partial(self._ledger.record_all, done)):
                        for outcome in done:
                            monitor.add(outcome.result)
        self.complete = self._all_listed and not monitor.stop.is_set()

    def _remaining(self, plan: Iterable[Planned]) -> Iterator[Task]:
        """Yield the tasks to do, in batches of pending outputs; record the results of all others."""
        batch: list[Task] = []
        size, all_listed = _FIRST_BATCH, True
        for planned in plan:
            if self._monitor.stop.is_set():
                return
            if not self._monitor.owns(planned):
                continue
            all_listed = all_listed and not isinstance(planned, Unreadable)
            decision: Task | Skipped | Failed | LeftOut | None
            if isinstance(planned, Task) and self._rules is None:  # as most are
                decision = self._ledger.decide(planned)
            else:
                decision = self._decide(planned)
            if isinstance(decision, Task):
                batch.append(decision)
                if len(batch) == size:
                    yield from self._announced(batch)
                    batch, size = [], _BATCH
            elif decision is not None and self._monitor.guard(partial(self._record, planned, decision)):
                self._monitor.add(decision)
        yield from self._announced(batch)
        self._all_listed = all_listed

    def _decide(self, planned: Planned) -> Task | Skipped | Failed | LeftOut | None:
        """Return the task if it is to be done, or its result; None for an entry that is no image."""
        match planned:
            case Task():
                return self._held_to_rules(planned, self._ledger.decide(planned))
            case Excluded():
                return LeftOut(source=planned.source, rule=planned.rule, message=planned.message)
            case Unreadable():
                return Failed(source=planned.source, code=planned.code, message=planned.message)
            case Companion():
                self._monitor.has_companions = True  # they follow when all images are done
            case Ignored() | PassedOver():
                self._monitor.add_ignored(planned)
        return None

    def _held_to_rules(self, task: Task, decision: Task | Skipped | Failed) -> Task | Skipped | Failed | LeftOut:
        """Return the decision, or that a rule of size leaves out an image that has an output; workers see to others."""
        if self._rules is None or not isinstance(decision, Skipped) or decision.reason != UNCHANGED:
            return decision
        row = self._ledger.recorded(task.output)
        broken = row and self._rules.broken_by(row["source_width"], row["source_height"])
        return LeftOut(source=task.source, rule=broken[0], message=broken[1]) if broken else decision

    def _record(self, planned: Planned, decision: Skipped | Failed | LeftOut) -> None:
        """Record a result without work; with its task if the image has no output now, so that an older one is stale."""
        task = planned.task if isinstance(planned, Excluded) else planned
        without = task if isinstance(task, Task) and isinstance(decision, LeftOut | Failed) else None
        self._ledger.record(decision, without)

    def _announced(self, batch: list[Task]) -> Iterator[Task]:
        """Write the pending outputs of a batch to disk, then yield its tasks."""
        self._monitor.guard(partial(self._ledger.mark_pending, batch))
        for task in batch:
            if self._monitor.stop.is_set():
                return
            yield task
