"""Arms of equal bytes held against one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.learning.learned import EqualBytes
from icsys.learning.statistics.paired import paired_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.learning.statistics.paired import Estimate


def equal_bytes(
    correct: Mapping[str, NDArray[np.bool_]], pairs: Sequence[tuple[str, str]], groups: NDArray[np.int32]
) -> list[EqualBytes]:
    """Return the contrast of each pair of arms: the first less the second, in points.

    Two-sided t tests, paired by image; adjusted after Holm for all pairs together.

    Parameters
    ----------
    correct
        By name of the arm, shape (R, t), bool: whether each of R models names the class of each of t tested images.
    pairs
        Names of an arm and of the arm to whose bytes it keeps. Pairs with an arm that ``correct`` lacks are left out.
    groups
        Shape (t,), integers: number of the group of each tested image.
    """
    known = [(arm, other) for arm, other in pairs if arm in correct and other in correct]
    found = [paired_difference(correct[arm], correct[other], groups) for arm, other in known]
    chances = [_two_sided(one) for one in found]
    rows = zip(known, found, chances, holm(chances), strict=True)
    return [_row(*names, one, p, adjusted) for names, one, p, adjusted in rows]


def holm(chances: Sequence[float]) -> list[float]:
    """Return p values adjusted for all tests together, in the same order (Holm, *Scand. J. Statist.* 6, 1979)."""
    adjusted, largest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = largest
    return adjusted


def _two_sided(one: Estimate) -> float:
    from scipy.special import stdtr  # noqa: PLC0415 - SciPy takes half a second to load

    return 2 * float(stdtr(one.df, -abs(one.mean) / one.error))  # the error is at least that of one image


def _row(arm: str, other: str, one: Estimate, p: float, adjusted: float) -> EqualBytes:
    low, high = one.interval()
    return EqualBytes(
        arm=arm,
        other=other,
        difference=100 * one.mean,
        low=100 * low,
        high=100 * high,
        p=p,
        adjusted_p=adjusted,
    )
