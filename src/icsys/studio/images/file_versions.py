"""Versions of files: what tells that a photo is another one by now, by which a run recognises it, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError
from icsys.files.url import is_url
from icsys.sources.archives.archive_items import ArchivePlace

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.sources.base import Source, Task


class ReadFile(NamedTuple):
    """The bytes of a file, and their version."""

    data: bytes
    version: str


class Versions:
    """The versions of the files that were looked at.

    Parameters
    ----------
    on_change
        Called when a file has another version than before.
    """

    def __init__(self, on_change: Callable[[], object]) -> None:
        self._on_change = on_change
        self._known: dict[int, str] = {}

    def note(self, number: int, version: str) -> None:
        """Take the version of the file of an image; an empty text if it is gone."""
        before = self._known.get(number, version)
        self._known[number] = version
        if before != version:
            self._on_change()

    def known(self) -> list[int]:
        """Return the numbers of the images whose files were looked at."""
        return list(self._known)


def version_of_file(path: Path | str) -> str:
    """Return the version of a file that an option names; an empty text if it cannot be looked at."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ""
    return version_text(found.st_size, found.st_mtime_ns)


def version_of(source: Source, task: Task) -> str:
    """Return the version of the file of an image; errors as of :meth:`ImageList.version`."""
    place = task.place
    if place is not None:
        if isinstance(place, ArchivePlace) and not is_url(source.shown):
            _check_archive(place)
        return version_text(place.size, place.mtime_ns)  # of the list: a server would be asked for each photo
    try:
        return version_text(*source.stat(task))
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("changed", "the file has vanished since it was listed") from None


def tells_versions(source: Source) -> bool:
    """Return whether a new list of the source tells which files have changed: that of an object store does."""
    return bool(getattr(source, "tells_versions", False))


def _check_archive(place: ArchivePlace) -> None:
    """Refuse an archive that is another one by now: its list says nothing about what it holds."""
    try:
        is_same = Path(place.file).stat().st_mtime_ns == place.mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("changed", "the archive has vanished since it was listed") from None
    if not is_same:
        raise ImageError("changed", "the archive has changed since it was listed: open the studio again")


def version_text(size: int | None, mtime_ns: int | None) -> str:
    """Return the version of a file of a size, in bytes, and a time.

    Examples
    --------
    >>> version_text(1200, 1500000000000000000)
    '1200-1500000000000000000'
    """
    return f"{size}-{mtime_ns}"
