"""What can be wrong with something that lies below an output folder."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Finding(Enum):
    """What is wrong: it is not there, is not as it was written, or was not written by ICS."""

    MISSING = "missing"
    CHANGED = "changed"
    FOREIGN = "foreign"


class Fault(NamedTuple):
    """What is wrong with what has a name below the output folder."""

    finding: Finding
    name: str
