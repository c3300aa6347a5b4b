"""One number of colours for a whole dataset, from what a sample of its images needs."""

from __future__ import annotations

import dataclasses
import math
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from icsys import pipeline
from icsys.choices import MAX_INDEXED_COLORS
from icsys.engine import Lost
from icsys.results import Compressed
from icsys.run.worker import compress_tasks
from icsys.sources.random_sample import draw_sample
from icsys.summary import ColorsChosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.engine.executor import Executor
    from icsys.options import Options, Target
    from icsys.run.count_results import RunMonitor
    from icsys.run.worker import Outcome, WorkerContext
    from icsys.sources.base import Loaded

SAMPLE = 100
"""Images in which colours are counted."""

_ROUNDING = 1e-9  # of a product of floats whose exact value is a whole number


def with_chosen_colors(context: WorkerContext, executor: Executor, monitor: RunMonitor) -> Options:
    """Return the options with one number of colours for all images, found in a sample; it is added to the summary."""
    options = context.options
    assert options.target is not None  # noqa: S101 - it belongs to per="dataset"
    assert options.quality_share is not None  # noqa: S101 - likewise
    note = "Choosing the number of colours"
    monitor.report_note(note)
    context = context._replace(options=options.replace(per="image"), dry_run=True)
    monitor.load_packages(options)

    def reported(outcomes: Iterable[Outcome | Lost[Loaded]]) -> Iterator[Outcome | Lost[Loaded]]:
        for outcome in outcomes:
            yield outcome
            monitor.report_note(note)

    tasks = draw_sample(context.source, SAMPLE, options.seed).tasks
    executor = executor._replace(left=lambda: 0)  # too few for helper processes
    with pipeline.one_thread(options), closing(compress_tasks(tasks, context, executor)) as batches:
        chosen = choose_colors(reported(chain.from_iterable(batches)), options.target, options.quality_share)
    chosen = dataclasses.replace(chosen, colors=max(chosen.colors, len(options.keep_colors or ())))
    monitor.summary.colors_chosen = chosen
    return options.replace(colors=chosen.colors)


def choose_colors(outcomes: Iterable[Outcome | Lost[Loaded]], target: Target, share: float) -> ColorsChosen:
    """Choose the number of colours with which a share of the images reaches a target.

    An image that needs K colours is taken to reach the target with every larger number.

    Parameters
    ----------
    outcomes
        Of the sampled images, each compressed to the target by itself. Failed images do not count.
    share
        Above 0, at most 1. If fewer images reach the target even with 256 colours, all get 256.
    """
    results = [one.result for one in outcomes if not isinstance(one, Lost) and isinstance(one.result, Compressed)]
    met = sorted(one.colors for one in results if one.measured and one.measured.met and one.colors)
    needed = max(1, math.ceil(share * len(results) - _ROUNDING))
    colors = met[needed - 1] if needed <= len(met) else MAX_INDEXED_COLORS
    return ColorsChosen(colors, target, share, len(results), sum(own <= colors for own in met))
