"""Which pixels of a mask become those of the output: the ones at the centres of the picture's output pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from icsys.errors import ImageError
from icsys.image.geometry import upright_size
from icsys.image.view import AUTO, STORED, UPRIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.image.view import View

_ROUNDING = 1e-9  # pixels, of centres that lie between two pixels: the later one counts
_MOST_OFF = 2  # pixels, by which the sides of a mask may differ from those of its picture, made larger or smaller
_LEAST_SHARE = 8  # of a side: a difference of a larger part than one in so many is another aspect


class MaskPlacement(NamedTuple):
    """How a mask lies on its picture.

    Attributes
    ----------
    turn
        EXIF orientation, 1 to 8, that makes the mask upright.
    warning
        That the mask has another size than its picture; None if it has the same.
    """

    turn: int
    warning: str | None = None


def place_mask(view: View, size: tuple[int, int], own_turn: int | None, labels_on: str) -> MaskPlacement:
    """Return how a mask of a stored size lies on the picture of a view.

    A mask that states its own orientation is turned by that. One of the stored size of its picture is turned as the
    picture, one of the upright size is not. ``labels_on`` decides where the sizes are equal, and ``auto`` is upright.
    The sides may be in proportion to those of the picture.

    Raises
    ------
    ImageError
        ``label_size`` for a mask of another aspect.
    """
    turns = {UPRIGHT: (view.upright, 1), STORED: (view.stored, view.turn)}
    if own_turn is not None:
        allowed = [(upright_size(view.upright, own_turn), own_turn)]
    else:
        allowed = list(turns.values()) if labels_on == AUTO else [turns[labels_on]]
    for picture, turn in allowed:
        if picture == size:
            return MaskPlacement(turn)
    for picture, turn in allowed:
        if _has_aspect(size, picture):
            return MaskPlacement(
                turn, f"a mask of {_text(size)} pixels for a picture of {_text(picture)}: scaled to it"
            )
    expected = " or ".join(dict.fromkeys(_text(picture) for picture, _ in allowed))
    turned = f", which its own EXIF orientation {own_turn} turns," if own_turn is not None else ""
    raise ImageError(
        "label_size",
        f"a mask of {_text(size)} pixels{turned} for a picture of {expected} pixels{_how(labels_on, own_turn)}: "
        "expected the same size, or the same aspect",
    )


def _how(labels_on: str, own_turn: int | None) -> str:
    """Return which picture a size is of, where that was stated."""
    return "" if own_turn is not None or labels_on == AUTO else f" {labels_on}"


def _has_aspect(size: tuple[int, int], picture: tuple[int, int]) -> bool:
    """Return whether the sides of a mask are in proportion to those of a picture, but for few pixels."""
    for one, other in (size, picture), (size[::-1], picture[::-1]):
        expected = one[0] * other[1] / other[0]  # the second side, in pixels of the mask
        off = abs(one[1] - expected)
        share = off * _LEAST_SHARE / max(one[1], expected)
        if off >= 1 and (off > _MOST_OFF * max(1, one[0] / other[0]) or share > 1):
            return False
    return True


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def taken_pixels(view: View, size: tuple[int, int], resample: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the columns and the rows of an upright mask that become those of the picture on its output.

    Parameters
    ----------
    view
        Of the picture.
    size
        Width and height of the upright mask, in pixels.
    resample
        As in :class:`~icsys.options.Options`. ``skip`` takes the pixels that the picture takes, the others those at the
        centres of the areas that are averaged.

    Returns
    -------
    columns, rows
        Shapes (width,) and (height,) of the picture on the canvas.
    """
    centres = _skipped(view) if resample == "skip" else [(one[:-1] + one[1:]) / 2 for one in view.plan.edges]
    taken = []
    for centre, side, length in zip(centres, size, view.upright, strict=True):
        at = np.floor(centre * (side / length) + _ROUNDING) if side != length else np.floor(centre + _ROUNDING)
        taken.append(np.clip(at.astype(np.intp), 0, side - 1))
    return taken[0], taken[1]


def _skipped(view: View) -> list[NDArray[Any]]:
    """Return the centres of the pixels that :func:`~icsys.image.resize.pick_pixels` takes."""
    plan, found = view.plan, []
    left, top, right, bottom = plan.box
    for length, first, last, count in zip(view.upright, (left, top), (right, bottom), plan.size, strict=True):
        if plan.step is not None:
            places = np.arange(0, length, plan.step)
        else:  # Pillow rounds in its own way, so it is what picks
            line = Image.fromarray(np.arange(length, dtype=np.int32)[np.newaxis])
            places = np.asarray(line.resize((count, 1), Image.Resampling.NEAREST, (first, 0, last, 1)))[0]
        found.append(places + 0.5)
    return found


def upright_values(values: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return a view of stored pixels, shape (H, W) or (H, W, channels), that is upright."""
    if turn >= 5:  # noqa: PLR2004 - EXIF orientations whose rows are columns
        values = values.swapaxes(0, 1)
    if turn in {2, 3, 6, 7}:
        values = values[:, ::-1]
    return values[::-1] if turn in {3, 4, 7, 8} else values
