"""The accuracy of any size and number of colours, interpolated between the settings of ``learn.json``."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.records.learn_file import LearnedArm, LearnFile

_ALL_COLORS = 10.0  # where the logarithm of "all colours" stands: beyond 256
_UNKNOWN = 10.0  # points for half the side where no arm is smaller, and for half the colours where none has fewer


class LearnedAccuracy:
    """Accuracy in percent by size and colours.

    Accuracy in the largest size is a line through its settings over the logarithm of their colours, made rising by the
    pool of adjacent violators. What a smaller size costs is a line over the logarithm of the side, and between the
    colours of its settings over their logarithm; below the smallest size it goes on as it was. What no setting tells
    costs 10 points for half the side, or half the colours.

    Parameters
    ----------
    learned
        The file. Settings that were judged and that options make count.

    Raises
    ------
    UsageError
        If no setting of the largest size in a number of colours was judged.
    """

    def __init__(self, learned: LearnFile) -> None:
        arms = [arm for arm in learned.arms if arm.options is not None and arm.accuracy is not None]
        self.side = max((_side(arm) for arm in arms), default=0)
        largest = [arm for arm in arms if _side(arm) == self.side]
        self.fewest_colors = min((arm.colors for arm in largest if arm.colors is not None), default=0)
        if not self.fewest_colors:
            raise UsageError(
                f"from_learn={learned.path!r}: no setting with options and a number of colours was judged, so none can "
                "be chosen by accuracy: leave it out"
            )
        self._colors, self._accuracy = _rising(largest)
        smaller: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for arm in arms:
            if _side(arm) < self.side:
                cost = self._in_full_size(_place(arm.colors)) - _judged(arm)
                smaller[_side(arm)].append((_place(arm.colors), max(0.0, cost)))
        self._smaller = {side: sorted(costs) for side, costs in sorted(smaller.items())}

    def of(self, side: float, colors: int | None) -> float:
        """Return the accuracy of a size, by its longer side in pixels, and a number of colours; None for all."""
        place = _place(colors)
        fewer = max(0.0, _place(self.fewest_colors) - place)
        return self._in_full_size(place) - self._cost(min(side, self.side), place) - _UNKNOWN * fewer

    def _in_full_size(self, place: float) -> float:
        return float(np.interp(place, self._colors, self._accuracy))

    def _cost(self, side: float, place: float) -> float:
        """Return the points that a smaller side costs."""
        sides = [math.log2(own) for own in self._smaller]
        costs = [
            float(np.interp(place, [one[0] for one in known], [one[1] for one in known]))
            for known in self._smaller.values()
        ]
        sides, costs = [*sides, math.log2(self.side)], [*costs, 0.0]
        costs = np.maximum.accumulate(costs[::-1])[::-1].tolist()  # a smaller side never costs less
        where = math.log2(max(side, 1.0))
        if len(sides) == 1:
            return _UNKNOWN * (sides[0] - where)
        if where >= sides[0]:
            return float(np.interp(where, sides, costs))
        slope = (costs[0] - costs[1]) / (sides[1] - sides[0])
        return costs[0] + slope * (sides[0] - where)


def _side(arm: LearnedArm) -> int:
    return max(arm.width, arm.height)


def _judged(arm: LearnedArm) -> float:
    assert arm.accuracy is not None  # noqa: S101 - others were left out
    return arm.accuracy


def _place(colors: int | None) -> float:
    return _ALL_COLORS if colors is None else min(math.log2(colors), _ALL_COLORS)


def _rising(arms: Sequence[LearnedArm]) -> tuple[list[float], list[float]]:
    """Return places and accuracies of settings with the least squared change that makes them rise with colours."""
    points: dict[float, list[float]] = defaultdict(list)
    for arm in arms:
        points[_place(arm.colors)].append(_judged(arm))
    places = sorted(points)
    pools: list[tuple[float, int]] = []
    for place in places:
        mean, count = sum(points[place]) / len(points[place]), 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        pools.append((mean, count))
    return places, [mean for mean, count in pools for _ in range(count)]
