"""All pairs of pictures whose hashes are similar, found block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ROWS, _COLUMNS = 32, 8192  # of a block of pairs: it stays within the cache of a core

Pairs = tuple["NDArray[np.intp]", "NDArray[np.intp]"]


def similar_hashes(
    hashes: NDArray[np.uint64], light: NDArray[np.float32], *, most_bits: int, most_light: float
) -> Iterator[Pairs]:
    """Yield the positions of all pairs of similar pictures, some at a time; each pair once, in no order.

    Pictures are sorted by their light, so that each is compared with those of about the same light alone. A million
    comparisons take about a millisecond.

    Parameters
    ----------
    hashes
        Shape (n,).
    light
        Mean luma, shape (n,).
    most_bits, most_light
        A pair is similar if at most so many bits differ, and the light by at most so much.
    """
    order = np.argsort(light, kind="stable")
    hashes, light = hashes[order], light[order]
    ends = np.searchsorted(light, light + np.float32(most_light), "right")
    for top in range(0, len(hashes), _ROWS):
        bottom = min(top + _ROWS, len(hashes))
        rows = np.arange(top, bottom)
        for left in range(top + 1, int(ends[bottom - 1]), _COLUMNS):
            right = min(left + _COLUMNS, int(ends[bottom - 1]))
            near = np.bitwise_count(hashes[top:bottom, None] ^ hashes[left:right]) <= most_bits
            first, second = np.nonzero(near)
            first, second = rows[first], second + left
            is_pair = (second > first) & (second < ends[first])
            if is_pair.any():
                yield order[first[is_pair]], order[second[is_pair]]
