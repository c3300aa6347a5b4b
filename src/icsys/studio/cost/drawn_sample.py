"""A random sample that prefers large files, and totals of all images estimated from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from icsys.studio.cost.intervals import NORMAL_QUANTILE, TotalInterval, t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BY_SIZE = 0.5  # share of the chance of an image that goes by its size; the rest is equal for all
_DOUBT = 4.0  # images that speak against a slope: of few, a slope may be chance
_ROUNDING = 1e-12  # of sizes whose mean is 1


class DrawnSample:
    """The order in which images are measured; the first ones are a sample, whatever their number.

    It is the priority sample of Duffield, Lund and Thorup (Journal of the ACM 54(6), 2007): a few huge files among many
    small ones are met early. Totals are those of the regression on the size of the file (Särndal, Swensson and Wretman,
    Model Assisted Survey Sampling, 1992, chapter 6), whose own total is known: they are exact where outputs go by size,
    and as good as the mean where they do not.

    Parameters
    ----------
    sizes
        The size of each file, shape (n,), none below 0; equal ones if they are unknown.
    seed
        Decides the sample.
    most
        Images of the largest sample.
    """

    def __init__(self, sizes: NDArray[np.float64], seed: int, most: int) -> None:
        self.population = len(sizes)
        mean = float(sizes.mean()) if len(sizes) else 0.0
        self._sizes = sizes / mean if mean > 0 else np.ones(len(sizes))
        self._weights = 1 - _BY_SIZE + _BY_SIZE * self._sizes
        chance = 1 - np.random.default_rng(seed).random(len(sizes))  # above 0
        self._priorities = self._weights / chance
        self._order = np.argsort(-self._priorities, kind="stable")[: most + 1]
        self.order: list[int] = self._order[:most].tolist()
        """The places of images among all, in the order in which they are measured."""

    def total(self, values: Sequence[float]) -> TotalInterval:
        """Estimate the sum over all images from the values of the first ones, none below 0."""
        measured = np.asarray(values, np.float64)
        count, population = len(measured), self.population
        if count >= population:
            total = float(measured.sum())
            return TotalInterval(total, total, total)
        if count == 1:
            return TotalInterval(float(measured[0]) * population, float(measured[0]), math.inf)
        weights = 1 / self._chances(count)
        sizes = self._sizes[self._order[:count]]
        middle = float((weights * sizes).sum() / weights.sum())
        away = sizes - middle
        spread = float((weights * away**2).sum()) * (1 + _DOUBT / count)
        has_slope = spread > _ROUNDING * float(weights.sum())
        slope = float((weights * away * measured).sum()) / spread if has_slope else 0.0
        mean = float((weights * measured).sum() / weights.sum())
        # Weights for which what is known of all images comes out right: their number, and their sizes.
        factors = population / weights.sum() + (population * (1 - middle) / spread * away if has_slope else 0.0)
        total = float((factors * weights * measured).sum())
        free = max(1, count - 1 - has_slope)
        rest = measured - mean - slope * away
        variance = float(((factors * weights * rest) ** 2 * (1 - 1 / weights)).sum()) * count / free
        half = t_quantile(free) * math.sqrt(variance)
        least = float(measured.sum())
        total = max(total, least)
        return TotalInterval(total, max(least, total - half), total + half)

    def count(self, holds: Sequence[bool]) -> TotalInterval:
        """Estimate of how many images something holds; even where it holds of all measured ones, others may differ.

        The interval of Wilson (Journal of the American Statistical Association 22, 1927) for a finite population.
        """
        measured, population = len(holds), self.population
        found = self.total([float(one) for one in holds])
        if measured >= population or measured == 0:
            return found
        weights = 1 / self._chances(measured)
        effective = float(weights.sum() ** 2 / (weights**2).sum()) / (1 - measured / population)
        share = min(1.0, found.total / population)
        z = NORMAL_QUANTILE
        middle = (share + z**2 / (2 * effective)) / (1 + z**2 / effective)
        half = z / (1 + z**2 / effective) * math.sqrt(share * (1 - share) / effective + (z / effective / 2) ** 2)
        least, most = sum(holds), population - (measured - sum(holds))
        total, low, high = (min(max(end * population, least), most) for end in (share, middle - half, middle + half))
        return TotalInterval(total, min(low, total), max(high, total))

    def _chances(self, count: int) -> NDArray[np.float64]:
        """Return the chance of each of the first images to be among them, given the priority of the next one."""
        threshold = self._priorities[self._order[count]]
        return np.minimum(1.0, self._weights[self._order[:count]] / threshold)


def with_unseen(total: TotalInterval, count: TotalInterval, population: int) -> TotalInterval:
    """Widen the interval of a total whose images all had a value in the sample: others may have none."""
    missing = total.total * (1 - count.low / population) if population else 0.0
    return total._replace(low=max(0.0, total.total - math.hypot(total.total - total.low, missing)))
