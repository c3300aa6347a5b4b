"""The distinct RGBA colours of an image."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from icsys.color import alpha_points
from icsys.color.distinct_rgb import kernel_points
from icsys.color.kernels import nearest_centers

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = 4
_BITS = 8
_MIDDLE = alpha_points.rgba_to_points(np.array([[128, 128, 128, 128]], np.uint8))


class DistinctRGBA:
    """The distinct RGBA colours of an image, like :class:`icsys.color.distinct_rgb.DistinctRGB` for opaque ones.

    Parameters
    ----------
    pixels
        Shape (N, 4), uint8, not empty. All fully transparent pixels are one colour, (0, 0, 0, 0).
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        codes = _interleaved(pixels)
        codes[pixels[:, 3] == 0] = 0
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
        self.inverse: NDArray[np.uint32] = np.empty(len(codes), np.uint32)
        self.inverse[order] = np.cumsum(first, dtype=np.uint32) - 1
        starts = np.flatnonzero(first)
        self._colors = pixels[order[starts]]
        self._colors[self._colors[:, 3] == 0] = 0
        self.counts: NDArray[np.float64] = np.diff(starts, append=len(codes)).astype(np.float64)
        """Pixels of each distinct colour, shape (n,)."""

    def __len__(self) -> int:
        """Return the number of distinct colours."""
        return len(self._colors)

    def colors(self) -> NDArray[np.uint8]:
        """Return the distinct colours, shape (n, 4), uint8, in the order of their interleaved bits."""
        return self._colors

    def reweighted(self, weights: NDArray[np.floating]) -> DistinctRGBA:
        """Return the colours with other weights, shape (n,), whole numbers; a colour of weight 0 is left out.

        Their ``inverse`` is of no image.
        """
        held = weights > 0
        other = copy.copy(self)
        vars(other).update(_colors=self._colors[held], counts=weights[held])
        return other

    @property
    def has_clear(self) -> bool:
        """Whether the first colour is (0, 0, 0, 0), fully transparent."""
        return bool(self._colors[0, 3] == 0)

    def nearest(self, palette: NDArray[np.uint8]) -> tuple[NDArray[np.uint16], float]:
        """Find the entry of a palette, shape (k, 4), nearest to each distinct colour, compared in float32.

        Returns
        -------
        labels
            Shape (n,), uint16.
        sse
            Squared error of all pixels, summed over R, G and B: the mean of the errors over black and over white.
        """
        points = kernel_points(alpha_points.rgba_to_points(self._colors) - _MIDDLE, self.counts)
        centers = np.ascontiguousarray((alpha_points.rgba_to_points(palette) - _MIDDLE).T, np.float32)
        labels = np.empty(points.w.shape, np.uint16)
        nearest_centers(points, centers, labels)
        labels = labels.reshape(-1)[: len(self)]
        return labels, alpha_points.squared_error(self._colors, palette[labels], self.counts)

    def label_pixels(self, labels: NDArray[np.integer]) -> NDArray[np.integer]:
        """Give every pixel the label of its colour: shape (n,) to shape (N,), of the same dtype."""
        return labels[self.inverse]


def _interleaved(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the bits of R, G, B and A of every pixel in turn, as one number: near numbers are near colours."""
    bits = np.arange(_BITS, dtype=np.uint32)
    spread = ((np.arange(1 << _BITS)[:, None] >> bits & 1) << CHANNELS * bits).sum(axis=1, dtype=np.uint32)
    codes = np.zeros(len(pixels), np.uint32)
    for channel in range(CHANNELS):
        codes = codes << 1 | spread[pixels[:, channel]]
    return codes
