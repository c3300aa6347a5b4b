"""Masks of COCO, which are lengths of runs column by column, as lists of numbers or as compressed text.

Lengths are checked before they are used: their sum has to be the size of the mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.image.masks.taken_pixels import taken_pixels
from icsys.image.view import STORED, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST, _BITS, _GOES_ON, _SIGN = 48, 5, 0x20, 0x10  # of a character of compressed text: five bits, and one more
_LONGEST, _MOST_BITS = 1 << 40, 40  # of a length

# EXIF orientations whose upright columns, or rows, run backwards along the stored axis; from 5 up they are swapped.
_COLUMNS_BACKWARDS, _ROWS_BACKWARDS, _SWAPPED = {2, 3, 6, 7}, {3, 4, 7, 8}, 5


def lengths_of_runs(segmentation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.int64]:
    """Return the lengths of runs of a COCO mask, of background and foreground in turn.

    Parameters
    ----------
    segmentation
        With ``size``, height and width, and ``counts``, a list or compressed text.
    size
        Width and height of the picture, in pixels.

    Raises
    ------
    ValueError
        If it is no such mask, or its size or the sum of its runs differs from that of the picture.
    """
    width, height = size
    if segmentation.get("size") != [height, width]:
        raise ValueError(f"its mask has the size {segmentation.get('size')!r}: expected [{height}, {width}]")
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        counts = _decompressed(counts)
    if not isinstance(counts, list) or not all(type(one) is int and 0 <= one < _LONGEST for one in counts):
        raise ValueError("its mask has no lengths of runs: expected whole numbers, or compressed text")
    lengths = np.array(counts, np.int64)
    if lengths.sum() != width * height:
        raise ValueError(f"the runs of its mask have {lengths.sum()} pixels: expected {width * height}")
    return lengths


def resized_runs(lengths: NDArray[np.int64], view: View, on: str, resample: str = "box") -> NDArray[np.int64]:
    """Return the lengths of runs of the mask of the output: of each pixel, the one of the source that masks take.

    Parameters
    ----------
    lengths
        Of the source, as from :func:`lengths_of_runs`.
    on
        ``upright`` or ``stored``: which picture the mask lies on.
    resample
        As in :class:`~icsys.options.Options`.
    """
    width, height = view.upright
    x, y = taken_pixels(view, view.upright, resample)
    is_swapped = on == STORED and view.turn >= _SWAPPED
    if on == STORED:
        x = width - 1 - x if view.turn in _COLUMNS_BACKWARDS else x
        y = height - 1 - y if view.turn in _ROWS_BACKWARDS else y
    stored_height = width if is_swapped else height
    index = x[:, None] + y[None, :] * stored_height if is_swapped else x[:, None] * stored_height + y[None, :]
    ends = np.cumsum(lengths)
    used = _columns_with_foreground(ends, stored_height, y if is_swapped else x)
    some = (slice(None), used) if is_swapped else (used, slice(None))
    found = np.zeros(index.shape, np.bool_)
    found[some] = np.searchsorted(ends, index[some], side="right") % 2
    canvas = np.zeros(view.output, np.bool_)  # column by column
    left, top = view.plan.offset
    canvas[left : left + len(x), top : top + len(y)] = found
    return runs_of(canvas.ravel())


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the lengths of runs of a mask, shape (N,), of background first.

    Examples
    --------
    >>> runs_of(np.array([1, 1, 0, 1], bool)).tolist()
    [0, 2, 1, 1]
    """
    changes = np.flatnonzero(np.diff(mask, prepend=False))
    return np.diff(changes, prepend=0, append=len(mask))


def compressed(lengths: NDArray[np.int64]) -> str:
    """Return lengths of runs as the compressed text of COCO.

    Each length from the fourth on is the difference to that two before; a number has five bits a character, the low
    ones first, and its last character carries the sign.

    Examples
    --------
    >>> compressed(np.array([6, 1, 40, 4, 5]))
    '61X13mN'
    """
    differences = lengths.copy()
    differences[3:] -= lengths[1:-2]
    characters = []
    for number in differences.tolist():
        while True:
            low = number & (_GOES_ON - 1)
            number >>= _BITS  # noqa: PLW2901 - what is left of it
            is_last = number == (-1 if low & _SIGN else 0)
            characters.append(chr(_FIRST + low + (0 if is_last else _GOES_ON)))
            if is_last:
                break
    return "".join(characters)


def _decompressed(text: str) -> list[int]:
    """Return the lengths of runs of a compressed text; ValueError if it is none."""
    lengths: list[int] = []
    number = bits = 0
    for character in text:
        value = ord(character) - _FIRST
        if not 0 <= value < 2 * _GOES_ON or bits > _MOST_BITS:
            break
        number |= (value & (_GOES_ON - 1)) << bits
        bits += _BITS
        if value & _GOES_ON:
            continue
        if value & _SIGN:
            number -= 1 << bits
        lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))  # noqa: PLR2004 - from the fourth on
        number = bits = 0
    else:
        if not bits:
            return lengths
    raise ValueError("its compressed mask cannot be read")


def _columns_with_foreground(ends: NDArray[np.int64], height: int, columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which of the columns of the source lie between the first and the last that hold foreground."""
    if len(ends) < 2:  # noqa: PLR2004 - background, then foreground
        return np.zeros(len(columns), np.bool_)
    last = ends[-1 if len(ends) % 2 == 0 else -2] - 1
    return (columns >= ends[0] // height) & (columns <= last // height)
