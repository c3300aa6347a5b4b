"""What is changed in the images of a batch, each in its own way, while their pixels are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np

from icsys.errors import UsageError
from icsys.image.arrays.batch_checks import check_own_palettes, flags_of, shift_of, window_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from icsys.image.arrays.batch_checks import Crop, Flags, Numbers, Shift

_SHARED = 2  # axes of a palette that all images share


@dataclass(frozen=True, slots=True, eq=False)
class BatchChanges:
    """Changes of n images; None for what stays as it is.

    Attributes
    ----------
    flip
        Shape (n,), bool: the images that are mirrored left to right, after all else.
    crop
        (tops, lefts, height, width): the part of each image that is kept; tops and lefts of shape (n,), int64.
    shift
        (downs, rights), each of shape (n,), int64: how far what is kept is moved; outermost pixels are repeated.
    palettes
        Shape (n, K, 3), uint8, in place of the stored ones.
    """

    flip: Flags | None = None
    crop: tuple[Numbers, Numbers, int, int] | None = None
    shift: tuple[Numbers, Numbers] | None = None
    palettes: NDArray[np.uint8] | None = None

    def at(self, places: slice | NDArray[np.int64]) -> BatchChanges:
        """Return the changes of some of the images."""
        crop, shift = self.crop, self.shift
        return BatchChanges(
            None if self.flip is None else self.flip[places],
            None if crop is None else (crop[0][places], crop[1][places], *crop[2:]),
            None if shift is None else (shift[0][places], shift[1][places]),
            None if self.palettes is None else self.palettes[places],
        )

    def keywords(self) -> dict[str, Any]:
        """Return the changes as the keywords of :func:`~icsys.image.arrays.expand.expand_batch`."""
        return self.moves() | {"own_palettes": self.palettes}

    def moves(self) -> dict[str, Any]:
        """Return the changes of places alone, as keywords of :func:`~icsys.image.arrays.expand.unpack_batch`."""
        return {"flip": self.flip, "crop": self.crop, "shift": self.shift}

    def size_of(self, whole: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of what is kept of images of a size."""
        return whole if self.crop is None else self.crop[2:]

    def applied_to(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels of shape (n, H, W, C) cropped, moved and mirrored, shape (n, height, width, C)."""
        if self.crop is None and self.shift is None and (self.flip is None or not self.flip.any()):
            return pixels
        height, width = self.size_of(pixels.shape[1:3])
        nothing = np.zeros(len(pixels), np.int64)
        tops, lefts = (nothing, nothing) if self.crop is None else self.crop[:2]
        downs, rights = (nothing, nothing) if self.shift is None else self.shift
        flip = nothing if self.flip is None else self.flip
        changed = np.empty((len(pixels), height, width, pixels.shape[-1]), pixels.dtype)
        places = zip(changed, pixels, (tops - downs).tolist(), (lefts - rights).tolist(), flip.tolist(), strict=True)
        for target, image, top, left, is_mirrored in places:
            _show_part(image, top, left, target[:, ::-1] if is_mirrored else target)
        return changed


class MovesOfEach(TypedDict, total=False):
    """The changes that a user gives of places, not of colours; see :meth:`icsys.Dataset.unpacked_indices`."""

    flip: ArrayLike | None
    crop: Crop | None
    shift: Shift | None


class ChangesOfEach(MovesOfEach, total=False):
    """The changes of pixels that a user gives; see :meth:`icsys.Dataset.pixels`."""

    palettes: ArrayLike | None


def batch_changes(given: MovesOfEach | ChangesOfEach, n: int, size: tuple[int, int], bits: int) -> BatchChanges:
    """Return the changes of n images from what a user gives.

    Parameters
    ----------
    given
        The changes by name.
    n
        The number of images.
    size
        Their height and width.
    bits
        Bits of an index; 0 if they have no palettes.

    Raises
    ------
    UsageError
        If a value is not one of those expected.
    """
    for name in given.keys() - ChangesOfEach.__annotations__.keys():
        raise TypeError(f"unexpected keyword argument {name!r}")
    corners, kept = window_of(given.get("crop"), n, size)
    return BatchChanges(
        flags_of(given.get("flip"), n),
        None if corners is None else (*corners, *kept),
        shift_of(given.get("shift"), n, size),
        _own_palettes(cast("ChangesOfEach", given).get("palettes"), n, bits),
    )


def _own_palettes(palettes: ArrayLike | None, n: int, bits: int) -> NDArray[np.uint8] | None:
    """Return a palette for each image, of one for all if such is given."""
    if palettes is None:
        return None
    try:
        own = np.asarray(palettes)
    except ValueError:  # lists of several lengths
        raise UsageError(f"palettes {palettes!r}: expected ({n}, K, 3) or (K, 3) of uint8") from None
    if not bits:
        raise UsageError(
            f"palettes {own.shape} for images without indices: expected a folder of few colours that ics compress "
            "--format arrays has written, or no palettes"
        )
    own = np.broadcast_to(own, (n, *own.shape)) if own.ndim == _SHARED else own
    check_own_palettes(own, n, bits)
    return own


def _show_part(image: NDArray[Any], top: int, left: int, out: NDArray[Any]) -> None:
    """Write the part of an image from a corner on, which may lie outside; its edges are repeated there."""
    rows = np.arange(top, top + out.shape[0]).clip(0, image.shape[0] - 1)
    before = min(max(-left, 0), out.shape[1])
    past = min(max(left + out.shape[1] - image.shape[1], 0), out.shape[1])
    inner = slice(before, out.shape[1] - past)
    out[:, inner] = image[rows, left + inner.start : left + inner.stop]
    out[:, :before] = image[rows, :1]
    out[:, inner.stop :] = image[rows, -1:]
