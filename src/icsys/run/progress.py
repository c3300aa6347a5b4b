"""How far a run has come: plain data for whatever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icsys.results import Result, RunSummary

INTERRUPTED_TEXT = "interrupted"
"""What :attr:`RunSummary.stopped` says of a run that was told to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes
    ----------
    result
        The image that was just done; None for the first call, before any is.
    summary
        The counts so far.
    total
        Images there are, skipped ones included; None until they are counted.
    note
        What goes on where no image does, in a few words.
    notice
        What is worth telling once, in a sentence, such as where a cluster can be watched.
    looked_at
        Images whose colours a first pass has looked at, of those that share a palette; None in the second pass, and
        where there is only one.
    """

    result: Result | None
    summary: RunSummary
    total: int | None
    note: str = ""
    notice: str = ""
    looked_at: int | None = None
