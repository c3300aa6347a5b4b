"""Lay pictures over one another: crops of a few per cent, and any scale, are undone before pixels are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Stack = NDArray[np.float32]
    """Values of several pictures, shape (n, side, side)."""

MOST_CROP = 0.02
"""Largest part of a side that a crop takes away at each end."""

MOST_GAIN = 1.06
"""Largest factor of a change of brightness."""

_MOST_SCALE, _MOST_SHIFT = 0.1, 0.06  # of a side: more than a crop needs
_MARGIN = 0.05  # of a side: what lies there may have no counterpart
_SMALL_STEP = 0.02  # pixels
_RIDGE = 1e-3  # keeps the equations of a flat picture solvable


class Difference(NamedTuple):
    """How each pair of aligned pictures differs; all are arrays of shape (n,).

    Attributes
    ----------
    rms
        Root of the mean squared difference of the luma, in levels.
    block
        Largest difference of the mean luma of a block, in levels.
    contrast
        Standard deviation of the luma of the picture that has less of it, in levels.
    outside
        How far the frame of one picture is from lying within the other's as a crop does, in sides; 0 if it does.
    """

    rms: NDArray[np.float32]
    block: NDArray[np.float32]
    contrast: NDArray[np.float32]
    outside: NDArray[np.float32]


def align(first: Stack, second: Stack, steps: int, start: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Find where the pixels of each first picture lie in the second one.

    Method of Lucas and Kanade, "An iterative image registration technique" (1981), with a scale and a shift along each
    axis.

    Parameters
    ----------
    first, second
        Luma, shape (n, side, side).
    steps
        Most steps.
    start
        Where to begin, as returned; pictures that lie over one another already if left out.

    Returns
    -------
    numpy.ndarray
        Shape (n, 4): scale less one and shift in sides, of columns, then of rows.
    """
    number, side = first.shape[:2]
    found: NDArray[np.float32] = np.zeros((number, 4), np.float32) if start is None else start
    margin = max(1, round(side * _MARGIN))
    inner = slice(margin, side - margin)
    before, after = slice(margin - 1, side - margin - 1), slice(margin + 1, side - margin + 1)
    along = ((np.arange(side, dtype=np.float32) - (side - 1) / 2) / side)[inner]
    most = np.array([_MOST_SCALE, _MOST_SHIFT] * 2, np.float32)
    for _ in range(steps):
        laid = lay(second, found)
        error = (first - laid)[:, inner, inner]
        error -= error.mean((1, 2), keepdims=True)
        across = (laid[:, inner, after] - laid[:, inner, before]) * (side / 2)
        down = (laid[:, after, inner] - laid[:, before, inner]) * (side / 2)
        slopes = np.stack([across * along, across, down * along[:, None], down], 1).reshape(number, 4, -1)
        normal = slopes @ slopes.transpose(0, 2, 1)
        diagonal = np.einsum("nii->ni", normal)
        diagonal += _RIDGE * (1 + diagonal)
        step = np.linalg.solve(normal, slopes @ error.reshape(number, -1, 1))[..., 0]
        found = np.clip(found + step, -most, most).astype(np.float32)
        if np.abs(step).max(initial=0) * side < _SMALL_STEP:
            break
    return found


def lay(pictures: Stack, found: NDArray[np.float32]) -> Stack:
    """Resample pictures so that they lie over the first ones, as :func:`align` has found; bilinear."""
    side = pictures.shape[1]
    across, down = (_weights(_positions(found[:, axis : axis + 2], side), side) for axis in (0, 2))
    return np.matmul(np.matmul(down, pictures), across.transpose(0, 2, 1), dtype=np.float32)


def difference(first: Stack, second: Stack, found: NDArray[np.float32], block: int) -> Difference:
    """Return how pictures differ where both have pixels, once the second is as bright as the first.

    ``block`` is the side of a block in pixels.
    """
    laid, mask = lay(second, found), inside(found, first.shape[1])
    count = mask.sum((1, 2))
    laid *= _gain(first, laid, mask)[:, None, None]
    error = (first - laid) * mask
    return Difference(
        np.sqrt((error * error).sum((1, 2)) / count),
        largest_block(error, block),
        np.minimum(_deviation(first, mask, count), _deviation(laid, mask, count)),
        outside(found),
    )


