"""Whether two pictures show the same: pixels that are laid over one another decide."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.inspection.alignment import align, difference, inside, largest_block, largest_part, lay, outside, softened
from icsys.inspection.fingerprint import GRID, LUMA, RGB_SHAPE, cell_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

_SIDES = (64, 48, 32, 24, 16)
"""Pixels of the sides that pictures are stretched to: the largest that enlarges none of a pair, or the smallest."""

_DETAIL_SIDES = (128, 96, 64)
"""The same for what is small, such as a digit in a drawing: smaller pictures do not show it."""

_PAIRS = 64  # worked on at once
_COARSE_STEPS, _FINE_STEPS, _DETAIL_STEPS = 6, 8, 3
_BLOCKS = 12  # along a side
# Parts of the contrast that a difference may have, more of them on few pixels; and levels, which low quality takes.
_RMS, _RMS_FEW, _RMS_LEVELS = 0.08, 90.0, 0.8
_BLOCK, _BLOCK_FEW, _BLOCK_LEVELS = 0.22, 250.0, 2.0
_COLOR_LEVELS, _GREY_LEVELS = 40.0, 2.0
_DETAIL, _DETAIL_PIXELS, _DETAIL_LEVELS = 0.5, 5, 8.0
# How far the frame of a crop may seem to lie outside: parts of a side, and pixels.
_OUTSIDE, _OUTSIDE_PIXELS = 0.004, 0.3


_Pair = tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]


class _Planes(NamedTuple):
    """Pictures of one side: luma, and R - Y and B - Y, each (n, side, side)."""

    luma: NDArray[np.float32]
    red: NDArray[np.float32]
    blue: NDArray[np.float32]


def show_the_same(pairs: Sequence[_Pair]) -> list[bool]:
    """Return for each pair of pictures whether one is a copy of the other: scaled, encoded again, or cropped.

    Both are stretched to a square and laid over one another. They show the same if no part of the luma and of the
    colours differs by more than encoding explains, and the frame of one lies within the frame of the other.

    Parameters
    ----------
    pairs
        (H, W) (grey) or (H, W, 3) (sRGB) uint8, of any sizes.
    """
    same = [False] * len(pairs)
    laid: dict[int, NDArray[np.float32]] = {}
    for places, first, second in _stacks(pairs, range(len(pairs)), _SIDES):
        is_same, found = _are_same(first, second)
        for place, one, shift in zip(places, is_same.tolist(), found, strict=True):
            same[place] = one
            laid[place] = shift
    likely = [place for place, one in enumerate(same) if one and _least(pairs[place]) >= _DETAIL_SIDES[-1]]
    for places, first, second in _stacks(pairs, likely, _DETAIL_SIDES):
        is_same = _have_same_details(first.luma, second.luma, np.stack([laid[place] for place in places]))
        for place, one in zip(places, is_same.tolist(), strict=True):
            same[place] = one
    return same


def _stacks(
    pairs: Sequence[_Pair], places: Iterable[int], sides: Sequence[int]
) -> Iterator[tuple[list[int], _Planes, _Planes]]:
    """Yield positions of pairs, some at a time, with their first and their second pictures stretched to one side."""
    by_side: defaultdict[int, list[int]] = defaultdict(list)
    for place in places:
        least = _least(pairs[place])
        by_side[next((side for side in sides if side <= least), sides[-1])].append(place)
    for side, those in by_side.items():
        for begin in range(0, len(those), _PAIRS):
            some = those[begin : begin + _PAIRS]
            first, second = zip(*(pairs[place] for place in some), strict=True)
            yield some, _stretched(first, side), _stretched(second, side)


def _least(pair: _Pair) -> int:
    """Return the shortest side of two pictures, in pixels."""
    return min(*pair[0].shape[:2], *pair[1].shape[:2])


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


def _are_same(first: _Planes, second: _Planes) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which of the stretched pairs show the same, shape (n,), and how they lie over one another."""
    side = first.luma.shape[1]
    start = None
    if side > GRID:
        start = align(_on_grid(first.luma), _on_grid(second.luma), _COARSE_STEPS)
    one, other = (softened(softened(planes.luma)) for planes in (first, second))
    found = align(one, other, _FINE_STEPS, start)
    most_outside = _OUTSIDE + _OUTSIDE_PIXELS / side
    # Smooth pictures look the same wherever they are laid: these are compared as they lie.
    found[outside(found) > most_outside] = 0
    block = max(2, round(side / _BLOCKS))
    differ = difference(one, other, found, block)
    mask = inside(found, side)
    has_no_color = np.minimum(_most_color(first), _most_color(second)) <= _GREY_LEVELS
    colors = [
        largest_block((a - lay(b, found)) * mask, block)
        for a, b in ((first.red, second.red), (first.blue, second.blue))
    ]
    is_same = (
        (differ.rms <= (_RMS + _RMS_FEW / side**2) * differ.contrast + _RMS_LEVELS)
        & (differ.block <= (_BLOCK + _BLOCK_FEW / side**2) * differ.contrast + _BLOCK_LEVELS)
        & (has_no_color | (np.maximum(*colors) <= _COLOR_LEVELS))
    )
    return is_same, found


def _have_same_details(
    first: NDArray[np.float32], second: NDArray[np.float32], found: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return in which pairs no small part of the luma differs by more than an edge in it explains, shape (n,)."""
    one, other = softened(first), softened(second)
    found = align(one, other, _DETAIL_STEPS, found)
    mask = inside(found, first.shape[1])
    return largest_part(one, lay(other, found), mask, _DETAIL_PIXELS, _DETAIL_LEVELS) <= _DETAIL


def _most_color(planes: _Planes) -> NDArray[np.float32]:
    """Return the largest distance of a pixel from grey, in levels, shape (n,)."""
    return np.maximum(np.abs(planes.red).max((1, 2)), np.abs(planes.blue).max((1, 2)))


def _on_grid(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average a luma over the cells of the grid of fingerprints."""
    down = cell_weights(luma.shape[1], GRID)
    return (down @ luma @ down.T).astype(np.float32)
