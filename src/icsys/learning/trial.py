"""Try out a few images, to expect the time of all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from icsys.learning.arm import FULL
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.design import FOLDS, Design
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.time_plan import Costs, seconds_to_multiply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from icsys.engine.executor import Executor
    from icsys.learning.arm import Arm
    from icsys.learning.images.labelled_images import LabelledImages
    from icsys.sources.base import Source

_TRIED = 48  # images


def try_out(
    source: Source,
    labelled: LabelledImages,
    arms: Sequence[Arm],
    executor: Executor,
    *,
    folder: Path,
    size: int,
    repeats: int,
) -> Costs:
    """Make and judge the arms of a few images, spread over all, and return what the work costs.

    Parameters are those of :func:`~icsys.learning.arms.make_arms.make_arms`; ``repeats`` is the number of models.
    """
    tasks = labelled.tasks[:: -(-len(labelled.tasks) // _TRIED)]
    for name, some in (("first", tasks[:1]), ("few", tasks)):  # libraries are slow on their first image
        (folder / name).mkdir(parents=True)
        start = time.perf_counter()
        made = make_arms(source, some, arms, executor, folder=folder / name, size=size)
        making = (time.perf_counter() - start) / len(some)
    pixels = next(one.pixels for one in made.pictures if one.arm.name == FULL)
    every, numbers = np.ones(len(pixels), np.bool_), np.arange(len(pixels), dtype=np.int32)
    model = FixedFeatureJudge(pixels, Design(numbers % 2, 2, every, every, numbers, FOLDS), repeats=repeats)
    start = time.perf_counter()
    model.judge(pixels)
    looking = (time.perf_counter() - start) / len(pixels) / executor.jobs
    return Costs(
        make=making,
        look=looking,
        multiply=seconds_to_multiply() / min(executor.jobs, repeats),
        arms=sum(arm.is_judged for arm in arms),
        repeats=repeats,
        trained=float(labelled.design.trained.mean()),
    )
