"""Palettes that serve rare colours: colours that are kept exactly, and weights that count common colours less.

K-means lowers the squared error summed over pixels, so a colour of few pixels has little say: a small red light among
grey shares an entry with brown, and a white page takes the mean of its paper.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from icsys.color import palette_rounding as stored
from icsys.color.strategy_steps import nearest_entries
from icsys.color_and_size_checks import rgb_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kmeans_strategies import Fit
    from icsys.color.strategy_steps import Distinct
    from icsys.options import Options

# Similar colours are those of one cell, 16 levels wide in each channel.
_CELL_BITS = 4
_WEIGHT_BITS = 31  # of all weights together: the kernels sum exactly below 2^32
# Times that the other colours are found; from the second on, without the pixels of the kept ones.
_ROUNDS = 3
_RGB, _OPAQUE = 3, 255


def fit_for_rare_colors(
    fit: Fit, distinct: Distinct, n_colors: int, options: Options, *, keep_all: bool = False
) -> NDArray[np.uint8]:
    """Fit a palette by a strategy, with the options ``keep_colors`` and ``count_power``.

    Parameters
    ----------
    fit
        The strategy's function: distinct colours, K and options to a palette.
    distinct
        More than ``n_colors`` distinct colours; any number with colours to keep.
    n_colors
        At least the number of kept colours.
    keep_all
        Whether kept colours that are nearest to no pixel stand in the palette; otherwise others take their place.

    Returns
    -------
    palette
        Distinct colours, shape (k, channels), uint8, k at most ``n_colors``.
    """
    if options.count_power is not None:
        distinct = distinct.reweighted(_weights(distinct, options.count_power))
    kept = kept_colors(options, distinct.colors().shape[1])
    if not len(kept):
        return fit(distinct, n_colors, options)
    colors = distinct.colors()
    weights = distinct.counts
    others = ~_is_among(colors, kept)
    for _ in range(_ROUNDS):
        found, left = kept[:0], n_colors - len(kept)
        if left and others.any():
            part = distinct.reweighted(np.where(others, weights, 0))
            found = part.colors() if len(part) <= left else fit(part, left, options)
        palette = np.concatenate([kept, found])
        labels, _ = nearest_entries(distinct, palette, options.space)
        others = labels >= len(kept)
        if not keep_all:
            kept = kept[np.isin(np.arange(len(kept)), labels)]
    return stored.distinct_colors(np.concatenate([kept, found]))


def kept_colors(options: Options, channels: int) -> NDArray[np.uint8]:
    """Return the colours to keep, shape (n, channels), uint8: of one channel the greys among them; of four, opaque."""
    colors = np.array([rgb_of(color) for color in options.keep_colors or ()], np.uint8).reshape(-1, _RGB)
    if channels == 1:
        return colors[(colors == colors[:, :1]).all(axis=1), :1]
    return np.concatenate([colors, np.full((len(colors), channels - _RGB), _OPAQUE, np.uint8)], axis=1)


def _weights(distinct: Distinct, power: float) -> NDArray[np.float64]:
    """Return a whole number for each distinct colour: a cell of n pixels weighs n to a power, each pixel alike."""
    colors, counts = distinct.colors(), distinct.counts
    cells = np.zeros(len(colors), np.int64)
    for channel in (colors >> _CELL_BITS).T:
        cells = (cells << _CELL_BITS) + channel
    pixels = np.bincount(cells, weights=counts)[cells]
    # float32, and a scale that is a power of two, drop the digits in which machines differ.
    shares = (pixels ** (power - 1)).astype(np.float32) * counts
    _, exponent = math.frexp(shares.sum())
    weights: NDArray[np.float64] = np.maximum(np.rint(shares * 2.0 ** (_WEIGHT_BITS - exponent)), 1)
    return weights


def _is_among(colors: NDArray[np.uint8], few: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which colours, shape (n, channels), are rows of ``few``."""
    found = np.zeros(len(colors), np.bool_)
    for color in few:
        found |= (colors == color).all(axis=1)
    return found
