"""How many images can be judged in a given time, and how long the rest takes."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

_SIDE = 1024  # of the matrices that are multiplied to measure the processor
_FEATURES = 4000  # numbers of one picture, about
_USED = 0.85  # of the given time: what is expected may be too little


class Costs(NamedTuple):
    """What the work costs, measured on a few images.

    Attributes
    ----------
    make
        Seconds to make all arms of an image.
    look
        Seconds to compute the features of one picture of an arm, for all repeats.
    multiply
        Seconds of one multiplication and addition of a matrix product.
    arms, repeats
        Numbers of arms that are judged and of models of each.
    trained
        Share of the images that models are trained on.
    """

    make: float
    look: float
    multiply: float
    arms: int
    repeats: int
    trained: float

    def making(self, images: int) -> float:
        """Return the seconds to make the arms of so many images."""
        return self.make * images

    def judging(self, images: int) -> float:
        """Return the seconds to judge one arm of so many images: features, kernels, and a factorisation."""
        trained = self.trained * images
        kernels = trained * images * _FEATURES * 2
        return self.look * images + self.repeats * self.multiply * (kernels + trained**3)

    def total(self, images: int) -> float:
        """Return the seconds of everything."""
        return self.making(images) + self.arms * self.judging(images)

    def most_images(self, seconds: float, images: int) -> int:
        """Return how many images, at most ``images``, can be judged in a time; at least one."""
        low, high = 1, images
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.total(middle) <= _USED * seconds else (low, middle - 1)
        return low


class Clock:
    """Expects how long the rest takes, from what was expected of all parts and what the finished ones took."""

    def __init__(self, expected: float) -> None:
        self._start, self._expected, self._finished, self._part = time.monotonic(), expected, 0.0, 0.0

    def begin(self, expected: float) -> None:
        """Begin a part that is expected to take so many seconds; the part before it is finished."""
        self._finished += self._part
        self._part = expected

    def seconds_left(self, share: float) -> float:
        """Return the seconds left when a share of the present part is done, from 0 to 1."""
        done = self._finished + share * self._part
        left = max(self._expected - done, 0.0)
        elapsed = time.monotonic() - self._start
        # What was expected counts as much as a tenth of the work, so that the first moments do not mislead.
        return left * (elapsed + 0.1 * self._expected) / max(done + 0.1 * self._expected, 1e-9)


def seconds_to_multiply() -> float:
    """Return the seconds of one multiplication and addition in a matrix product of float32 on one thread."""
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    matrix @ matrix  # the first product loads the library
    start = time.perf_counter()
    matrix @ matrix
    return (time.perf_counter() - start) / _SIDE**3
