"""Sentences about what was found: those about many folders that are alike become one."""

from __future__ import annotations

from typing import NamedTuple

_NAMED = 3


class _Group(NamedTuple):
    folders: list[str]
    counts: list[int]


class Notes:
    """Sentences about files, one for each kind of finding; each names a few folders, and counts the rest.

    Examples
    --------
    >>> notes = Notes()
    >>> for folder in ("gt/a", "gt/b", "gt/c", "gt/d"):
    ...     notes.add(folder, 2, "{count} masks in {folders}")
    >>> notes.sentences()
    ('8 masks in gt/a, gt/b, gt/c and 1 more folder',)
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add(self, folder: str, count: int, text: str) -> None:
        """Add a finding about ``count`` files in a folder; ``text`` has the fields ``{count}`` and ``{folders}``."""
        group = self._groups.setdefault(text, _Group([], []))
        group.folders.append(folder or ".")
        group.counts.append(count)

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences."""
        return tuple(
            text.replace("{count}", str(sum(group.counts))).replace("{folders}", _listed(group.folders))
            for text, group in self._groups.items()
        )


def _listed(folders: list[str]) -> str:
    shown, more = ", ".join(folders[:_NAMED]), len(folders) - _NAMED
    return f"{shown} and {more} more folder{'s' * (more > 1)}" if more > 0 else shown
