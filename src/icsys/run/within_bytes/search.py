"""Search among whole numbers for the largest one whose total stays within a limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_STEPS = 40
_STEEPEST, _FLATTEST = 4.0, 0.05  # of totals as a power of the number
_INTERPOLATED = 8  # steps; then halves, which always end


class SearchRange(NamedTuple):
    """Where to search: the lowest and the highest number, where to begin, and the power by which totals grow."""

    low: int
    high: int
    start: int
    power: float


def largest_within(total: Callable[[int], float], where: SearchRange, limit: float, slack: float = 0.0) -> int | None:
    """Return the largest whole number whose total is at most ``limit``; None if the lowest exceeds it.

    Totals should grow with the number. Where they do not quite, the result is still within the limit, and the number
    above it that was tried is not. Steps follow a power law through the last totals, within a bracket; then it is
    halved.

    Parameters
    ----------
    slack
        Stop at a number whose total is at least ``(1 - slack) * limit``; with 0, equal totals are told apart.

    Examples
    --------
    >>> largest_within(lambda side: 0.7 * side**2, SearchRange(1, 1000, 64, 1.7), 10_000)
    119
    >>> largest_within(float, SearchRange(5, 9, 7, 1.0), 4.0) is None
    True
    """
    low, high = where.low, where.high
    known: dict[int, float] = {}
    inside: int | None = None
    outside: int | None = None
    number, power = min(max(where.start, low), high), where.power
    for step in range(_MOST_STEPS):
        known[number] = total(number)
        if known[number] <= limit:
            inside = number
            if number == high or (slack and known[number] >= (1 - slack) * limit):
                break
        else:
            outside = number
            if number == low:
                return None
        left = low if inside is None else inside + 1
        right = high if outside is None else outside - 1
        if left > right:
            break
        ends = (inside, outside) if inside is not None and outside is not None else tuple(known)[-2:]
        power = _power(known, ends, power)
        guess = number * (limit / max(known[number], 1.0)) ** (1 / power) if step < _INTERPOLATED else math.inf
        if step >= _INTERPOLATED or not math.isfinite(guess):
            guess = (left + right) / 2
        number = min(max(math.floor(guess), left), right)
    return inside


def _power(known: dict[int, float], ends: tuple[int, ...], power: float) -> float:
    """Return the power of a law through two totals; ``power`` if there are no two."""
    first, last = min(ends), max(ends)
    if first == last or not 0 < known[first] < known[last]:
        return power
    found = math.log(known[last] / known[first]) / math.log(last / first)
    return min(max(found, _FLATTEST), _STEEPEST)
