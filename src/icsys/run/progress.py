"""``Progress``: how far a run is, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icsys.results import Result
    from icsys.summary import RunSummary

INTERRUPTED_TEXT = "interrupted"
"""Value of :attr:`RunSummary.stopped` when the caller has stopped the run."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    result
        The image that was just done; None if there is none, as in the first call.
    summary
        The counts so far.
    total
        Number of images, skipped ones included; None until they are counted.
    note
        Work other than an image, in a few words, such as "Listing".
    notice
        A sentence to show once, such as the address of a cluster's dashboard.
    looked_at
        Images whose colours are counted, in the first of two passes of a run with shared palettes; None in all other
        passes.
    """

    result: Result | None
    summary: RunSummary
    total: int | None
    note: str = ""
    notice: str = ""
    looked_at: int | None = None
