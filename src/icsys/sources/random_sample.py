"""A random sample of the images of a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError
from icsys.results import Failed
from icsys.sources.base import Ignored, PassedOver, Task, Unreadable, passed_over_text

if TYPE_CHECKING:
    from icsys.sources.base import Source


@dataclass(slots=True)
class DrawnImages:
    """The images of a sample, and counts of everything else in the source."""

    tasks: list[Task]
    found: int
    ignored: int
    failures: list[Failed]
    outputs_passed_over: list[str] = field(default_factory=list)


def draw_sample(source: Source, sample: int | None, seed: int) -> DrawnImages:
    """Draw a sample of the images of a source, in its order; the same seed draws the same.

    Algorithm R of Vitter, "Random sampling with a reservoir" (1985): only the sample is in memory.

    Parameters
    ----------
    sample
        How many images; all of them if None.

    Raises
    ------
    UsageError
        If there is no image.
    """
    random = np.random.default_rng(seed)
    drawn = DrawnImages([], 0, 0, [])
    reservoir: list[tuple[int, Task]] = []
    for planned in source.plan(".png"):
        if isinstance(planned, Task):
            numbered = drawn.found, planned
            if sample is None or drawn.found < sample:
                reservoir.append(numbered)
            elif (place := int(random.integers(drawn.found + 1))) < sample:
                reservoir[place] = numbered
            drawn.found += 1
        elif isinstance(planned, Unreadable):
            drawn.failures.append(Failed(source=planned.source, code=planned.code, message=planned.message))
        elif isinstance(planned, PassedOver):
            drawn.outputs_passed_over.append(planned.source)
        else:
            drawn.ignored += isinstance(planned, Ignored)
    if not reservoir:
        passed_over = f" ({passed_over_text(drawn.outputs_passed_over)})" if drawn.outputs_passed_over else ""
        raise UsageError(f"no image was found in {source.shown!r}{passed_over}: expected a folder with photos")
    drawn.tasks = [task for _, task in sorted(reservoir, key=lambda numbered: numbered[0])]
    return drawn
