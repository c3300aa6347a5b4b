"""Whether two pictures show the same: pixels that are laid over one another decide."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.inspection.alignment import align, difference, inside, largest_block, lay, softened
from icsys.inspection.fingerprint import GRID, LUMA, RGB_SHAPE, cell_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_SIDES = (96, 64, 48, 32, 24, 16)
"""Pixels of the sides that pictures are stretched to: the largest that enlarges none of a pair, or the smallest."""

_PAIRS = 64  # worked on at once
_COARSE_STEPS, _FINE_STEPS = 6, 8
_BLOCKS = 12  # along a side
# Parts of the contrast that a difference may have, more of them on few pixels; and levels, which low quality takes.
_RMS, _RMS_FEW, _RMS_LEVELS = 0.08, 90.0, 0.8
_BLOCK, _BLOCK_FEW, _BLOCK_LEVELS = 0.22, 250.0, 2.0
_COLOR_LEVELS = 40.0
# How far the frame of a crop may seem to lie outside: parts of a side, and pixels.
_OUTSIDE, _OUTSIDE_PIXELS = 0.004, 0.3


class _Planes(NamedTuple):
    """Pictures of one side: luma, and R - Y and B - Y, each (n, side, side)."""

    luma: NDArray[np.float32]
    red: NDArray[np.float32]
    blue: NDArray[np.float32]


def show_the_same(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> list[bool]:
    """Return for each pair of pictures whether one is a copy of the other: scaled, encoded again, or cropped.

    Both are stretched to a square and laid over one another. They show the same if no part of the luma and of the
    colours differs by more than encoding explains, and the frame of one lies within the frame of the other.

    Parameters
    ----------
    pairs
        (H, W) (grey) or (H, W, 3) (sRGB) uint8, of any sizes.
    """
    found = [False] * len(pairs)
    for side, places in _by_side(pairs):
        for begin in range(0, len(places), _PAIRS):
            some = places[begin : begin + _PAIRS]
            first = _stretched([pairs[place][0] for place in some], side)
            second = _stretched([pairs[place][1] for place in some], side)
            for place, same in zip(some, _are_same(first, second).tolist(), strict=True):
                found[place] = same
    return found


def _by_side(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Iterator[tuple[int, list[int]]]:
    """Yield each side with the positions of its pairs."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, (first, second) in enumerate(pairs):
        least = min(*first.shape[:2], *second.shape[:2])
        places[next((side for side in _SIDES if side <= least), _SIDES[-1])].append(place)
    yield from places.items()


def _stretched(pictures: Sequence[NDArray[np.uint8]], side: int) -> _Planes:
    """Stretch pictures to squares by averages over areas."""
    planes = np.zeros((3, len(pictures), side, side), np.float32)
    for number, pixels in enumerate(pictures):
        height, width = pixels.shape[:2]
        down, across = cell_weights(height, side), cell_weights(width, side).T
        if pixels.ndim == RGB_SHAPE:
            for channel in range(3):
                planes[channel, number] = down @ pixels[..., channel].astype(np.float32) @ across
        else:
            planes[:, number] = down @ pixels.astype(np.float32) @ across
    luma = np.tensordot(LUMA, planes, 1).astype(np.float32)
    return _Planes(luma, planes[0] - luma, planes[2] - luma)


def _are_same(first: _Planes, second: _Planes) -> NDArray[np.bool_]:
    """Return which of the stretched pairs show the same, shape (n,)."""
    side = first.luma.shape[1]
    start = None
    if side > GRID:
        start = align(_on_grid(first.luma), _on_grid(second.luma), _COARSE_STEPS)
    one, other = (softened(softened(planes.luma)) for planes in (first, second))
    found = align(one, other, _FINE_STEPS, start)
    block = max(2, round(side / _BLOCKS))
    differ = difference(one, other, found, block)
    mask = inside(found, side)
    colors = [
        largest_block((a - lay(b, found)) * mask, block)
        for a, b in ((first.red, second.red), (first.blue, second.blue))
    ]
    return (
        (differ.rms <= (_RMS + _RMS_FEW / side**2) * differ.contrast + _RMS_LEVELS)
        & (differ.block <= (_BLOCK + _BLOCK_FEW / side**2) * differ.contrast + _BLOCK_LEVELS)
        & (np.maximum(*colors) <= _COLOR_LEVELS)
        & (differ.outside <= _OUTSIDE + _OUTSIDE_PIXELS / side)
    )


def _on_grid(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average a luma over the cells of the grid of fingerprints."""
    down = cell_weights(luma.shape[1], GRID)
    return (down @ luma @ down.T).astype(np.float32)
