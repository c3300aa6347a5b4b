"""Paired differences with their chance: of the tested images, and of models that differ by chance alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Estimate(NamedTuple):
    """A mean with its standard error; Student's t says how far off it may be.

    Attributes
    ----------
    mean
        The mean.
    error
        Its standard error, in the same unit; infinite where the chance cannot be known, as with a single group.
    df
        Degrees of freedom of the error.
    least, most
        What bounds the true value; bounds of intervals stay within.
    """

    mean: float
    error: float
    df: float
    least: float = -math.inf
    most: float = math.inf

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the bounds of the two-sided interval that holds the true value with probability ``level``."""
        alpha = (1 - level) / 2
        return self.lower(alpha), self.upper(alpha)

    def lower(self, alpha: float) -> float:
        """Return the one-sided lower bound, which exceeds the true value with probability ``alpha``."""
        return self._bound(alpha)

    def upper(self, alpha: float) -> float:
        """Return the one-sided upper bound, below which the true value lies but with probability ``alpha``."""
        return self._bound(1 - alpha)

    def _bound(self, probability: float) -> float:
        from scipy.special import stdtrit  # noqa: PLC0415 - SciPy takes half a second to load

        bound = self.mean + self.error * float(stdtrit(self.df, probability)) if self.error else self.mean
        return min(max(bound, self.least), self.most)


def paired_estimate(
    values: NDArray[np.float64], groups: NDArray[np.int32], extra: float = 0.0, least: float = 0.0
) -> Estimate:
    """Return the mean over images and repeats, with the chance of both.

    Images and repeats are crossed: each repeat (a model) sees each image. The variance of the mean is that of the
    images' means, summed over groups (cluster-robust, with G/(G - 1)), plus that of the repeats' means. Both contain
    what images and repeats have together, so that this is taken off once (two-way random effects; Searle, Casella and
    McCulloch, *Variance Components*, 1992). What repeats add is never less than 0. Degrees of freedom from G - 1 groups
    and R - 1 repeats (Satterthwaite, *Biometrics Bulletin* 2, 1946).

    With three repeats, 95 % intervals hold the truth in 95 to 97 of 100 cases while the error of repeats is at most
    about that of images, and in 92 of 100 where it is several times as large: two degrees of freedom are few.

    Parameters
    ----------
    values
        Shape (R, t), float64: R repeats, t images. With one repeat the chance of models cannot be known, and the error
        is that of the images alone.
    groups
        Shape (t,), integers: images of one group may depend on one another. A single group has an infinite error.
    extra
        Variance of the mean to add to that of the images; see :func:`paired_difference`.
    least
        Smallest variance of the mean that images have, with what is added.
    """
    repeats, images = values.shape
    assert groups.shape == (images,)  # noqa: S101 - the caller pairs them
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups[order[0]] - 1))
    sizes = np.diff(starts, append=images)
    mean, count = float(values.mean()), len(starts)
    if count == 1:
        return Estimate(mean, math.inf, 1.0)
    sums = np.add.reduceat(values[:, order] - mean, starts, axis=1) / images
    of_groups, of_repeats = sums.mean(axis=0), values.mean(axis=1) - mean
    correction = count / (count - 1)
    from_images = max(least, correction * float(of_groups @ of_groups) + extra)
    if repeats == 1:
        return Estimate(mean, math.sqrt(from_images), count - 1.0)
    together = sums - of_groups - np.outer(of_repeats, sizes / images)
    from_both = correction * float(np.sum(together**2)) / (repeats * (repeats - 1))
    from_repeats = float(of_repeats @ of_repeats) / (repeats * (repeats - 1))
    if from_repeats <= from_both:
        return Estimate(mean, math.sqrt(from_images), count - 1.0)
    variance = from_images + from_repeats - from_both
    scatter = (from_images**2 + from_both**2 / (repeats - 1)) / (count - 1) + from_repeats**2 / (repeats - 1)
    return Estimate(mean, math.sqrt(variance), max(1.0, variance**2 / scatter))


def paired_difference(
    correct: NDArray[np.bool_],
    other: NDArray[np.bool_],
    groups: NDArray[np.int32],
    share: float = 1.0,
    unseen: float = 0.0,
) -> Estimate:
    """Return the accuracy of one arm less a share of that of another, from the same images and repeats.

    Two arms that agree on all tested images may still disagree on others: the error is at least that of one image on
    which they do, as if all of its group did.

    Parameters
    ----------
    correct, other
        Shape (R, t), bool: whether each repeat names the class of each tested image.
    groups
        Shape (t,), integers: number of the group of each tested image.
    share
        What of the other's accuracy is taken off.
    unseen
        Number of images on which they disagree, and which are counted beside those seen.
    """
    values = correct.astype(np.float64) - share * other
    of_one = images_per_group(groups) / len(groups) ** 2
    return paired_estimate(values, groups, unseen * of_one, of_one)._replace(least=-1.0, most=1.0)


def images_per_group(groups: NDArray[np.int32]) -> float:
    """Return the mean size of the group of an image: by so much the variance grows if all images of a group agree."""
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(sizes @ sizes) / len(groups)
