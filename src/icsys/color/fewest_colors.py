"""The fewest colours with which an image is good enough: a search that needs few trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")

START = 40
"""Colours of the first trial of an image of which nothing is known."""

_LEAST = 1e-9
_LEAST_STEEP, _MOST_STEEP = 0.1, 3.0
_FAR = 0.1  # in logarithms: numbers that are closer tell more of chance


@dataclass(frozen=True, slots=True)
class Trial(Generic[Made]):
    """What a number of colours gives.

    Attributes
    ----------
    made
        The image in these colours, or whatever else the caller wants back.
    met
        Whether it is good enough.
    excess
        Logarithm of its error over the largest that is good enough: it guides the search and decides nothing.
    """

    made: Made
    met: bool
    excess: float


def fewest_colors(
    attempt: Callable[[int], Trial[Made]], most: int, start: int = START, steepness: float = 0.75
) -> Trial[Made]:
    """Return the trial of a number K of colours that is good enough where K - 1 is not.

    Both were tried, so that holds whatever the error does in between; where it falls steadily no smaller K is good
    enough. If ``most`` colours are not, the trial of ``most`` is returned.

    The error is taken to be a power of K between the largest K known to be too small and the smallest known to
    suffice, and the next trial is made where that meets the target (regula falsi in logarithms, in the Illinois form of
    Dowell and Jarratt, 1971, which does not get stuck at one end).

    Parameters
    ----------
    attempt
        Tries a number of colours from 1 to ``most``.
    most
        At least 1.
    start
        The first number to try.
    steepness
        The error is taken to fall as K to the power of minus this until two trials tell better.
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
    if best is None:  # the loop ends with both ends tried, or with all too small
        raise AssertionError
    return best


@dataclass(slots=True)
class _End:
    """An end of where the answer is: a number of colours, its excess, and whether it moved last."""

    k: int
    excess: float
    moved: bool = False


def _steepness(one: _End, other: _End) -> float | None:
    """Return how steeply errors fall between two numbers of colours; None where that tells nothing."""
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
