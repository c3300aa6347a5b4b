"""What the images of a folder can tell: the smallest loss that they exclude."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.learning.statistics.paired import images_per_group, paired_estimate
from icsys.learning.statistics.verdicts import SHARE_KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from icsys.learning.statistics.paired import Estimate

EVERY_LOSS = 100.0
"""A loss of all accuracy, in points: images that exclude no smaller one exclude none."""

POWER = 0.8
"""Probability with which a loss is to be excluded."""


class Resolution(NamedTuple):
    """What tested images can tell.

    Attributes
    ----------
    resolves
        The smallest loss, in points, that they exclude with a probability of 80 % where there is none; at most 100.
    loss_allowed
        The loss that ``keeps`` allows, in points.
    images_needed
        About how many tested images would exclude a loss of more than that; None if that cannot be said.
    """

    resolves: float
    loss_allowed: float
    images_needed: int | None


def smallest_loss_words(tested: int, resolves: float) -> str:
    """Return what so many tested images can tell, in a sentence.

    Examples
    --------
    >>> smallest_loss_words(942, 1.2)
    'With 942 tested images, the smallest loss that can be excluded is 1.2 points of accuracy.'
    """
    images = f"With {tested:,} tested image{'' if tested == 1 else 's'}"
    if resolves >= EVERY_LOSS:
        return f"{images}, no loss can be excluded."
    return f"{images}, the smallest loss that can be excluded is {resolves:.1f} points of accuracy."


def power(loss: float, error: float, df: float, alpha: float) -> float:
    """Return the probability that a one-sided t test at ``alpha`` finds a loss with this standard error.

    Parameters
    ----------
    loss, error
        The true loss and its standard error, in one unit.
    df
        Degrees of freedom of the error.
    """
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 - SciPy takes half a second to load

    if not error:
        return 1.0 if loss > 0 else alpha
    return float(stdtr(df, loss / error - stdtrit(df, 1 - alpha)))


def resolution(
    correct: Mapping[str, NDArray[np.bool_]],
    reference: str,
    mild: Sequence[str],
    groups: NDArray[np.int32],
    alpha: float,
) -> Resolution:
    """Return what the images can tell about arms that lose little.

    The loss is (t of alpha + t of the power) standard errors, as a median over the mild arms. Where no image disagrees
    it is what the score test of ``keeps`` asks for then: a loss of the square of t of alpha images.

    Parameters
    ----------
    correct
        By name of the arm, shape (R, t), bool: whether each repeat names the class of each tested image.
    reference
        Name of the arm that others are held against.
    mild
        Names of arms that should lose little: those of many colours.
    groups
        Shape (t,), integers: number of the group of each tested image.
    alpha
        The level at which ``keeps`` is tested; see :func:`alphas_of_arms`.
    """
    full = correct[reference]
    images = full.shape[1]
    allowed = (1 - SHARE_KEPT) * float(full.mean())
    if not mild:
        return Resolution(100.0, 100 * allowed, None)
    found = [paired_estimate(correct[name].astype(np.float64) - full, groups) for name in mild]
    by_errors = median((_quantile(one, 1 - alpha) + _quantile(one, POWER)) * one.error for one in found)
    by_counts = median(_quantile(one, 1 - alpha) ** 2 for one in found) * images_per_group(groups) / images
    needed = None
    if allowed and math.isfinite(by_errors):
        needed = math.ceil(images * max((by_errors / allowed) ** 2, by_counts / allowed))
    return Resolution(100 * min(max(by_errors, by_counts), 1.0), 100 * allowed, needed)


def _quantile(one: Estimate, probability: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy takes half a second to load

    return float(stdtrit(one.df, probability))
