"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

OURS = ".ics-"
"""How the names of files begin that ICS keeps for itself."""

_SUFFIX = ".tmp"
_MOUNT_POINT = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT, by which Windows marks what its users call a junction


def write_whole(path: Path, data: bytes | Iterable[bytes], *, mark: str = "") -> None:
    """Write ``data`` as :func:`whole_file` does."""
    with whole_file(path, mark=mark) as file:
        file.writelines((data,) if isinstance(data, bytes) else data)


@contextlib.contextmanager
def whole_file(path: Path, *, mark: str = "") -> Iterator[BinaryIO]:
    """Write a file whole or not at all, and onto the disk: a temporary file beside it takes its place once complete.

    The name itself is on the disk for certain after :func:`sync_folder`; until then a power cut may bring back what
    was there before, never a part of what was written. ``mark`` tells the temporary files of runs apart that fill one
    folder side by side.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then, and an older ``path`` stays as it was.
    """
    # Short and random: it fits beside a name of any length, and no two runs meet in it.
    temporary = f"{path.parent}{os.sep}{OURS}{mark}{os.urandom(8).hex()}{_SUFFIX}"
    try:
        with _new_file(temporary, path.parent) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - a path of its own would take longer than all else here
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _new_file(name: str, folder: Path) -> BinaryIO:
    try:
        return open(name, "xb")  # noqa: PTH123
    except FileNotFoundError:
        make_folders(folder)
        return open(name, "xb")  # noqa: PTH123


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write a table as a JSON file that people can read too, as :func:`write_whole` does."""
    write_whole(path, json.dumps(values, indent=2).encode() + b"\n")


def make_folders(folder: Path) -> None:
    """Make a folder and those that it lies in; Python's own way is recursive, and folders may be nested deeper."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for below in reversed(missing):
        below.mkdir(exist_ok=True)


def is_link(status: os.stat_result) -> bool:
    """Tell by what ``os.lstat`` says whether a path leads to a place elsewhere: as a link, or as a junction of Windows.

    To Python a junction is a folder like any other, and Windows makes some that lead back to where they lie.
    """
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT


def leads_elsewhere(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is a link in a place."""
    try:
        return is_link(os.lstat(path))
    except OSError:
        return False


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder onto the disk, where the system can be asked to."""
    if os.name == "nt":  # Windows opens no folders; NTFS keeps a journal of its own
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, *, mark: str = "") -> None:
    """Remove the temporary files that killed runs have left in a folder, or only those with a mark."""
    ours = OURS + mark
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if entry.name.startswith(ours) and entry.name.endswith(_SUFFIX)]:
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def remove_tree(folder: Path, stop: threading.Event | None = None) -> None:
    """Remove a folder with all that is in it, links not followed; Python's own way is recursive, as above.

    Once ``stop`` is set, what is left stays.
    """
    waiting, emptied = [folder], []
    while waiting:
        below = waiting.pop()
        emptied.append(below)
        with contextlib.suppress(FileNotFoundError), os.scandir(below) as entries:
            for entry in entries:
                if stop is not None and stop.is_set():
                    return
                if entry.is_dir(follow_symlinks=False) and not is_link(entry.stat(follow_symlinks=False)):
                    waiting.append(below / entry.name)
                else:
                    (below / entry.name).unlink()
    for below in reversed(emptied):
        with contextlib.suppress(FileNotFoundError):
            below.rmdir()
