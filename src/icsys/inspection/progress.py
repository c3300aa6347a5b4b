"""``InspectionProgress``: how far an inspection is, as plain data."""

from __future__ import annotations

from typing import NamedTuple


class InspectionProgress(NamedTuple):
    """How far an inspection is.

    Attributes
    ----------
    done, total
        Images done in this step, and all that it has to do; None until they are counted.
    note
        The step, in a few words.
    """

    done: int
    total: int | None
    note: str
