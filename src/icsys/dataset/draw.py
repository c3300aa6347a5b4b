"""A sample of the images in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from icsys.dataset.folder import Task, Unreadable, plan_folder
from icsys.dataset.resume import Work
from icsys.errors import UsageError
from icsys.results import Failed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Draw:
    """The images drawn, and what else is in the folder."""

    works: list[Work]
    found: int
    ignored: int
    failures: list[Failed]


def draw_images(
    source: Path, sample: int | None, seed: int, *, destination: Path | None = None, follow_links: bool = False
) -> Draw:
    """Draw a sample of the images below a folder, in the order of the folder; the same seed draws the same.

    Algorithm R of Vitter, "Random sampling with a reservoir" (1985): no more than the sample is held.

    Parameters
    ----------
    sample
        How many images; all of them if None.
    destination
        Left out where it lies inside ``source``.

    Raises
    ------
    UsageError
        If there is no image.
    """
    random = np.random.default_rng(seed)
    drawn = Draw([], 0, 0, [])
    reservoir: list[tuple[int, Work]] = []
    for planned in plan_folder(source, destination or source / ".ics-none", ".png", follow_links=follow_links):
        if isinstance(planned, Task):
            numbered = drawn.found, Work(planned.source, planned.output)
            if sample is None or drawn.found < sample:
                reservoir.append(numbered)
            elif (place := int(random.integers(drawn.found + 1))) < sample:
                reservoir[place] = numbered
            drawn.found += 1
        elif isinstance(planned, Unreadable):
            drawn.failures.append(Failed(source=planned.source, code=planned.code, message=planned.message))
        else:
            drawn.ignored += 1
    if not reservoir:
        raise UsageError(f"no image was found in {str(source)!r}: expected a folder with photos")
    drawn.works = [work for _, work in sorted(reservoir, key=lambda numbered: numbered[0])]
    return drawn
