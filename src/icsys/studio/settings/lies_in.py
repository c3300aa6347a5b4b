"""Whether a path that the page names leads into a folder that the studio has opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def lies_in(path: str, folder: str) -> bool:
    """Return whether a path leads into a folder that exists, with all links followed; no text is refused."""
    try:
        if _is_on_other_drive(path, folder):
            return False
        return Path(path).resolve().is_relative_to(Path(folder).resolve(strict=True))
    except (OSError, ValueError, RuntimeError):  # no such folder, no name of a file, or links in a circle
        return False


def _is_on_other_drive(path: str, folder: str, paths: Any = os.path) -> bool:  # noqa: ANN401 - ntpath or posixpath
    r"""Return whether two paths begin with different drives: neither is looked up.

    To look at ``\\machine\share``, Windows would send that machine the credentials of the user.

    Examples
    --------
    >>> import ntpath
    >>> [_is_on_other_drive(path, "c:/photos", ntpath) for path in ("C:\\photos\\a", "\\\\box\\a", "//box/a", "D:a")]
    [False, True, True, True]
    """
    whole, top = (paths.splitdrive(paths.normcase(paths.abspath(one)))[0] for one in (path, folder))
    return bool(whole != top)
