"""Faults: what can be wrong with a file below an output folder."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Finding(Enum):
    """Kind of fault: the file is missing, was changed, or is not from ICS."""

    MISSING = "missing"
    CHANGED = "changed"
    FOREIGN = "foreign"


class Fault(NamedTuple):
    """A fault, with the name of its file below the output folder."""

    finding: Finding
    name: str
