"""What a resize takes of a stored JPEG: planned once for all photos of one size, because a dataset has few sizes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from icsys.image.area_average import Areas
from icsys.image.geometry import plan_resize, stored_edges, upright_size
from icsys.image.jpeg.decoder import shrink_for

if TYPE_CHECKING:
    from icsys.image.area_average import Edges
    from icsys.image.geometry import ResizePlan, ResizeSettings

_MOST = 64  # a few hundred kilobytes for photos of megapixels


class JpegReduction(NamedTuple):
    """How a stored JPEG becomes smaller.

    Attributes
    ----------
    plan
        The plan for the upright image.
    upright
        Width and height of the upright image.
    shrink
        Factor by which the decoder scales each side down.
    edges
        See :func:`~icsys.image.geometry.stored_edges`.
    averaged
        Whether decoded pixels are averaged, or kept as they are; otherwise they are resampled in another way.
    areas
        What they are averaged over; None if they are not.
    """

    plan: ResizePlan
    upright: tuple[int, int]
    shrink: int
    edges: tuple[Edges, Edges]
    averaged: bool
    areas: Areas | None


@lru_cache(maxsize=_MOST)
def reduction_of(stored: tuple[int, int], turn: int, settings: ResizeSettings) -> JpegReduction:
    """Plan the resize of photos.

    Parameters
    ----------
    stored
        Width and height in the header, in pixels.
    turn
        EXIF orientation, 1 to 8.
    """
    upright = upright_size(stored, turn)
    plan = plan_resize(*upright, settings)
    shrink = shrink_for(stored, plan, settings.resample)
    edges = stored_edges(plan, stored, turn, shrink)
    averaged = settings.resample == "box" and not plan.enlarges
    size = tuple(-(-side // shrink) for side in stored)
    areas = Areas(*edges, size) if averaged and not plan.changes_nothing else None
    return JpegReduction(plan, upright, shrink, edges, averaged, areas)
