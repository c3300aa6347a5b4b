"""The distinct colours of an image and how often each occurs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Histogram:
    """The pixels of one image as weighted colours, worked out when first asked for.

    Clustering the distinct colours with their counts as weights has the same objective as clustering all
    pixels, on a problem several times smaller.

    Parameters
    ----------
    pixels
        Shape (N, channels), uint8: grey levels (1) or RGB (3).
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.channels = pixels.shape[1]

    @cached_property
    def packed(self) -> NDArray[np.uint32]:
        """Every pixel as one number, its channels from high to low byte; shape (N,), uint32."""
        packed = np.zeros(len(self.pixels), np.uint32)
        for channel in range(self.channels):
            packed <<= np.uint32(8)
            packed |= self.pixels[:, channel]
        return packed

    @cached_property
    def distinct(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The distinct packed colours in rising order, shape (n,), uint32, and their counts, int64."""
        if self.channels == 1:
            counts = np.bincount(self.pixels[:, 0], minlength=256)
            colors = np.flatnonzero(counts)
            return colors.astype(np.uint32), counts[colors].astype(np.int64)
        # Sorting and comparing neighbours: NumPy's vectorised sort beats its hash and its argsort here.
        ordered = np.sort(self.packed)
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        return ordered[starts], np.diff(starts, append=len(ordered)).astype(np.int64)

    @property
    def colors(self) -> NDArray[np.uint8]:
        """The distinct colours unpacked; shape (n, channels), uint8."""
        return unpack(self.distinct[0], self.channels)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Pixels of each distinct colour; shape (n,), int64."""
        return self.distinct[1]


def unpack(packed: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Split packed colours into their channels; shape (n,) uint32 to (n, channels) uint8."""
    shifts = np.arange(8 * (channels - 1), -1, -8, dtype=np.uint32)
    return (packed[:, None] >> shifts).astype(np.uint8)
