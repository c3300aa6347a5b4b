"""The main pass of a run: take the tasks that are left to do, compress them, and record the results."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from icsys import pipeline
from icsys.engine import Lost
from icsys.results import Failed
from icsys.run.worker import compress_tasks, lost_outcome
from icsys.sources.base import Companion, Task, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.engine.executor import Executor
    from icsys.journal.ledger import Ledger
    from icsys.results import Skipped
    from icsys.run.count_results import RunMonitor
    from icsys.run.worker import WorkerContext
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
    has_companions
        Whether the plan has files that go with images. They follow when all images are done.
    """

    def __init__(self, monitor: RunMonitor, ledger: Ledger) -> None:
        self._monitor, self._ledger = monitor, ledger
        self.complete = False
        self.has_companions = False
        self._all_listed = False

    def run(self, plan: Iterable[Planned], context: WorkerContext, executor: Executor) -> None:
        """Compress all tasks that are left to do. Packages are loaded only if there is one."""
        monitor, options = self._monitor, context.options
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
            if isinstance(planned, Task):
                decision: Task | Skipped | Failed = self._ledger.decide(planned)
            elif isinstance(planned, Unreadable):
                all_listed = False
                decision = Failed(source=planned.source, code=planned.code, message=planned.message)
            elif isinstance(planned, Companion):
                self.has_companions = True
                continue
            else:
                self._monitor.add_ignored(planned)
                continue
            if isinstance(decision, Task):
                batch.append(decision)
                if len(batch) == size:
                    yield from self._announced(batch)
                    batch, size = [], _BATCH
            elif self._monitor.guard(partial(self._ledger.record, decision)):
                self._monitor.add(decision)
        yield from self._announced(batch)
        self._all_listed = all_listed

    def _announced(self, batch: list[Task]) -> Iterator[Task]:
        """Write the pending outputs of a batch to disk, then yield its tasks."""
        self._monitor.guard(partial(self._ledger.mark_pending, batch))
        for task in batch:
            if self._monitor.stop.is_set():
                return
            yield task
