"""Whether a path that the page names leads into a folder that the studio has opened, and where it is read there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from icsys.files.held_folder import RootFolder
from icsys.files.rooted_path import RootedPath


def lies_in(path: str, folder: str) -> bool:
    """Return whether a path leads into a folder that exists, with all links followed; no text is refused."""
    return place_below(path, folder) is not None


def place_below(path: str, folder: str) -> RootedPath | None:
    """Return where a path leads, with all links followed, if it lies in a folder that exists; None otherwise.

    What is read there follows no link that takes the place of a file or folder later.
    """
    try:
        if _is_on_other_drive(path, folder):
            return None
        top = Path(folder).resolve(strict=True)
        return RootedPath(RootFolder(str(top)), Path(path).resolve().relative_to(top).parts)
    except (OSError, ValueError, RuntimeError):  # no such folder, no name of a file, or links in a circle
        return None


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
