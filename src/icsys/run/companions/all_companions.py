"""All files that go with images, when the images of a run are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.run.companions.many_images import CompanionRun, write_files_about_many
from icsys.run.companions.one_image import CompanionPass
from icsys.run.companions.worker import CompanionContext
from icsys.shards.shared_listing import ListedShard
from icsys.sources.base import some_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.engine.executor import Executor
    from icsys.journal.ledger import Ledger
    from icsys.run.count_results import RunMonitor
    from icsys.sources.base import Companion

_NAMED = 3

__all__ = ["CompanionRun", "do_companions"]


def do_companions(run: CompanionRun, ledger: Ledger, monitor: RunMonitor, executor: Executor) -> bool:
    """Do the files that go with images when all images are done; return whether all were met.

    A shard leaves out the files about many images, and so does a dry run: they need the rows of all images.
    """
    companions = CompanionPass(monitor, ledger, run.rules)
    context = CompanionContext(run.source, run.outputs, run.options, run.rules, dry_run=run.settings.dry_run)
    companions.run(run.plan(), context, executor)
    if run.settings.dry_run or not companions.complete:
        return companions.complete
    if not run.settings.shard:
        return write_files_about_many(companions.about_many, run, ledger, monitor)
    if not isinstance(run.source, ListedShard):  # a coordinator writes them
        monitor.summary.notes += _left_files(companions.about_many)
    return True


def _left_files(files: Iterable[Companion]) -> list[str]:
    """Return a note that names the files that a shard leaves out; nothing if there are none."""
    left = [one.source for one in files]
    what = "a file that names many images" if len(left) == 1 else f"{len(left)} files that name many images"
    after = "after ics merge, run ics compress once more without --shard"
    return [f"{what} ({some_names(left, _NAMED)}) not written by shards: {after}"] if left else []
