"""Which files of the user's options may be read: those in the folders that were opened, and those named with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.url import is_url
from icsys.studio.settings.lies_in import lies_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LEARNED = "learn*.json"
_MOST_FILES = 20


def is_in_opened(name: str, roots: Sequence[str]) -> bool:
    """Return whether a file lies in an opened folder, with all links followed.

    Parameters
    ----------
    roots
        The source and the destination that were named on the command line.
    """
    return any(lies_in(name, root) for root in roots if root and not is_url(root))


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
