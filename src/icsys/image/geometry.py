"""Plan a resize before decoding: the output size, and the source pixels of each output pixel."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.options import Options

# EXIF orientations whose upright width is the stored height.
_SIDEWAYS = frozenset({5, 6, 7, 8})
# EXIF orientations whose upright columns, or rows, run backwards along the stored axis.
_COLUMNS_REVERSED = frozenset({2, 3, 6, 7})
_ROWS_REVERSED = frozenset({3, 4, 7, 8})
_ROUNDING = 1e-6  # of sides that are computed from a ratio
BAND_PIXELS = 1 << 18
"""Pixels of a band of rows: pictures are worked on band by band, to avoid a second copy of the whole."""


class ResizeSettings(NamedTuple):
    """The options that decide a resize, without the many that do not; see :class:`~icsys.options.Options`."""

    step: int | None
    scale: float | None
    final_size: tuple[int, int] | None
    fit: str
    enlarge: bool
    resample: str

    @classmethod
    def of(cls, options: Options) -> ResizeSettings:
        """Return those of ``options``."""
        return cls(options.step, options.scale, options.final_size, options.fit, options.enlarge, options.resample)


class ResizePlan(NamedTuple):
    """The plan of one resize, for an upright image.

    Parameters
    ----------
    box
        Left, top, right and bottom of the part that is read, in pixels of the source.
    size
        Width and height that this part becomes.
    canvas
        Width and height of the result.
    offset
        Left and top of the part on the canvas; the rest of the canvas is background.
    step
        N if every output pixel is one N by N block counted from the top left, smaller at the right and bottom edges;
        None if the box is stretched over the size.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    canvas: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    step: int | None = None

    @property
    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where output columns and output rows begin and end, in pixels of the upright source."""
        left, top, right, bottom = self.box
        width, height = self.size
        if self.step is not None:
            x, y = (np.minimum(self.step * np.arange(n + 1.0), end) for n, end in ((width, right), (height, bottom)))
            return x, y
        return np.linspace(left, right, width + 1), np.linspace(top, bottom, height + 1)

    @property
    def changes_nothing(self) -> bool:
        """Whether the size and the place of every pixel stay."""
        return self.size == self.canvas and self.box == (0, 0, *self.size)

    @property
    def enlarges(self) -> bool:
        """Whether a side gets longer."""
        left, top, right, bottom = self.box
        return self.size[0] > right - left + _ROUNDING or self.size[1] > bottom - top + _ROUNDING

    @property
    def reduction(self) -> float:
        """Source pixels per output pixel, along the side where they are fewer."""
        if self.step is not None:
            return self.step
        left, top, right, bottom = self.box
        return min((right - left) / self.size[0], (bottom - top) / self.size[1])


def unchanged(width: int, height: int) -> ResizePlan:
    """Return the plan that changes nothing."""
    return ResizePlan((0, 0, width, height), (width, height), (width, height))


def plan_resize(width: int, height: int, options: Options | ResizeSettings) -> ResizePlan:
    """Return the plan of ``options`` for an upright image of ``width`` by ``height`` pixels.

    ``step`` N gives ceil(width/N) by ceil(height/N), ``scale`` the rounded product, both at least 1.
    ``size`` with ``contain`` fits the whole image inside, ``cover`` fills the size and crops to
    the middle, ``stretch`` ignores the aspect, ``pad`` centres the contained image on the background.
    An image that is smaller than the size is enlarged with ``enlarge``, and by ``stretch``. Otherwise ``contain`` keeps
    it, ``cover`` and ``pad`` surround it with background.
    """
    whole = (0.0, 0.0, float(width), float(height))
    if options.step is not None:
        size = (math.ceil(width / options.step), math.ceil(height / options.step))
        return ResizePlan(whole, size, size, step=options.step)
    if options.scale is not None:
        size = (max(1, round(width * options.scale)), max(1, round(height * options.scale)))
        return ResizePlan(whole, size, size)
    wanted = options.final_size
    if wanted is None:  # pragma: no cover - Options always set one of the three
        raise UsageError("expected one of step, scale and size")
    if options.fit == "stretch":
        return ResizePlan(whole, wanted, wanted)
    if options.fit == "cover":
        return _plan_cover(width, height, wanted, enlarge=options.enlarge)
    ratio = min(wanted[0] / width, wanted[1] / height)
    ratio = ratio if options.enlarge else min(ratio, 1.0)
    size = (
        min(wanted[0], max(1, round(width * ratio))),
        min(wanted[1], max(1, round(height * ratio))),
    )
    if options.fit == "contain":
        return ResizePlan(whole, size, size)
    return ResizePlan(whole, size, wanted, _centred(size, wanted))


def is_smaller(width: int, height: int, options: Options) -> bool:
    """Return whether an upright image of ``width`` by ``height`` pixels would have to be enlarged for ``size``.

    For ``contain`` and ``pad`` both sides are shorter than the size, for ``cover`` and ``stretch`` one is enough.
    """
    wanted = options.final_size
    if wanted is None:
        return False
    shorter = (width < wanted[0], height < wanted[1])
    return all(shorter) if options.fit in {"contain", "pad"} else any(shorter)


def _plan_cover(width: int, height: int, wanted: tuple[int, int], *, enlarge: bool) -> ResizePlan:
    """Plan a scaled crop from the middle; without enlarging, the crop may leave background around it."""
    ratio = max(wanted[0] / width, wanted[1] / height)
    ratio = ratio if enlarge else min(ratio, 1.0)
    size = (min(wanted[0], max(1, round(width * ratio))), min(wanted[1], max(1, round(height * ratio))))
    part = (min(float(width), size[0] / ratio), min(float(height), size[1] / ratio))
    left, top = (width - part[0]) / 2, (height - part[1]) / 2
    if ratio == 1.0:  # whole pixels, so that nothing is resampled
        left, top = float(int(left)), float(int(top))
    box = (left, top, min(float(width), left + part[0]), min(float(height), top + part[1]))
    return ResizePlan(box, size, wanted, _centred(size, wanted))


def _centred(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Return the left and top of ``size`` in the middle of ``canvas``."""
    return (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2


def row_bands(width: int, height: int) -> list[tuple[int, int]]:
    """Return the first row of each band of a picture and the row after the band, from the top.

    Examples
    --------
    >>> row_bands(1 << 17, 5)
    [(0, 2), (2, 4), (4, 5)]
    """
    rows = max(1, BAND_PIXELS // width)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def upright_size(stored: tuple[int, int], turn: int) -> tuple[int, int]:
    """Return the upright width and height of an image stored with EXIF orientation ``turn``."""
    return stored[::-1] if turn in _SIDEWAYS else stored


@lru_cache(maxsize=64)  # a dataset has few sizes
def stored_edges(
    plan: ResizePlan, stored: tuple[int, int], turn: int = 1, shrink: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where output columns and rows begin and end in the stored image, before it is turned upright.

    Parameters
    ----------
    plan
        Plan for the upright image.
    stored
        Width and height as stored, in pixels.
    turn
        EXIF orientation, 1 to 8, that makes it upright.
    shrink
        Stored pixels per decoded pixel along each side, above 1 if the JPEG decoder has scaled the picture down.

    Returns
    -------
    x, y
        Rising, in decoded pixels, along the stored width and height; read-only.
    """
    x, y = plan.edges
    upright = upright_size(stored, turn)
    if turn in _COLUMNS_REVERSED:
        x = (upright[0] - x)[::-1]
    if turn in _ROWS_REVERSED:
        y = (upright[1] - y)[::-1]
    if turn in _SIDEWAYS:
        x, y = y, x
    x, y = x / shrink, y / shrink
    x.flags.writeable = y.flags.writeable = False
    return x, y


def decoder_shrink(plan: ResizePlan, resample: str) -> int:
    """Return how far a JPEG decoder may scale down, 1, 2, 4 or 8, and still leave pixels enough for the resize.

    For ``box`` and a step that 2, 4 or 8 divides, the decoder leaves at least 2 by 2 pixels of each block to
    average; for another step from 5 up, and for sizes, at least 1.25 by 1.25. Three is averaged from full size,
    as fast as from a half. ``lanczos`` gets twice the pixels it makes, ``skip`` every pixel.
    """
    if resample == "skip" or (resample == "box" and plan.step == 3):  # noqa: PLR2004 - see above
        return 1
    if resample == "box" and plan.step is not None and plan.step % 2 == 0:
        return next(s for s in (8, 4, 2, 1) if plan.step % s == 0 and plan.step >= 2 * s)
    margin = 1.25 if resample == "box" else 2.0
    return next((s for s in (8, 4, 2) if s * margin <= plan.reduction), 1)
