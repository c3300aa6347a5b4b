"""Random changes of images in an epoch: flips, crops, shifts and colours, drawn from seed, epoch and purpose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError
from icsys.loading.batch_changes import BatchChanges
from icsys.loading.epoch_order import random_numbers
from icsys.loading.palette_jitter import jitter_palettes
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.loading.dataset import Dataset

COLOR_CHANGES = ("brightness", "contrast", "saturation", "hue")
"""Names of the changes of colours."""

_MOST_SHIFT = 2**15 - 1
_HALF = 0.5  # of the circle of hues: the farthest from any
_SIDES = 2
_SHARED = 2  # axes of a palette that all images share
# What random numbers are for, beside 0 and 10 for the order. None ever changes: a seed gives the same for ever.
_FLIP, _TOP, _LEFT, _DOWN, _RIGHT, _FIRST_COLOR = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class RandomChanges:
    """How images are changed at random, checked as it is built.

    Attributes
    ----------
    flip
        Whether half of the images are mirrored left to right.
    crop
        Height and width in pixels of what is kept of each, at a random place; None for all.
    shift
        Most pixels by which each is moved up or down, and left or right; edges repeat.
    brightness, contrast, saturation
        A factor is drawn between 1 - value, but at least 0, and 1 + value.
    hue
        Turns of the circle of hues are drawn between -value and value; at most 0.5.
    """

    flip: bool = False
    crop: tuple[int, int] | None = None
    shift: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        """Check all values."""
        flip: Any = self.flip
        if not isinstance(flip, bool | np.bool_):
            raise UsageError(f"flip={flip!r}: expected True or False")
        whole_number("shift", self.shift, 0, _MOST_SHIFT)
        if self.crop is not None:
            sides: Any = self.crop  # what a user gave
            if not isinstance(sides, tuple | list) or len(sides) != _SIDES:
                raise UsageError(f"crop={sides!r}: expected (height, width) in pixels")
            for side in sides:
                whole_number("crop", side, 1, 2**31 - 1)
        for name in COLOR_CHANGES:
            value, high = getattr(self, name), _HALF if name == "hue" else math.inf
            if not _is_number(value) or not 0 <= value <= high:
                expected = "a number from 0 to 0.5" if name == "hue" else "a finite number from 0 on"
                raise UsageError(f"{name}={value!r}: expected {expected}")

    @property
    def has_colors(self) -> bool:
        """Whether colours change."""
        return any(getattr(self, name) for name in COLOR_CHANGES)

    def check_images(self, data: Dataset) -> None:
        """Refuse changes that the images of a dataset do not allow.

        Raises
        ------
        UsageError
            If they are smaller than the crop or of several sizes, or have no palettes whose colours could change.
        """
        size = data.size
        if self.crop is not None and len(data):
            if size is None:
                raise UsageError(f"crop={self.crop}: expected images of one size; run ics compress with --size")
            if self.crop[0] > size[0] or self.crop[1] > size[1]:
                raise UsageError(
                    f"crop={tuple(self.crop)}: expected (height, width) of at most {size}, as the images have"
                )
        if self.has_colors and not data.bits:
            name = next(name for name in COLOR_CHANGES if getattr(self, name))
            raise UsageError(
                f"{name}={getattr(self, name)}: colours are changed in palettes, and this folder has none: expected "
                "one of ics compress --format arrays with few colours"
            )

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of the changed images."""
        return size if self.crop is None else (self.crop[0], self.crop[1])

    def of_epoch(self, data: Dataset, seed: int, epoch: int) -> EpochChanges:
        """Draw the changes of all images in an epoch."""
        count, (height, width) = len(data), data.size or (0, 0)

        def whole(purpose: int, low: int, high: int) -> NDArray[Any]:
            kind = np.min_scalar_type(-high - 1)  # few bytes for each image of a large dataset
            return random_numbers(seed, epoch, purpose).integers(low, high, count, dtype=kind, endpoint=True)

        flip = random_numbers(seed, epoch, _FLIP).integers(0, 2, count, dtype=bool) if self.flip else None
        corners = shifts = None
        if self.crop is not None and count:
            corners = whole(_TOP, 0, height - self.crop[0]), whole(_LEFT, 0, width - self.crop[1])
        if self.shift:
            shifts = whole(_DOWN, -self.shift, self.shift), whole(_RIGHT, -self.shift, self.shift)
        colors = {}
        for purpose, name in enumerate(COLOR_CHANGES, _FIRST_COLOR):
            if value := getattr(self, name):
                low, high = (-value, value) if name == "hue" else (max(0.0, 1 - value), 1 + value)
                drawn = random_numbers(seed, epoch, purpose).random(count, np.float32)
                colors[name] = drawn * np.float32(high - low) + np.float32(low)
        return EpochChanges(self, data, flip, corners, shifts, colors)


@dataclass(frozen=True, slots=True, eq=False)
class EpochChanges:
    """What was drawn for an epoch, one number for each image of the dataset and each purpose."""

    ranges: RandomChanges
    data: Dataset
    flip: NDArray[np.bool_] | None
    corners: tuple[NDArray[Any], NDArray[Any]] | None
    shifts: tuple[NDArray[Any], NDArray[Any]] | None
    colors: dict[str, NDArray[np.float32]]

    def at(self, rows: NDArray[np.int64]) -> BatchChanges:
        """Return the changes of some images, with their changed palettes."""
        crop = shift = None
        if self.corners is not None and self.ranges.crop is not None:
            tops, lefts = (drawn[rows].astype(np.int64) for drawn in self.corners)
            crop = tops, lefts, *self.ranges.crop
        if self.shifts is not None:
            downs, rights = (drawn[rows].astype(np.int64) for drawn in self.shifts)
            shift = downs, rights
        return BatchChanges(
            flip=None if self.flip is None else self.flip[rows],
            crop=crop,
            shift=shift,
            palettes=self._palettes(rows) if self.colors else None,
        )

    def _palettes(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        stored = self.data.palettes
        shared = len(stored.shape) == _SHARED
        palettes = np.broadcast_to(np.asarray(stored), (len(rows), *stored.shape)) if shared else stored[rows]
        return jitter_palettes(palettes, **{name: drawn[rows] for name, drawn in self.colors.items()})


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
