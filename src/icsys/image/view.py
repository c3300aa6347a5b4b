"""The view of one image: where each point of its source lies in its output, for masks and annotations."""

from __future__ import annotations

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
    """

    plan: ResizePlan
    stored: tuple[int, int]
    turn: int = 1

    @classmethod
    def of(cls, stored: tuple[int, int], turn: int, options: Options | ResizeSettings) -> View:
        """Return the view of an image with a stored size and an EXIF orientation."""
        return cls(plan_resize(*upright_size(stored, turn), options), stored, turn)

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
        (left, top, right, bottom), (x, y), step = self.plan.box, self.plan.offset, self.plan.step
        width, height = self.plan.size if step is None else ((right - left) / step, (bottom - top) / step)
        return x, y, x + width, y + height

    def matrix(self, on: str = UPRIGHT) -> NDArray[np.float64]:
        """Return the affine map from points of the source to points of the output.

        Parameters
        ----------
        on
            ``upright`` or ``stored``: which picture the points lie on.

        Returns
        -------
        numpy.ndarray
            Shape (2, 3), float64: (x, y) of the output is ``matrix @ (x, y, 1)``.
        """
        left, top, right, bottom = self.plan.box
        x0, y0, x1, y1 = self.rectangle
        scale_x, scale_y = (x1 - x0) / (right - left), (y1 - y0) / (bottom - top)
        placed = np.array([[scale_x, 0, x0 - left * scale_x], [0, scale_y, y0 - top * scale_y], [0, 0, 1]])
        if on == STORED and self.turn != 1:
            width, height = self.stored
            to_unit = np.diag([1 / width, 1 / height, 1])
            from_unit = np.diag([*map(float, self.upright), 1])
            placed = placed @ from_unit @ np.array([*_TURNS[self.turn], (0, 0, 1)]) @ to_unit
        return placed[:2]

    def map(self, points: NDArray[np.float64], on: str = UPRIGHT) -> NDArray[np.float64]:
        """Map points, shape (N, 2), of the source to points of the output; they may lie outside it.

        Parameters
        ----------
        on
            As for :meth:`matrix`.
        """
        matrix = self.matrix(on)
        return points @ matrix[:, :2].T + matrix[:, 2]


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
