"""Search for the fewest colours with which an image reaches a target of quality, in few trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")

START = 40
"""Colours of the first trial, if nothing is known of the image."""

_LEAST = 1e-9
_LEAST_STEEP, _MOST_STEEP = 0.1, 3.0
_FAR = 0.1  # logarithm of the ratio; between closer numbers, the difference in error is mostly chance


@dataclass(frozen=True, slots=True)
class Trial(Generic[Made]):
    """The result of trying one number of colours.

    Attributes
    ----------
    made
        The image in these colours, or any other value that the caller needs.
    met
        Whether it reaches the target.
    excess
        Logarithm of its error divided by the largest error that reaches the target. It guides the search only.
    """

    made: Made
    met: bool
    excess: float


def fewest_colors(
    attempt: Callable[[int], Trial[Made]], most: int, start: int = START, steepness: float = 0.75
) -> Trial[Made]:
    """Return the trial of a number K of colours that reaches the target where K - 1 does not.

    Both were tried, so this holds for any error curve; if errors fall steadily, no smaller K reaches the target. If
    ``most`` colours miss it, the trial of ``most`` is returned.

    Between the largest K known to be too small and the smallest known to suffice, the error is modelled as a power of
    K. The next trial is where this model meets the target: regula falsi in logarithms, in the Illinois form of Dowell
    and Jarratt (1971), which does not get stuck at one end.

    Parameters
    ----------
    attempt
        Tries a number of colours from 1 to ``most``.
    most
        At least 1.
    start
        The first number to try.
    steepness
        Exponent of the model at first: the error falls as K to the power of minus this. Later trials replace it.
    """
    low, high = _End(0, math.inf), _End(most + 1, -math.inf)
    best: Trial[Made] | None = None
    k, last = min(start, most), None
    while high.k - low.k > 1:
        k = min(max(k, low.k + 1), high.k - 1)
        trial = attempt(k)
        if last is not None:
            steepness = _steepness(last, _End(k, trial.excess)) or steepness
        last = _End(k, trial.excess)
        if trial.met:
            low.excess /= 2 if high.moved else 1
            high, low.moved, best = _End(k, min(trial.excess, -_LEAST), moved=True), False, trial
        else:
            high.excess /= 2 if low.moved else 1
            low, high.moved = _End(k, max(trial.excess, _LEAST), moved=True), False
            best = trial if k == most else best
        k = _next(low, high, steepness)
    if best is None:  # the loop ends when both ends were tried, or when all were too small
        raise AssertionError
    return best


@dataclass(slots=True)
class _End:
    """One end of the interval that holds the answer: a number of colours, its excess, and whether it moved last."""

    k: int
    excess: float
    moved: bool = False


def _steepness(one: _End, other: _End) -> float | None:
    """Return how steeply errors fall between two numbers of colours; None if too close or implausible."""
    away = math.log(other.k / one.k)
    if abs(away) < _FAR or math.isinf(one.excess - other.excess):
        return None
    found = (one.excess - other.excess) / away
    return found if _LEAST_STEEP < found < _MOST_STEEP else None


def _next(low: _End, high: _End, steepness: float) -> int:
    """Return the number to try next."""
    if math.isinf(high.excess) and math.isinf(low.excess):
        return (low.k + high.k) // 2
    if math.isinf(high.excess):
        known, step = low, low.excess / steepness
    elif math.isinf(low.excess):
        known, step = high, high.excess / steepness
    else:
        known = low
        step = low.excess / (low.excess - high.excess) * math.log(high.k / low.k)
    return math.ceil(min(known.k * math.exp(step), 2.0**16))
