"""Folders held open by a descriptor: their files are opened, renamed and removed by name, and no link is followed.

A descriptor stays with its folder when names change, so a link planted during a run cannot redirect it. Systems without
``dir_fd`` (Windows) use paths instead; :class:`icsys.files.rooted_path.RootedPath` checks these for links before and
after each use.

The functions share three parameters: ``above`` is the descriptor of the folder, or None without ``dir_fd``; ``name`` is
a name in that folder, or a whole path without ``dir_fd``; ``shown`` is the whole path for errors.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from icsys.files.links import LinkError, OtherFolderError, is_link

if TYPE_CHECKING:
    from collections.abc import Callable

_HAS_JUNCTIONS = os.name == "nt"
_HAS_DIR_FD = {os.open, os.stat, os.mkdir, os.unlink, os.rmdir, os.rename} <= os.supports_dir_fd
_ALWAYS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_BELOW = _FOLDER | getattr(os, "O_NOFOLLOW", 0)
_MODES = {
    "rb": os.O_RDONLY,
    "ab": os.O_WRONLY | os.O_APPEND | os.O_CREAT,
    "xb": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "r+b": os.O_RDWR,
    "a+b": os.O_RDWR | os.O_CREAT,
}


class DirectoryEntry(NamedTuple):
    """A name in a folder; a link counts as neither file nor folder."""

    name: str
    is_file: bool
    is_folder: bool


class RootFolder:
    """The folder at the top, opened once: a folder that replaces it later is refused.

    Parameters
    ----------
    path
        An absolute path.
    identity
        Device and inode of the folder that it must be; None for any folder.
    """

    def __init__(self, path: str, identity: tuple[int, int] | None = None) -> None:
        self.path = path
        self.identity = identity
        self._descriptor: int | None = None

    def open(self) -> int | None:
        """Return the descriptor, or None without ``dir_fd``.

        Raises
        ------
        OtherFolderError
            If another folder has replaced it.
        OSError
            If there is no such folder.
        """
        if self._descriptor is None:
            descriptor = os.open(self.path, _FOLDER) if _HAS_DIR_FD else None
            status = os.stat(self.path if descriptor is None else descriptor)  # noqa: PTH116
            if (status.st_dev, status.st_ino) != (self.identity or (status.st_dev, status.st_ino)):
                if descriptor is not None:
                    os.close(descriptor)
                raise OtherFolderError(self.path)
            self.identity = status.st_dev, status.st_ino
            self._descriptor = descriptor
        return self._descriptor

    def __reduce__(self) -> tuple[type[RootFolder], tuple[str, tuple[int, int] | None]]:
        return RootFolder, (self.path, self.identity)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        """Close the folder; at the end of a program the module ``os`` may be gone before."""
        if self._descriptor is not None:
            close(self._descriptor)


class HeldFolder(NamedTuple):
    """A folder held open, for work on many names in it.

    Attributes
    ----------
    place
        Its descriptor, or its path without ``dir_fd``.
    shown
        Its path for errors.
    """

    place: int | str
    shown: str

    def status(self, name: str) -> os.stat_result | None:
        """Return the result of ``os.lstat`` for a name in it; None if nothing is there, or it cannot be read."""
        above, place = self._reached(name)
        try:
            return os.stat(place, dir_fd=above, follow_symlinks=False)
        except OSError:
            return None

    def descriptor(self, name: str, mode: str = "rb") -> int:
        """Open a regular file in it, as :meth:`RootedPath.descriptor` does."""
        above, place = self._reached(name)
        return open_regular_file(place, above, mode, f"{self.shown}{os.sep}{name}")

    def replace(self, name: str, target: str) -> None:
        """Rename a file in it, as :meth:`RootedPath.replace` does."""
        (above, place), (_, target_place) = self._reached(name), self._reached(target)
        rename_file(place, above, target_place, above, f"{self.shown}{os.sep}{target}")

    def unlink(self, name: str) -> None:
        """Remove a file in it; a link is removed itself."""
        above, place = self._reached(name)
        os.unlink(place, dir_fd=above)

    def _reached(self, name: str) -> tuple[int | None, str]:
        """Return ``dir_fd``, and the path from there."""
        return (self.place, name) if isinstance(self.place, int) else (None, f"{self.place}{os.sep}{name}")


def open_folder(name: str, above: int) -> int:
    """Open a folder, and return its descriptor; OSError if it is a link."""
    return os.open(name, _BELOW, dir_fd=above)


def open_regular_file(name: str, above: int | None, mode: str, shown: str) -> int:
    """Open a regular file, and return its descriptor; LinkError if it is a link, OSError if it is no regular file."""
    before = None if _HAS_DIR_FD else status_or_none(name, above)
    if before is not None and is_link(before):
        raise LinkError(shown)
    try:
        descriptor = os.open(name, _MODES[mode] | _ALWAYS, 0o666, dir_fd=above)
    except OSError as error:
        raise link_error_or(error, name, above, shown) from None
    if mode == "xb":  # a new file is always regular
        return descriptor
    found = os.fstat(descriptor)
    if before is not None and not os.path.samestat(found, before):
        os.close(descriptor)
        raise LinkError(shown)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a regular file, found a folder or device: move it away first", shown)
    return descriptor


def rename_file(name: str, above: int | None, target: str, target_above: int | None, shown: str) -> None:
    """Rename a file, over a file or nothing; LinkError if the target is a link."""
    found = status_or_none(target, target_above)
    if found is not None and is_link(found):
        raise LinkError(shown)
    os.replace(name, target, src_dir_fd=above, dst_dir_fd=target_above)


def link_error_or(error: OSError, name: str, above: int | None, shown: str) -> OSError:
    """Return LinkError if a link caused the error, otherwise the error with the whole path."""
    found = status_or_none(name, above)
    if found is not None and is_link(found):
        return LinkError(shown)
    error.filename = shown
    return error


def status_or_none(name: str, above: int | None) -> os.stat_result | None:
    """Return the result of ``os.lstat``; None if nothing is there."""
    try:
        return os.stat(name, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None


def directory_entry(entry: os.DirEntry[str]) -> DirectoryEntry:
    """Return what ``os.scandir`` found, with links and Windows junctions as neither file nor folder."""
    link = is_link(entry.stat(follow_symlinks=False)) if _HAS_JUNCTIONS else entry.is_symlink()
    is_folder = entry.is_dir(follow_symlinks=False) and not link
    return DirectoryEntry(entry.name, entry.is_file(follow_symlinks=False) and not link, is_folder)
