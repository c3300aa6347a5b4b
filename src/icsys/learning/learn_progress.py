"""``LearnProgress``: how far ``learn`` is, as plain data."""

from __future__ import annotations

from typing import NamedTuple


class LearnProgress(NamedTuple):
    """How far ``learn`` is.

    Attributes
    ----------
    done, total
        Work done in this step, and all that it has to do; None until that is known.
    note
        The step, in a few words.
    seconds_left
        About how long all of it will still take; None until that is known.
    message
        A sentence for the user, once; empty otherwise.
    """

    done: int
    total: int | None
    note: str
    seconds_left: float | None = None
    message: str = ""