def inside(found: NDArray[np.float32], side: int) -> Stack:
    """Return 1 for each pixel of the first picture that the second has, too, and 0 for others and at the border."""
    positions = (_positions(found[:, axis : axis + 2], side) for axis in (0, 2))
    across, down = ((at >= 0) & (at <= side - 1) for at in positions)
    mask = (down[:, :, None] & across[:, None, :]).astype(np.float32)
    mask[:, [0, -1]] = 0
    mask[:, :, [0, -1]] = 0
    return mask


def largest_block(values: Stack, size: int) -> NDArray[np.float32]:
    """Return the largest absolute mean of a block of ``size`` by ``size`` pixels in each picture, shape (n,)."""
    return (np.abs(_block_sums(values, size)).max((1, 2)) / size**2).astype(np.float32)


def largest_part(first: Stack, laid: Stack, mask: Stack, size: int, levels: float) -> NDArray[np.float32]:
    """Return the largest part of the contrast in a block that the contrast of the difference there is, shape (n,).

    Parameters
    ----------
    first, laid
        Luma of pictures that lie over one another, shape (n, side, side).
    mask
        1 for pixels that both have, 0 for others; only blocks that both have wholly are compared.
    size
        Pixels of the side of a block.
    levels
        Added to the contrast.
    """
    count = size**2
    error = _block_deviation((first - laid) * mask, size)
    contrast = np.maximum(*(_block_deviation(one, size) for one in (first, laid)))
    whole = _block_sums(mask, size) > count - 0.5
    return (error / (contrast + levels) * whole).max((1, 2)).astype(np.float32)


def _block_deviation(values: Stack, size: int) -> NDArray[np.float64]:
    """Return the standard deviation in all blocks of ``size`` by ``size`` pixels."""
    mean = _block_sums(values, size) / size**2
    return np.sqrt(np.maximum(_block_sums(values * values, size) / size**2 - mean * mean, 0))


def _block_sums(values: Stack, size: int) -> NDArray[np.float64]:
    """Return the sums over all blocks of ``size`` by ``size`` pixels."""
    number, height, width = values.shape
    total = np.zeros((number, height + 1, width + 1))
    np.cumsum(values, 1, out=total[:, 1:, 1:])
    np.cumsum(total[:, 1:, 1:], 2, out=total[:, 1:, 1:])
    rows = total[:, size:] - total[:, :-size]
    return rows[:, :, size:] - rows[:, :, :-size]


def softened(values: Stack) -> Stack:
    """Return pictures smoothed by the weights 1, 2, 1 along both axes; the border stays as it is along its axis."""
    rows = values.copy()
    rows[:, 1:-1] = (values[:, :-2] + 2 * values[:, 1:-1] + values[:, 2:]) / 4
    both = rows.copy()
    both[:, :, 1:-1] = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    return both


def _gain(first: Stack, laid: Stack, mask: Stack) -> NDArray[np.float32]:
    """Return how much brighter the first pictures are, as a factor near one, shape (n,)."""
    gain = (first * laid * mask).sum((1, 2)) / np.maximum((laid * laid * mask).sum((1, 2)), 1)
    return np.clip(gain, 1 / MOST_GAIN, MOST_GAIN).astype(np.float32)


def _deviation(values: Stack, mask: Stack, count: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = (values * mask).sum((1, 2)) / count
    away = (values - mean[:, None, None]) * mask
    return np.sqrt((away * away).sum((1, 2)) / count)


def _positions(found: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return where pixels of the first picture lie along one axis of the second, shape (n, side)."""
    middle = np.float32((side - 1) / 2)
    return middle + (1 + found[:, :1]) * (np.arange(side, dtype=np.float32) - middle) + found[:, 1:] * side


def _weights(positions: NDArray[np.float32], side: int) -> Stack:
    """Return the matrices that interpolate between pixels; positions outside take the nearest pixel."""
    positions = np.clip(positions, 0, side - 1)
    return np.maximum(0, 1 - np.abs(positions[..., None] - np.arange(side, dtype=np.float32)))


def outside(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far one frame is from lying within the other as a crop does, in sides."""
    half, shifts = -found[:, [0, 2]] / 2, found[:, [1, 3]]
    # How far the first frame begins, and ends, within the second one.
    ends = np.concatenate([half + shifts, half - shifts], 1)
    each = [np.maximum(-one, one - MOST_CROP).max(1) for one in (ends, -ends)]
    return np.maximum(np.minimum(*each), 0)
