"""Paths below a folder: each folder on the way is opened by descriptor, and no link is followed.

ICS reaches everything that it keeps or makes below an output folder this way. So no link, planted before or during a
run, can lead it to files elsewhere. Systems without ``dir_fd`` (Windows) check each folder on the way for links, before
and after.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from icsys.files.held_folder import (
    HeldFolder,
    RootFolder,
    directory_entry,
    link_error_or,
    open_folder,
    open_regular_file,
    rename_file,
    status_or_none,
)
from icsys.files.links import LinkError, is_link, leads_elsewhere
from icsys.files.relative_names import is_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

    from icsys.files.held_folder import DirectoryEntry

_PYTHONS = {"xb": "wb", "a+b": "r+b"}  # Python's modes for a file that is open already


class RootedPath:
    """A path below a root folder, with methods like those of :class:`pathlib.Path`, and no link followed on the way.

    It is not an ``os.PathLike``, so nothing can open it except by its methods. The root itself may be reached through a
    link. When it is sent to another process, that process opens the same root folder or raises an error.

    Parameters
    ----------
    root
        The root folder; it need not exist. It is opened when first needed; a folder that replaces it later is refused.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = RootedPath(Path(folder)) / "cat/a.png"
    ...     path.parent.make_folders()
    ...     with path.open("xb") as file:
    ...         _ = file.write(b"bytes")
    ...     path.read_bytes()
    b'bytes'
    """

    __slots__ = ("_root", "name", "parts")

    def __init__(self, root: str | os.PathLike[str] | RootFolder, parts: tuple[str, ...] = ()) -> None:
        self._root = root if isinstance(root, RootFolder) else RootFolder(os.path.abspath(root))  # noqa: PTH100 - keeps links
        self.parts = parts
        self.name = parts[-1] if parts else os.path.basename(self._root.path)  # noqa: PTH119

    def __truediv__(self, name: str) -> RootedPath:
        """Return a path below this one.

        Raises
        ------
        OSError
            If the name would lead anywhere else.
        """
        if not is_below(name):
            raise OSError(errno.EINVAL, "expected a relative path that leads down", f"{self}{os.sep}{name}")
        return RootedPath(self._root, (*self.parts, *name.split("/")))

    def __reduce__(self) -> tuple[type[RootedPath], tuple[RootFolder, tuple[str, ...]]]:
        return RootedPath, (self._root, self.parts)

    def __str__(self) -> str:
        return os.sep.join((self._root.path, *self.parts))  # noqa: PTH118 - faster than Path

    def __repr__(self) -> str:
        return f"RootedPath({str(self)!r})"

    @property
    def parent(self) -> RootedPath:
        """The folder above; the root is its own parent."""
        return RootedPath(self._root, self.parts[:-1])

    def at(self, name: str) -> RootedPath:
        """Return the path below this one, or this one if the name is empty."""
        return self / name if name else self

    def open(self, mode: str = "rb", *, buffering: int = -1) -> BufferedRandom:
        """Open a regular file: ``rb``, ``ab``, ``xb``, ``r+b`` as in Python; ``a+b`` creates it and starts at byte 0.

        Raises
        ------
        LinkError
            If it is a link, or a folder on the way is one.
        OSError
            If it cannot be opened, or is a folder, pipe or device.
        """
        return cast("BufferedRandom", os.fdopen(self.descriptor(mode), _PYTHONS.get(mode, mode), buffering=buffering))

    def descriptor(self, mode: str) -> int:
        """Open it as :meth:`open` does, and return the descriptor."""
        with self._parent() as (above, place):
            return open_regular_file(place, above, mode, str(self))

    def read_bytes(self, most: int = -1) -> bytes:
        """Return the content of a regular file, or its first bytes."""
        with self.open() as file:
            # Python allocates as many bytes as asked for, and the number may come from a forged record.
            return file.read(most if most < 0 else min(most, os.fstat(file.fileno()).st_size))

    def sha256(self) -> str:
        """Return the SHA-256 of a regular file, in hexadecimal digits; OSError if it cannot be read."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def status(self) -> os.stat_result | None:
        """Return the result of ``os.lstat``; None if nothing is there.

        Raises
        ------
        LinkError
            If a folder on the way is a link.
        OSError
            If it cannot be read.
        """
        try:
            with self._parent() as (above, place):
                return status_or_none(place, above)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self) -> bool:
        """Return whether anything is there, links included."""
        return self.status() is not None

    def is_file(self) -> bool:
        """Return whether a regular file is there."""
        found = self.status()
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_dir(self) -> bool:
        """Return whether a folder is there, and not a link to one."""
        found = self.status()
        return found is not None and stat.S_ISDIR(found.st_mode) and not is_link(found)

    def entries(self, prefix: str = "") -> list[DirectoryEntry]:
        """Return what a folder holds under names that begin with ``prefix``, in any order.

        The list is empty if there is no folder.
        """
        try:
            with self._inside() as place, os.scandir(place) as found:
                return [directory_entry(entry) for entry in found if entry.name.startswith(prefix)]
        except FileNotFoundError:
            return []

    def make_folders(self) -> None:
        """Create the folder and all folders above it, the root included."""
        try:
            self._root.open()
        except FileNotFoundError:
            _make_folders(Path(self._root.path))
        for depth in range(1, len(self.parts) + 1):
            RootedPath(self._root, self.parts[:depth]).mkdir(exist_ok=True)

    def mkdir(self, *, exist_ok: bool = False) -> None:
        """Create a folder."""
        with self._parent() as (above, place):
            try:
                os.mkdir(place, dir_fd=above)
            except FileExistsError:
                found = status_or_none(place, above)
                if found is not None and is_link(found):
                    raise LinkError(str(self)) from None
                if not exist_ok or found is None or not stat.S_ISDIR(found.st_mode):
                    raise

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove a file; a link is removed itself."""
        try:
            with self._parent() as (above, place):
                os.unlink(place, dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):
            if not missing_ok:
                raise

    def rmdir(self) -> None:
        """Remove an empty folder."""
        with self._parent() as (above, place):
            os.rmdir(place, dir_fd=above)

    def replace(self, target: RootedPath) -> None:
        """Rename it; a file at the target is replaced.

        Raises
        ------
        LinkError
            If the target is a link.
        OSError
            If it cannot be renamed.
        """
        with self._parent() as (above, place), target._parent() as (target_above, target_place):
            rename_file(place, above, target_place, target_above, str(target))

    def sync(self) -> None:
        """Write the names in a folder to the disk, on systems that offer it."""
        with self._inside() as place:
            if isinstance(place, int):  # Windows opens no folders; NTFS keeps a journal of its own
                os.fsync(place)

    @contextmanager
    def held(self) -> Iterator[HeldFolder]:
        """Hold a folder open, for work on many names in it; OSError if it cannot be opened."""
        with self._inside() as place:
            yield HeldFolder(place, str(self))

    @contextmanager
    def _inside(self) -> Iterator[int | str]:
        """Hold a folder open: yield its descriptor, or its path without ``dir_fd``."""
        if not self.parts:
            descriptor = self._root.open()
            yield self._root.path if descriptor is None else descriptor
            return
        with self._parent() as (above, place):
            if above is None:
                self._check_folders(self.parts)
                os.lstat(place)  # raises FileNotFoundError for a missing folder, as opening a descriptor would
                yield place
                self._check_folders(self.parts)
                return
            try:
                inside = open_folder(place, above)
            except OSError as error:
                raise link_error_or(error, place, above, str(self)) from None
        try:
            yield inside
        finally:
            os.close(inside)

    @contextmanager
    def _parent(self) -> Iterator[tuple[int | None, str]]:
        """Hold the folder above open: yield ``dir_fd``, and the path from there."""
        root = self._root.open()
        if root is None:
            self._check_folders(self.parts[:-1])
            yield None, str(self)
            self._check_folders(self.parts[:-1])
            return
        if not self.parts:
            yield None, self._root.path
            return
        above = root
        try:
            for depth, part in enumerate(self.parts[:-1], 1):
                try:
                    below = open_folder(part, above)
                except OSError as error:
                    raise link_error_or(error, part, above, str(RootedPath(self._root, self.parts[:depth]))) from None
                if above != root:
                    os.close(above)
                above = below
            try:
                yield above, self.parts[-1]
            except OSError as error:
                if error.filename == self.parts[-1]:
                    error.filename = str(self)
                raise
        finally:
            if above != root:
                os.close(above)

    def _check_folders(self, parts: tuple[str, ...]) -> None:
        """Refuse links among folders, on systems without ``dir_fd``."""
        path = self._root.path
        for part in parts:
            path += os.sep + part
            if leads_elsewhere(path):
                raise LinkError(path)


def rooted_file(path: RootedPath | Path) -> RootedPath:
    """Return the path of a file below the folder that holds it."""
    return path if isinstance(path, RootedPath) else RootedPath(path.parent) / path.name


def _make_folders(folder: Path) -> None:
    """Create a folder and all folders above it; ``Path.mkdir`` recurses, and would fail for very deep folders."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for below in reversed(missing):
        below.mkdir(exist_ok=True)
