"""Fixed features of pictures: how strongly random patches answer in each part of a picture, and the colours there.

No label and no training takes part. The features follow Coates, Ng and Lee (An analysis of single-layer networks in
unsupervised feature learning, AISTATS 2011): patches of equal mean and contrast, whitened, are compared with atoms,
which are random patches themselves; answers beyond a threshold, of either sign, are averaged over the cells of a grid.
Roots are taken of these means, so that a cell full of one texture does not outweigh all others (Perronnin, Sánchez and
Mensink, Improving the Fisher kernel for large-scale image classification, ECCV 2010).
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Floats = NDArray[np.float32]

ATOMS = 100
"""Atoms of each scale of one dictionary."""

PATCH_SIDE = 6
"""Pixels of the side of a patch."""

CELLS = 3
"""Cells of a picture across and down."""

THRESHOLD = 0.25
"""Answers between this and its negative count as none."""

COLOR_WEIGHT = 2.0
"""Weight of the colours of cells beside the answers of patches: they are few numbers, and classes may differ in nothing
else."""

_LEAST_VARIANCE = 10.0  # levels squared, added to the variance of a patch: noise of flat patches is not blown up
_LEAST_EIGENVALUE = 0.1  # added when patches are whitened, for the same reason
_PICTURES, _PATCHES = 1000, 20_000  # drawn from for each scale
_PER_SIDE = 30  # about so many patches lie across a large picture
_ROOT_SHIFT = 1e-3  # added before the root, which is too steep at 0: rounding would be blown up
_COLOR_UNIT = 64.0  # levels: colours then spread about as far as answers do


class PatchFeatures:
    """Several dictionaries of patches, which differ by chance alone, and the features of pictures by each.

    Dictionaries share the whitening and are evaluated in one pass: patches are taken and normalised once.

    Parameters
    ----------
    pixels
        Shape (n, S, S, 3), uint8; it may be a memory map.
    chosen
        Shape (m,), int64: pictures to draw patches from. Labels are not looked at, so these may be pictures that a
        model is tested on later, too.
    repeats
        Number of dictionaries.
    seed
        Equal seeds give equal dictionaries, whatever their number.
    atoms
        Atoms of each scale of one dictionary.
    """

    def __init__(
        self, pixels: NDArray[np.uint8], chosen: NDArray[np.int64], *, repeats: int, seed: int, atoms: int = ATOMS
    ) -> None:
        generator = np.random.default_rng([seed])
        sample = pixels[np.sort(generator.permutation(chosen)[:_PICTURES])]
        scales = [np.asarray(sample, np.float32)]
        if sample.shape[1] // 2 >= PATCH_SIDE:
            scales.append(np.stack([_halved(picture) for picture in sample]))
        dictionaries = [np.random.default_rng([seed, 1 + repeat]) for repeat in range(repeats)]
        self._repeats = repeats
        self._atoms = atoms
        self.scales = tuple(_find_scale(pictures, generator, dictionaries, atoms) for pictures in scales)
        """The size of the pictures, and half of it where that holds a patch."""
        self._color_edges = _edges(sample.shape[1])
        self.length = 6 * (len(self._color_edges) - 1) ** 2 + sum(2 * atoms * len(one.cells) for one in self.scales)
        """Number of features of a picture by one dictionary."""
        self.colors = 6 * (len(self._color_edges) - 1) ** 2
        """How many of these, the last ones, are colours of cells."""

    def compute(self, pixels: NDArray[np.uint8], out: _Floats) -> None:
        """Compute the features of pictures.

        Parameters
        ----------
        pixels
            Shape (n, S, S, 3), uint8.
        out
            Shape (repeats, n, length), float32: is filled. Of each dictionary: for each scale, cell by cell, the root
            of 0.001 and the mean answer of each atom above the threshold, then of those below its negative; then the
            mean colour of each cell, and its standard deviation, in units of 64 levels.
        """
        buffers = [one.buffers() for one in self.scales]
        for place, picture in enumerate(pixels):
            row = out[:, place]
            start = 0
            scaled = np.asarray(picture, np.float32)
            for scale, held in zip(self.scales, buffers, strict=True):
                if start:
                    scaled = _halved(scaled)
                for pooled in scale.pool(scaled, held):
                    stop = start + len(pooled) * self._atoms
                    by_dictionary = pooled.reshape(len(pooled), self._repeats, self._atoms).transpose(1, 0, 2)
                    row[:, start:stop] = by_dictionary.reshape(self._repeats, -1)
                    start = stop
            row[:, start:] = _cell_colors(picture, self._color_edges)


class _Buffers(NamedTuple):
    """Memory of one picture at one scale, used again for the next one."""

    patches: _Floats
    answers: _Floats
    cut: _Floats


class PatchScale(NamedTuple):
    """The atoms of all dictionaries at one scale, and where patches lie.

    A normalised patch p answers with ``p @ projection - offsets``.

    Attributes
    ----------
    side, stride
        Of patches, in pixels.
    projection
        Shape (numbers of a patch, atoms of all dictionaries), float32.
    offsets
        Shape (atoms of all dictionaries,), float32.
    cells
        Shape (cells, patches), float32: weights that average over the patches of each cell.
    """

    side: int
    stride: int
    projection: _Floats
    offsets: _Floats
    cells: _Floats

    def buffers(self) -> _Buffers:
        """Return memory for one picture."""
        count = self.cells.shape[1]
        length, atoms = self.projection.shape
        return _Buffers(
            np.empty((count, length), np.float32), *(np.empty((count, atoms), np.float32) for _ in range(2))
        )

    def pool(self, picture: _Floats, held: _Buffers) -> tuple[_Floats, _Floats]:
        """Compute roots of mean answers beyond the thresholds, each of shape (cells, atoms of all dictionaries)."""
        windows = _windows(picture, self.side, self.stride)
        np.copyto(held.patches.reshape(windows.shape), windows)
        _normalise(held.patches)
        # max(z - offset - t, 0) is max(z, offset + t) - (offset + t): what is subtracted is left until after the mean.
        high, low = self.offsets + np.float32(THRESHOLD), self.offsets - np.float32(THRESHOLD)
        above, below = (np.empty((len(self.cells), len(high)), np.float32) for _ in range(2))
        across = math.isqrt(self.cells.shape[1])
        edges = _edges(across)
        # One row of cells at a time: its answers stay in the cache of the processor.
        for band, (top, bottom) in enumerate(itertools.pairwise(edges)):
            inside = slice(band * (len(edges) - 1), (band + 1) * (len(edges) - 1))
            patches = slice(top * across, bottom * across)
            weights = self.cells[inside, patches]
            answers, cut = held.answers[: weights.shape[1]], held.cut[: weights.shape[1]]
            np.matmul(held.patches[patches], self.projection, out=answers)
            above[inside] = weights @ np.maximum(answers, high, out=cut) - high
            below[inside] = low - weights @ np.minimum(answers, low, out=cut)
        return _root(above), _root(below)


def _find_scale(
    pictures: _Floats, generator: np.random.Generator, dictionaries: list[np.random.Generator], atoms: int
) -> PatchScale:
    """Draw patches, whiten them, and draw the atoms of each dictionary among them."""
    size = pictures.shape[1]
    side = min(PATCH_SIDE, size)
    stride = max(1, round((size - side) / _PER_SIDE))
    patches = _drawn(pictures, side, generator)
    _normalise(patches)
    mean = patches.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(patches, rowvar=False, dtype=np.float64))
    whitening = (vectors / np.sqrt(np.maximum(values, 0) + _LEAST_EIGENVALUE)) @ vectors.T
    chosen = np.concatenate([_drawn_rows(patches, one, atoms) for one in dictionaries])
    white = (chosen - mean) @ whitening
    white /= np.linalg.norm(white, axis=1, keepdims=True) + 1e-8
    projection = whitening @ white.T
    count = (size - side) // stride + 1
    return PatchScale(
        side, stride, projection.astype(np.float32), (mean @ projection).astype(np.float32), _cell_weights(count)
    )


def _drawn(pictures: _Floats, side: int, generator: np.random.Generator) -> _Floats:
    """Random patches, shape (patches, length); as many of each picture."""
    each = -(-_PATCHES // len(pictures))
    windows = sliding_window_view(pictures.reshape(*pictures.shape[:2], -1), (side, 3 * side), axis=(1, 2))
    across = pictures.shape[1] - side + 1
    rows, columns = generator.integers(0, across, (2, len(pictures), each))
    drawn = windows[np.arange(len(pictures))[:, None], rows, 3 * columns]
    return drawn.reshape(len(pictures) * each, -1)


def _drawn_rows(patches: _Floats, generator: np.random.Generator, count: int) -> _Floats:
    """Different patches as atoms; flat ones, which say nothing, only where there are too few others."""
    textured = np.flatnonzero(np.square(patches).mean(axis=1) > 1 / 2)  # variance above _LEAST_VARIANCE
    rows = textured if len(textured) >= count else np.arange(len(patches))
    return patches[generator.choice(rows, count, replace=len(rows) < count)]


def _windows(picture: _Floats, side: int, stride: int) -> _Floats:
    """All patches of a picture, shape (down, across, side, 3 * side), as a view."""
    rows = picture.reshape(len(picture), -1)
    return sliding_window_view(rows, (side, 3 * side))[::stride, :: 3 * stride]


def _normalise(patches: _Floats) -> None:
    """Give every patch mean 0 and, unless it is nearly flat, variance 1."""
    length = np.float32(patches.shape[1])
    patches -= patches.sum(axis=1, keepdims=True) / length
    variances = np.einsum("ij,ij->i", patches, patches) / length
    patches /= np.sqrt(variances + np.float32(_LEAST_VARIANCE))[:, None]


def _root(answers: _Floats) -> _Floats:
    """Root of mean answers; rounding may have made them a little negative."""
    return np.sqrt(np.maximum(answers, 0) + np.float32(_ROOT_SHIFT))


def _halved(picture: _Floats) -> _Floats:
    """Picture of half the size: means of 2 x 2 pixels; an odd last row and column are left out."""
    size = len(picture) // 2 * 2
    rows = picture[0:size:2, :size] + picture[1:size:2, :size]
    halved: _Floats = (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)
    return halved


def _edges(size: int) -> NDArray[np.int64]:
    """Where the cells of a grid begin, and the end: at most CELLS cells, none of them empty."""
    cells = min(CELLS, size)
    return np.arange(cells + 1) * size // cells


def _cell_weights(count: int) -> _Floats:
    """Weights that average a square of count x count places over each cell, shape (cells, places)."""
    edges = _edges(count)
    places = np.arange(count)
    inside = (places >= edges[:-1, None]) & (places < edges[1:, None])
    weights = inside / inside.sum(axis=1, keepdims=True)
    return np.kron(weights, weights).astype(np.float32)


def _cell_colors(picture: NDArray[np.uint8], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean and standard deviation of R, G and B in each cell, in units of 64 levels."""
    levels = picture.astype(np.float64)
    pixels = np.multiply.outer(np.diff(edges), np.diff(edges))[..., None]
    first, second = (
        np.add.reduceat(np.add.reduceat(values, edges[:-1], 0), edges[:-1], 1) / pixels
        for values in (levels, levels * levels)
    )
    spread = np.sqrt(np.maximum(second - first * first, 0))
    return np.concatenate([first.ravel(), spread.ravel()]) / _COLOR_UNIT
