"""Recheck the arms that matter with a small network, beside the model that judged all arms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.learning.arm import COLORS, FULL
from icsys.learning.learned import NetworkCheck
from icsys.learning.statistics.paired import paired_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.learning.arm import ArmPictures
    from icsys.learning.design import Design, Judge

_PERCENT = 100.0


def arms_to_check(pictures: Sequence[ArmPictures], recommended: str | None) -> list[ArmPictures]:
    """Return the arms that matter: in full, the recommended one, the next fewer in its chain, and codecs at its bytes.

    Without a recommendation, the arm to whose bytes the first codec keeps takes its place, else the first of the chain
    of colours. Where the arm in full is recommended, the next fewer is the first of that chain.

    Parameters
    ----------
    pictures
        Of all arms, each chain from much to little. Arms that are not judged are passed over.
    recommended
        Name of an arm; None without a recommendation.
    """
    judged = [one for one in pictures if one.arm.is_judged and len(one.pixels)]
    by_name = {one.arm.name: one for one in judged}
    colors = [one.arm.name for one in judged if one.arm.chain == COLORS]
    aims = [one.arm.as_small_as for one in judged if one.arm.as_small_as in by_name]
    chosen = recommended if recommended in by_name else next(iter([*aims, *colors]), FULL)
    names = [FULL, chosen, *_next_fewer(judged, chosen)]
    names += [one.arm.name for one in judged if one.arm.codec is not None and one.arm.as_small_as == chosen]
    return [by_name[name] for name in dict.fromkeys(names) if name in by_name]


def network_checks(
    judge: Judge,
    design: Design,
    pictures: Sequence[ArmPictures],
    recommended: str | None,
    stop: Callable[[], bool] = lambda: False,
) -> list[NetworkCheck]:
    """Train the network on each of the arms that matter, and hold it against the one trained in full.

    Parameters
    ----------
    judge
        The network, such as a :class:`NetworkJudge`.
    design
        Which images are trained on and tested.
    pictures, recommended
        As for :func:`arms_to_check`.
    stop
        Asked before each arm; where it returns True, the arms so far are returned.

    Returns
    -------
    list of NetworkCheck
        The arm in full first, with a difference of 0; in percent, with intervals that hold the true difference in 95
        of 100 such datasets.
    """
    labels, groups = design.labels[design.tested], design.groups[design.tested]
    checks: list[NetworkCheck] = []
    in_full: NDArray[np.bool_] | None = None
    for one in arms_to_check(pictures, recommended):
        if stop():
            break
        correct = judge.judge(one.pixels).own == labels
        accuracy = _PERCENT * float(correct.mean())
        if in_full is None:
            in_full = correct
            checks.append(NetworkCheck(name=one.arm.name, accuracy=accuracy, difference=0.0, low=0.0, high=0.0))
            continue
        estimate = paired_difference(correct, in_full, groups)
        difference, (low, high) = _PERCENT * estimate.mean, (_PERCENT * bound for bound in estimate.interval())
        checks.append(NetworkCheck(name=one.arm.name, accuracy=accuracy, difference=difference, low=low, high=high))
    return checks


def _next_fewer(judged: Sequence[ArmPictures], chosen: str) -> list[str]:
    """Return the name of the arm that follows in the chain of the chosen one; none after the last."""
    chain = next((one.arm.chain for one in judged if one.arm.name == chosen), None)
    names = [one.arm.name for one in judged if one.arm.chain == (chain or COLORS)]
    start = names.index(chosen) + 1 if chain else 0
    return names[start : start + 1]
