"""All files that go with images, when the images of a run are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.run.companions.many_images import CompanionRun, write_files_about_many
from icsys.run.companions.one_image import CompanionPass
from icsys.run.companions.worker import CompanionContext

if TYPE_CHECKING:
    from icsys.engine.executor import Executor
    from icsys.journal.ledger import Ledger
    from icsys.run.count_results import RunMonitor

__all__ = ["CompanionRun", "do_companions"]


def do_companions(run: CompanionRun, ledger: Ledger, monitor: RunMonitor, executor: Executor) -> bool:
    """Do the files that go with images when all images are done; return whether all were met.

    A shard leaves out the files about many images, and so does a dry run: they need the rows of all images.
    """
    companions = CompanionPass(monitor, ledger, run.rules)
    context = CompanionContext(run.source, run.outputs, run.options, run.rules, dry_run=run.settings.dry_run)
    companions.run(run.plan(), context, executor)
    if run.settings.dry_run or run.settings.shard or not companions.complete:
        return companions.complete
    return write_files_about_many(run, ledger, monitor)
