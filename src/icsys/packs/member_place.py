"""Where a file lies in a pack."""

from __future__ import annotations

from typing import NamedTuple


class MemberPlace(NamedTuple):
    """A file in a pack: its name there, where its bytes begin, and how many they are."""

    name: str
    begin: int
    size: int
