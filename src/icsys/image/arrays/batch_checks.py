"""What a batch of pixels is made from, checked: images, rows, and what is changed for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError
from icsys.image.arrays.packing import index_dtype, packed_width

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import ArrayLike, NDArray

    Crop: TypeAlias = tuple[ArrayLike, ArrayLike, int, int]
    Shift: TypeAlias = tuple[ArrayLike, ArrayLike]
    Flags: TypeAlias = NDArray[np.bool_]
    Numbers: TypeAlias = NDArray[np.int64]

_CHANNELS = 3


def is_integer(number: object) -> bool:
    """Return whether it is a whole number, also one of NumPy."""
    return isinstance(number, int | np.integer)


def check_images(indices: NDArray[Any], palettes: NDArray[np.uint8], bits: int, width: int) -> None:
    """Refuse arrays that are not those of images with this many bits and this width."""
    dtype = index_dtype(bits)
    columns = packed_width(bits, width)
    if width < 1 or indices.dtype != dtype or indices.ndim != _CHANNELS or indices.shape[2] != columns:
        raise UsageError(
            f"indices {indices.shape} of {indices.dtype}, {width} pixels of {bits} bits: expected (N, H, {columns}) of "
            f"{dtype} and a width of at least 1"
        )
    *images, colors, channels = palettes.shape if palettes.ndim > 1 else (0, 0)
    fits = images in ([], [len(indices)]) and 1 <= colors <= 1 << bits and channels == _CHANNELS
    if palettes.dtype != np.uint8 or not fits:
        raise UsageError(
            f"palettes {palettes.shape} of {palettes.dtype}: expected ({len(indices)}, K, 3) or (K, 3) of uint8 with K "
            f"from 1 to {1 << bits}, as {bits} bits number"
        )


def rows_to_take(rows: ArrayLike, images: int) -> NDArray[np.int64]:
    """Return the images to take as an array."""
    taken = np.asarray(rows)
    if taken.ndim != 1 or (taken.size and taken.dtype.kind not in "iu"):
        raise UsageError(f"rows {taken.shape} of {taken.dtype}: expected (n,) of integers")
    if taken.size and not (taken.min() >= 0 and taken.max() < images):
        raise UsageError(
            f"rows from {taken.min()} to {taken.max()}: expected 0 to {images - 1}, the images that there are"
        )
    return np.ascontiguousarray(taken, np.int64)


def check_own_palettes(palettes: NDArray[np.uint8] | None, n: int, bits: int) -> None:
    """Refuse palettes for n rows that are not as many, or have more colours than the bits number."""
    if palettes is None:
        return
    shape = palettes.shape
    fits = palettes.ndim == _CHANNELS and shape[::2] == (n, _CHANNELS) and 1 <= shape[1] <= 1 << bits
    if palettes.dtype != np.uint8 or not fits:
        raise UsageError(
            f"own palettes {shape} of {palettes.dtype}: expected ({n}, K, 3) of uint8, one for each row, with K "
            f"from 1 to {1 << bits}, as {bits} bits number"
        )


def flags_of(flip: ArrayLike | None, n: int) -> Flags | None:
    """Return a flag for each of n rows, or that of all; None for none."""
    if flip is None:
        return None
    expected = f"expected True or False, or ({n},) of bool, one for each row"
    try:
        flags = np.asarray(flip)
    except ValueError:  # lists of several lengths
        raise UsageError(f"flip {flip!r}: {expected}") from None
    if flags.dtype != np.bool_ or flags.shape not in ((), (n,)):
        raise UsageError(f"flip {flags.shape} of {flags.dtype}: {expected}")
    return np.ascontiguousarray(np.broadcast_to(flags, (n,)))


def window_of(
    crop: Crop | None, n: int, whole: tuple[int, int]
) -> tuple[tuple[Numbers, Numbers] | None, tuple[int, int]]:
    """Return the tops and lefts of what is kept, shape (n,) each, None for all, and its height and width."""
    if crop is None:
        return None, whole
    if not _has_parts(crop, 4) or not all(map(is_integer, crop[2:])):
        raise UsageError(f"crop={crop!r}: expected (tops, lefts, height, width) with a whole height and width")
    tops, lefts, *size = crop
    corners = []
    for name, given, kept, full in zip(("tops", "lefts"), (tops, lefts), size, whole, strict=True):
        at = _numbers_of(f"crop {name}", given, n)
        if not 1 <= kept <= full:
            raise UsageError(f"crop of {size[0]}x{size[1]} (height x width): expected 1x1 to {whole[0]}x{whole[1]}")
        if at.size and not (at.min() >= 0 and at.max() <= full - kept):
            raise UsageError(f"crop {name} from {at.min()} to {at.max()}: expected 0 to {full - kept}")
        corners.append(np.ascontiguousarray(at, np.int64))
    return (corners[0], corners[1]), (int(size[0]), int(size[1]))


def shift_of(shift: Shift | None, n: int, whole: tuple[int, int]) -> tuple[Numbers, Numbers] | None:
    """Return how far each of n images is moved down and right, shape (n,) each, at most by the size of an image.

    Further away there is only the edge, which is the same everywhere.
    """
    if shift is None:
        return None
    if not _has_parts(shift, 2):
        raise UsageError(f"shift={shift!r}: expected (downs, rights)")
    moved = []
    for name, given, full in zip(("downs", "rights"), shift, whole, strict=True):
        numbers = _numbers_of(f"shift {name}", given, n)
        if numbers.dtype.kind == "u":
            numbers = np.minimum(numbers.astype(np.uint64), np.uint64(full))
        moved.append(np.ascontiguousarray(numbers.astype(np.int64).clip(-full, full)))
    return moved[0], moved[1]


def _has_parts(given: object, count: int) -> bool:
    return isinstance(given, tuple | list) and len(given) == count


def _numbers_of(what: str, given: ArrayLike, n: int) -> NDArray[Any]:
    """Return an integer for each of n rows."""
    try:
        numbers = np.asarray(given)
    except ValueError:  # of lists of several lengths
        raise UsageError(f"{what} {given!r}: expected an integer, or ({n},) of integers") from None
    if numbers.shape not in ((), (n,)) or (numbers.size and numbers.dtype.kind not in "iu"):
        raise UsageError(f"{what} {numbers.shape} of {numbers.dtype}: expected an integer, or ({n},) of integers")
    return np.broadcast_to(numbers, (n,))
