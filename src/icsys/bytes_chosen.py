"""``BytesChosen``: what was chosen so that all images together take at most a number of bytes, as plain data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesChosen:
    """What ``total_bytes`` chose, and why.

    Attributes
    ----------
    total_bytes
        The most bytes that all images together may take.
    bytes
        Exact bytes of all images in the destination, those of earlier runs included; of a dry run, what they would be.
    chosen
        The options that were chosen, as those of the command.
    why
        The reason, as part of a sentence.
    is_largest
        Whether everything fits at the largest setting.
    runs
        Number of runs over all images that it took.
    options
        All options of the last run, as plain values.
    """

    total_bytes: int
    bytes: int
    chosen: str
    why: str
    is_largest: bool
    runs: int
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The share of the bytes that is taken, at most 1."""
        return self.bytes / self.total_bytes

    def __str__(self) -> str:
        end = ""
        if self.is_largest:
            end = "; a larger setting is not asked for"
        elif self.share < 0.95:  # noqa: PLR2004 - the share that is enough
            end = "; the next larger setting would exceed them"
        return f"{self.chosen}: {self.why}. All images take {self.bytes:,} of {self.total_bytes:,} bytes{end}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dataclasses.asdict(self)
