"""Verdicts: which arms keep 99 % of the accuracy, which lose more, and where the images cannot tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.learning.arm import COLORS, SIZES
from icsys.learning.learned import KEEPS, LOSES, REFERENCE, UNCLEAR
from icsys.learning.statistics.paired import Estimate, paired_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from icsys.learning.arm import Arm

SHARE_KEPT = 0.99
"""Share of the accuracy in full that ``keeps`` promises."""

ALPHA = 0.05
"""Probability that any arm is said to keep it that does not."""

_SHARE_OF_FIRST = 2 / 3  # of alpha: the arms of the first chain are what a user chooses from


class ArmVerdict(NamedTuple):
    """What is known of one arm: its accuracy less that of the reference, as a share of 1, and the verdict."""

    difference: Estimate
    verdict: str


def chains_of_arms(arms: Sequence[Arm]) -> list[list[str]]:
    """Return the names of the arms of each chain: colours, sizes, and one chain for each codec.

    Arms stand in their order, which is from much to little. A random part of the images is in no chain.
    """
    keys = [COLORS, SIZES, *dict.fromkeys(arm.codec for arm in arms if arm.codec)]
    return [[arm.name for arm in arms if key in {arm.chain, arm.codec}] for key in keys]


def alphas_of_arms(names: Sequence[str], chains: Sequence[Sequence[str]], alpha: float = ALPHA) -> dict[str, float]:
    """Return the level at which each arm is tested for ``keeps``; the levels of all chains sum to ``alpha``.

    The first chain has two thirds of it, and the others share the rest equally; an arm in no chain is a chain of its
    own. By Bonferroni's inequality over chains, and fixed sequences within them (Maurer, Hothorn and Lehmacher, 1995),
    the probability that any arm is wrongly said to keep is at most ``alpha``.

    Parameters
    ----------
    names
        Names of the arms without the reference.
    chains
        Names of arms from much to little. Names that are not among ``names`` are passed over, and so are empty chains.
    """
    tested = _chains_of_all(names, chains)
    rest = len(tested) - 1
    shares = [1.0] if not rest else [_SHARE_OF_FIRST] + [(1 - _SHARE_OF_FIRST) / rest] * rest
    return {name: alpha * share for chain, share in zip(tested, shares, strict=False) for name in chain}


def verdicts(
    correct: Mapping[str, NDArray[np.bool_]],
    reference: str,
    chains: Sequence[Sequence[str]],
    groups: NDArray[np.int32],
    alpha: float = ALPHA,
    *,
    labels: NDArray[np.int32] | None = None,
) -> dict[str, ArmVerdict]:
    """Return the verdict on each arm.

    ``keeps``: the lower bound of its accuracy less 99 % of the reference's is at least 0, at the level of
    :func:`alphas_of_arms`, and so is that of all arms before it in its chain. ``loses``: the upper bound, at ``alpha``
    for each arm by itself, is below 0. ``unclear``: neither.

    Parameters
    ----------
    correct
        By name of the arm, shape (R, t), bool: whether each of R models names the class of each of t tested images.
    reference
        Name of the arm that others are held against.
    chains
        Names of arms from much to little; the most important chain first. Arms in no chain are each tested alone.
    groups
        Shape (t,), integers: number of the group of each tested image.
    alpha
        Probability that any arm is wrongly said to keep.
    labels
        Shape (t,), integers: number of the class of each tested image. If given, no arm keeps where the accuracy does
        not show what is learned; see :func:`shows_learning`.
    """
    full = correct[reference]
    names = [name for name in correct if name != reference]
    assert all(correct[name].shape == full.shape for name in names)  # noqa: S101 - unequal repeats do not compare
    levels = alphas_of_arms(names, chains, alpha)
    can_keep = labels is None or shows_learning(full, labels, groups, alpha)
    keeping = {
        name
        for chain in _chains_of_all(names, chains) * can_keep
        for name in _until_first_failure(chain, correct, full, groups, levels)
    }
    found = {reference: ArmVerdict(Estimate(0.0, 0.0, math.inf, -1.0, 1.0), REFERENCE)}
    for name in names:
        verdict = KEEPS if name in keeping else LOSES if _loses(correct[name], full, groups, alpha) else UNCLEAR
        found[name] = ArmVerdict(paired_difference(correct[name], full, groups), verdict)
    return {name: found[name] for name in correct}


def shows_learning(
    full: NDArray[np.bool_], labels: NDArray[np.int32], groups: NDArray[np.int32], alpha: float = ALPHA
) -> bool:
    """Return whether always naming the most common class is shown to lose more than 1 % of the accuracy in full.

    Otherwise an arm without anything to learn would keep 99 %, too: with 99 cats and 1 dog, that of black pictures.

    Parameters
    ----------
    full
        Shape (R, t), bool: whether each model in full names the class of each tested image.
    labels
        Shape (t,), integers: number of the class of each.
    """
    named = labels == np.bincount(labels).argmax()
    return _loses(np.broadcast_to(named, full.shape), full, groups, alpha)


def _chains_of_all(names: Sequence[str], chains: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the chains of the arms that are there, and each other arm as a chain of its own."""
    known = [[name for name in chain if name in names] for chain in chains]
    chained = [name for chain in known for name in chain]
    assert len(chained) == len({*chained})  # noqa: S101 - an arm is tested once
    return [chain for chain in known if chain] + [[name] for name in names if name not in chained]


def _until_first_failure(
    chain: Sequence[str],
    correct: Mapping[str, NDArray[np.bool_]],
    full: NDArray[np.bool_],
    groups: NDArray[np.int32],
    levels: Mapping[str, float],
) -> list[str]:
    """Return the arms of a chain before the first that is not shown to keep."""
    kept: list[str] = []
    for name in chain:
        if not _keeps(correct[name], full, groups, levels[name]):
            break
        kept.append(name)
    return kept


def _keeps(arm: NDArray[np.bool_], full: NDArray[np.bool_], groups: NDArray[np.int32], alpha: float) -> bool:
    """Return whether the arm is shown to keep its share; a reference without accuracy has nothing to keep."""
    allowed = (1 - SHARE_KEPT) * float(full.mean())
    if not allowed:
        return False
    unseen = unseen_losses(arm, full, allowed)
    return paired_difference(arm, full, groups, SHARE_KEPT, unseen).lower(alpha) >= 0


def _loses(arm: NDArray[np.bool_], full: NDArray[np.bool_], groups: NDArray[np.int32], alpha: float) -> bool:
    return paired_difference(arm, full, groups, SHARE_KEPT).upper(alpha) < 0


def unseen_losses(arm: NDArray[np.bool_], full: NDArray[np.bool_], allowed: float) -> float:
    """Return how many more images would disagree than do, if the arm lost just what is allowed.

    Where few images disagree, those seen understate the chance: none among 100 happens to an arm that loses 2 of 100,
    too, once in seven times. The variance is therefore that of the most likely counts under which the loss is just the
    allowed one (the score test of Tango, *Statistics in Medicine* 17, 1998, for counts that are small beside t).

    Parameters
    ----------
    arm, full
        Shape (R, t), bool: whether each repeat names the class of each image.
    allowed
        The loss, as a share of 1.
    """
    change = arm.mean(axis=0) - full.mean(axis=0)
    gained, lost = float(change[change > 0].sum()), -float(change[change < 0].sum())
    shift, seen = allowed * len(change), gained + lost
    half = seen - 2 * shift
    gains = (half + math.sqrt(half**2 + 8 * gained * shift)) / 4  # root of 2x² - half·x - gained·shift
    return max(0.0, 2 * gains + shift - seen)
