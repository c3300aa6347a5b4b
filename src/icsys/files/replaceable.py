"""Check that a file which the user names may be written: nothing is there, or an older file of the same kind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.links import is_link
from icsys.files.relative_names import is_below
from icsys.files.rooted_path import rooted_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.files.rooted_path import RootedPath


def check_replaceable(path: Path | RootedPath, what: str, writer: str, is_ours: Callable[[RootedPath], bool]) -> None:
    """Refuse a path that holds anything but an older file of the same kind.

    Parameters
    ----------
    path
        Where the file is to be written.
    what, writer
        What it is called in messages, such as ``report``, and what writes such files, such as ``ics learn``.
    is_ours
        Whether the file that is there is one of them; an OSError is a refusal, too.

    Raises
    ------
    UsageError
        If another file is there, or the folder does not exist.
    """
    shown = f"{what} {str(path)!r}"
    if isinstance(path, Path) and (not is_below(path.name) or not path.parent.is_dir()):
        raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
    place = rooted_file(path)
    try:
        found = place.status()
        if found is not None and is_link(found):
            raise UsageError(f"{shown} is a link, which ics does not follow: move it away first, or name another file")
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
        is_free = found is None or is_ours(place)
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror or error}: expected another name") from None
    if not is_free:
        raise UsageError(f"{shown} is a file that {writer} did not write: expected another name")
