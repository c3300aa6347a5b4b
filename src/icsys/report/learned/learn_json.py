"""The file of results of ``ics learn``: JSON, which ``ics compress --from-learn`` reads."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import write_json
from icsys.files.links import is_link
from icsys.files.parsing import read_json
from icsys.files.relative_names import is_below
from icsys.files.reserved_names import refusing_links
from icsys.files.rooted_path import rooted_file
from icsys.version import __version__

if TYPE_CHECKING:
    import os

    from icsys.files.rooted_path import RootedPath
    from icsys.learning.learned import Learned

_KEYS = {"arms", "recommended", "resolves", "split", "tested"}  # by which such a file is known


@refusing_links()
def write_learn_file(learned: Learned, path: str | os.PathLike[str]) -> None:
    """Write the results of :func:`learn` as JSON, whole or not at all; an older file of results is replaced.

    Raises
    ------
    UsageError
        As :func:`check_learn_file` does.
    """
    check_learn_file(path)
    write_json(Path(path), learned_values(learned))


def check_learn_file(path: str | os.PathLike[str]) -> None:
    """Refuse a path that holds anything but an older file of results.

    Raises
    ------
    UsageError
        If another file is there, or the folder does not exist.
    """
    shown, place = f"out {str(path)!r}", Path(path)
    if not is_below(place.name) or not place.parent.is_dir():
        raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
    file = rooted_file(place)
    try:
        found = file.status()
        if found is not None and is_link(found):
            raise UsageError(f"{shown} is a link, which ics does not follow: move it away first, or name another file")
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
        is_ours = found is None or _is_ours(file)
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror or error}: expected another name") from None
    if not is_ours:
        raise UsageError(f"{shown} is a file that ics learn did not write: expected another name")


def _is_ours(file: RootedPath) -> bool:
    try:
        values = read_json(file)
    except ValueError:
        return False
    return isinstance(values, dict) and values.keys() >= _KEYS


def learned_values(learned: Learned) -> dict[str, Any]:
    """Return the values of the file, and of ``ics learn --json``."""
    return {"version": __version__, **learned.to_dict()}
