"""Which files of the user's options may be read: those in the folders that were opened, and those named with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.url import is_url
from icsys.studio.settings.lies_in import place_below

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.files.rooted_path import RootedPath

_LEARNED = "learn*.json"
_MOST_FILES = 20


def is_in_opened(name: str, roots: Sequence[str]) -> bool:
    """Return whether a file lies in an opened folder, with all links followed.

    Parameters
    ----------
    roots
        The source and the destination that were named on the command line.
    """
    return opened_place(name, roots) is not None


def opened_place(name: str, roots: Sequence[str]) -> RootedPath | None:
    """Return where a file in an opened folder is read, without a link on the way; None if it lies in none of them."""
    places = (place_below(name, root) for root in roots if root and not is_url(root))
    return next((place for place in places if place is not None), None)


def learned_files(roots: Sequence[str]) -> Iterator[Path]:
    """Yield the files in the opened folders that have the names of files of ``ics learn``, each once."""
    seen = set()
    for root in roots:
        if not root or is_url(root):
            continue
        try:
            found = sorted(Path(root).resolve().glob(_LEARNED))
        except (OSError, ValueError, RuntimeError):
            continue
        for path in found[:_MOST_FILES]:
            if path not in seen and path.is_file() and is_in_opened(str(path), roots):
                seen.add(path)
                yield path
