"""The view of one image: where each point of its source lies in its output, for masks and annotations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.choices import AUTO
from icsys.errors import ImageError
from icsys.image.geometry import ResizePlan, ResizeSettings, plan_resize, upright_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.options import Options

__all__ = ["AUTO", "STORED", "UPRIGHT", "View", "drawn_on"]

UPRIGHT, STORED = "upright", "stored"
"""Which picture labels were drawn on: turned by EXIF, or as stored; with AUTO whichever the sizes tell."""

_ROUNDING = 1e-9  # source pixels, of a turn
# From points of the stored picture, of unit size, to points of the upright one, by EXIF orientation: x and y of the
# upright picture as rows of factors of x, of y, and of 1.
_TURNS = {
    1: ((1, 0, 0), (0, 1, 0)),
    2: ((-1, 0, 1), (0, 1, 0)),
    3: ((-1, 0, 1), (0, -1, 1)),
    4: ((1, 0, 0), (0, -1, 1)),
    5: ((0, 1, 0), (1, 0, 0)),
    6: ((0, -1, 1), (1, 0, 0)),
    7: ((0, -1, 1), (-1, 0, 1)),
    8: ((0, 1, 0), (-1, 0, 1)),
}


class View(NamedTuple):
    """How the source of an image becomes its output: turned upright, cropped, resized, and placed on a canvas.

    Points are continuous: pixel (0, 0) covers x and y from 0 to 1.

    Attributes
    ----------
    plan
        The resize of the upright picture.
    stored
        Width and height as stored, in pixels.
    turn
        EXIF orientation, 1 to 8.
    skips
        Whether a step takes one pixel of each block, and not their mean.
    """

    plan: ResizePlan
    stored: tuple[int, int]
    turn: int = 1
    skips: bool = False

    @classmethod
    def of(cls, stored: tuple[int, int], turn: int, options: Options | ResizeSettings) -> View:
        """Return the view of an image with a stored size and an EXIF orientation."""
        plan = plan_resize(*upright_size(stored, turn), options)
        return cls(plan, stored, turn, plan.step is not None and options.resample == "skip")

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the upright source, in pixels."""
        return upright_size(self.stored, self.turn)

    @property
    def output(self) -> tuple[int, int]:
        """Width and height of the output, in pixels."""
        return self.plan.canvas

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the picture on the canvas of the output; around it is background."""
        (x, y), (width, height) = self.plan.offset, self.plan.size
        return x, y, x + width, y + height

    def matrix(self, on: str = UPRIGHT) -> NDArray[np.float64]:
        """Return the affine map from points of the source to points of the output.

        With a step it is that of whole blocks; :meth:`map` also takes the shorter blocks at the edges into account.

        Parameters
        ----------
        on
            ``upright`` or ``stored``: which picture the points lie on.

        Returns
        -------
        numpy.ndarray
            Shape (2, 3), float64: (x, y) of the output is ``matrix @ (x, y, 1)``.
        """
        (left, top, right, bottom), step = self.plan.box, self.plan.step
        x0, y0, x1, y1 = self.rectangle
        if step is None:
            scale_x, scale_y = (x1 - x0) / (right - left), (y1 - y0) / (bottom - top)
            placed = np.array([[scale_x, 0, x0 - left * scale_x], [0, scale_y, y0 - top * scale_y], [0, 0, 1]])
        else:
            shift = _skip_shift(step) if self.skips else 0.0
            placed = np.array([[1 / step, 0, shift], [0, 1 / step, shift], [0, 0, 1]])
        return (placed @ self._turned(on))[:2]

    def _turned(self, on: str) -> NDArray[np.float64]:
        """Return the affine map from points of the source to points of the upright source, shape (3, 3)."""
        if on != STORED or self.turn == 1:
            return np.eye(3)
        width, height = self.stored
        to_unit = np.diag([1 / width, 1 / height, 1])
        from_unit = np.diag([*map(float, self.upright), 1])
        return from_unit @ np.array([*_TURNS[self.turn], (0, 0, 1)]) @ to_unit

    def map(self, points: NDArray[np.float64], on: str = UPRIGHT) -> NDArray[np.float64]:
        """Map points, shape (N, 2), of the source to points of the output; they may lie outside it.

        Parameters
        ----------
        on
            As for :meth:`matrix`.
        """
        step = self.plan.step
        matrix = self.matrix(on) if step is None else self._turned(on)[:2]
        mapped = points @ matrix[:, :2].T + matrix[:, 2]
        if step is None:
            return mapped
        sides = zip(mapped.T, self.upright, strict=True)
        return np.column_stack([_in_blocks(values, length, step, skips=self.skips) for values, length in sides])


def _skip_shift(step: int) -> float:
    """Return how far the centre of a block lies behind the pixel that is taken of it, in output pixels."""
    return (step - 1) / (2 * step)


def _in_blocks(values: NDArray[np.float64], length: int, step: int, *, skips: bool) -> NDArray[np.float64]:
    """Return where places along a side of ``length`` source pixels lie in the output, in pixels.

    The edges of the picture stay edges. The mean of a shorter last block fills a whole pixel.
    """
    count = math.ceil(length / step)
    inside, beyond = values / step, count + (values - length) / step
    if skips:
        inside = np.minimum(inside + _skip_shift(step), count)
        inside = np.where(values <= _ROUNDING, values / step, inside)
    else:
        last = step * (count - 1)
        inside = np.where(values > last, count - 1 + (values - last) / (length - last), inside)
    return np.where(values >= length - _ROUNDING, beyond, inside)


def drawn_on(view: View, stated: tuple[int, int] | None, on: str) -> str:
    """Return which picture labels were drawn on, ``upright`` or ``stored``.

    Parameters
    ----------
    stated
        Width and height of the picture that the labels state, in pixels; None if they state none.
    on
        ``auto``, ``upright`` or ``stored``. Where ``auto`` cannot tell, it is upright.

    Raises
    ------
    ImageError
        ``label_size`` if the stated size contradicts the picture or ``on``.
    """
    sizes = {UPRIGHT: view.upright, STORED: view.stored}
    if stated is None:
        return UPRIGHT if on == AUTO else on
    wanted = (UPRIGHT, STORED) if on == AUTO else (on,)
    for one in wanted:
        if sizes[one] == stated:
            return one
    has = " or ".join(dict.fromkeys(f"{sizes[one][0]}x{sizes[one][1]}" for one in wanted))
    how = "" if on == AUTO else f" {on}"
    raise ImageError(
        "label_size", f"the labels state a picture of {stated[0]}x{stated[1]} pixels, but it has {has}{how}"
    )
