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
    ...     notes.add(folder, 2, "{count} mask{s} in {folders}")
    >>> notes.sentences()
    ('8 masks in gt/a, gt/b, gt/c and 1 more',)
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add(self, folder: str, count: int, text: str) -> None:
        """Add a finding about files of a folder.

        Parameters
        ----------
        count
            Number of the files.
        text
            The sentence, with the fields ``{count}``, ``{s}`` (of the plural) and ``{folders}``.
        """
        group = self._groups.setdefault(text, _Group([], []))
        group.folders.append(folder or ".")
        group.counts.append(count)

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences."""
        return tuple(_filled(text, sum(group.counts), _listed(group.folders)) for text, group in self._groups.items())


def _filled(text: str, count: int, folders: str) -> str:
    plural = text.replace("{s}", "" if count == 1 else "s")
    return plural.replace("{count}", str(count)).replace("{folders}", folders)


def _listed(folders: list[str]) -> str:
    shown, more = ", ".join(folders[:_NAMED]), len(folders) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
