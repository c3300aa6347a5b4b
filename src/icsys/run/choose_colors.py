"""One number of colours for a whole dataset, from what a sample of its images needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from icsys.choices import MAX_INDEXED_COLORS
from icsys.engine import Lost
from icsys.results import ColorsChosen, Compressed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.options import Target
    from icsys.run.worker import Outcome
    from icsys.sources.base import Loaded

SAMPLED = 100
"""Images in which colours are counted."""

_ROUNDING = 1e-9  # of a product of floats that is meant to be whole


def choose_colors(outcomes: Iterable[Outcome | Lost[Loaded]], target: Target, share: float) -> ColorsChosen:
    """Choose the number of colours with which a share of the images reaches a target.

    An image that was found to need K colours is taken to reach the target with every larger number.

    Parameters
    ----------
    outcomes
        Of sampled images, compressed with the target each for itself; those that failed do not count.
    share
        Above 0, at most 1. Where fewer of them reach the target even with 256 colours, all get 256.
    """
    results = [one.result for one in outcomes if not isinstance(one, Lost) and isinstance(one.result, Compressed)]
    met = sorted(one.colors for one in results if one.measured and one.measured.met and one.colors)
    needed = max(1, math.ceil(share * len(results) - _ROUNDING))
    colors = met[needed - 1] if needed <= len(met) else MAX_INDEXED_COLORS
    return ColorsChosen(colors, target, share, len(results), sum(own <= colors for own in met))
