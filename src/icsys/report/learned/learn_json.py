"""The file of results of ``ics learn``: JSON, which ``ics compress --from-learn`` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.files.atomic import write_json
from icsys.files.locations import disk_path
from icsys.files.parsing import read_json
from icsys.files.replaceable import check_replaceable
from icsys.files.reserved_names import refusing_links
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
    check_replaceable(disk_path(path, "out", "file"), "out", "ics learn", _is_ours)


def _is_ours(file: RootedPath) -> bool:
    try:
        values = read_json(file)
    except ValueError:
        return False
    return isinstance(values, dict) and values.keys() >= _KEYS


def learned_values(learned: Learned) -> dict[str, Any]:
    """Return the values of the file, and of ``ics learn --json``."""
    return {"version": __version__, **learned.to_dict()}
