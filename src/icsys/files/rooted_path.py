"""Paths below a folder that are reached from its descriptor, one name after the other, and never through a link.

All that ICS keeps or makes below an output folder is reached this way, so that no link, planted before a run or while
it goes on, leads it to files of others. Systems without ``dir_fd`` (Windows) have every folder on the way looked at
before and after instead.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRandom

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
_PYTHONS = {"xb": "wb", "a+b": "r+b"}  # of a file that is open already
_NEVER = "\0\\:" if os.name == "nt" else "\0"
_MOUNT_POINT = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT, by which Windows marks what its users call a junction


class LinkError(OSError):
    """There is a link where ICS keeps a file or folder of its own."""

    def __init__(self, place: str) -> None:
        super().__init__(errno.ELOOP, "it is a link, which ics does not follow: move it away first", place)

    def __reduce__(self) -> tuple[type[LinkError], tuple[str]]:
        return LinkError, (self.filename,)


class OtherFolderError(OSError):
    """Another folder has taken the place of the one that a run began with."""

    def __init__(self, place: str) -> None:
        super().__init__(errno.ESTALE, "another folder has taken its place since the run began", place)

    def __reduce__(self) -> tuple[type[OtherFolderError], tuple[str]]:
        return OtherFolderError, (self.filename,)


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


def is_below(name: str) -> bool:
    """Tell whether a path with forward slashes is relative and leads nowhere but down.

    Examples
    --------
    >>> [is_below(name) for name in ("cat/a.png", "/etc/passwd", "../a.png", "a//b.png", "")]
    [True, False, False, False, False]
    """
    if {"", ".", ".."} & set(name.split("/")) or any(character in name for character in _NEVER):
        return False
    return name.isascii() or can_be_a_name(name)


def can_be_a_name(text: str) -> bool:
    """Tell whether a text stands for bytes: JSON may hold halves of characters, which no name of a file has."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


class DirectoryEntry(NamedTuple):
    """What a folder holds under a name; a link is neither file nor folder."""

    name: str
    is_file: bool
    is_folder: bool


class _Root:
    """A folder by its path, with a descriptor once it is there; it is the same one for as long as this lasts."""

    def __init__(self, path: str, identity: tuple[int, int] | None = None) -> None:
        self.path = path
        self.identity = identity
        self._descriptor: int | None = None

    def open(self) -> int | None:
        """Return the descriptor; None where the system has none. OSError if there is no such folder."""
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

    def __reduce__(self) -> tuple[type[_Root], tuple[str, tuple[int, int] | None]]:
        return _Root, (self.path, self.identity)

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class RootedPath:
    """A path below a folder, with the methods of :class:`pathlib.Path` that are needed.

    It is no ``os.PathLike``: what opens it has to do so by its methods, which follow no link below the root. The root
    itself may be reached by one. It can be sent to other processes, which open the same folder or none.

    Parameters
    ----------
    root
        The folder; it need not exist. It is opened when it is first needed, and a folder that takes its place
        afterwards is not entered.

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

    def __init__(self, root: str | os.PathLike[str] | _Root, parts: tuple[str, ...] = ()) -> None:
        self._root = root if isinstance(root, _Root) else _Root(os.path.abspath(root))  # noqa: PTH100 - links stay
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

    def __reduce__(self) -> tuple[type[RootedPath], tuple[_Root, tuple[str, ...]]]:
        return RootedPath, (self._root, self.parts)

    def __str__(self) -> str:
        return os.sep.join((self._root.path, *self.parts))  # noqa: PTH118 - shorter than what Path would need

    def __repr__(self) -> str:
        return f"RootedPath({str(self)!r})"

    @property
    def parent(self) -> RootedPath:
        """The folder that it lies in; of the root, itself."""
        return RootedPath(self._root, self.parts[:-1])

    def at(self, name: str) -> RootedPath:
        """Return the path of a folder below by its name, which is empty for this one."""
        return self / name if name else self

    def open(self, mode: str = "rb", *, buffering: int = -1) -> BufferedRandom:
        """Open a regular file: ``rb``, ``ab``, ``xb``, ``r+b`` as in Python; ``a+b`` makes it and begins at the start.

        Raises
        ------
        LinkError
            If it is a link, or reached through one.
        OSError
            If it cannot be opened, or is a pipe, a device or a folder.
        """
        return cast("BufferedRandom", os.fdopen(self.descriptor(mode), _PYTHONS.get(mode, mode), buffering=buffering))

    def descriptor(self, mode: str) -> int:
        """Open it as :meth:`open` does, and return the descriptor."""
        with self._parent() as (above, place):
            return _opened(place, above, mode, str(self))

    def read_bytes(self, most: int = -1) -> bytes:
        """Return the content of a regular file, or its first bytes."""
        with self.open() as file:
            # Python sets aside as much as it is asked for, and that may be what somebody has forged.
            return file.read(most if most < 0 else min(most, os.fstat(file.fileno()).st_size))

    def sha256(self) -> str:
        """Return the hash of a regular file, in hexadecimal digits; OSError if it cannot be read."""
        with self.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def status(self) -> os.stat_result | None:
        """Return what ``os.lstat`` tells; None where nothing is, or nothing can be.

        Raises
        ------
        LinkError
            If it is reached through a link.
        OSError
            If that cannot be told.
        """
        try:
            with self._parent() as (above, place):
                return _status(place, above)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self) -> bool:
        """Tell whether anything is there, be it a link."""
        return self.status() is not None

    def is_file(self) -> bool:
        """Tell whether a regular file is there."""
        found = self.status()
        return found is not None and stat.S_ISREG(found.st_mode)

    def is_dir(self) -> bool:
        """Tell whether a folder is there, and no link to one."""
        found = self.status()
        return found is not None and stat.S_ISDIR(found.st_mode) and not is_link(found)

    def entries(self) -> list[DirectoryEntry]:
        """Return what a folder holds, in any order; nothing where there is none."""
        try:
            with self._inside() as place, os.scandir(place) as found:
                return [_entry(entry) for entry in found]
        except FileNotFoundError:
            return []

    def make_folders(self) -> None:
        """Make the folder with those above it, the root included."""
        try:
            self._root.open()
        except FileNotFoundError:
            _make_folders(Path(self._root.path))
        for depth in range(1, len(self.parts) + 1):
            RootedPath(self._root, self.parts[:depth]).mkdir(exist_ok=True)

    def mkdir(self, *, exist_ok: bool = False) -> None:
        """Make a folder."""
        with self._parent() as (above, place):
            try:
                os.mkdir(place, dir_fd=above)
            except FileExistsError:
                found = _status(place, above)
                if found is not None and is_link(found):
                    raise LinkError(str(self)) from None
                if not exist_ok or found is None or not stat.S_ISDIR(found.st_mode):
                    raise

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove a file; of a link, the link."""
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
        """Rename it; a file that is in the place is gone then, and nothing else may be.

        Raises
        ------
        LinkError
            If the target is a link.
        OSError
            If it cannot be renamed.
        """
        with self._parent() as (above, place), target._parent() as (target_above, target_place):
            _replace(place, above, target_place, target_above, str(target))

    def sync(self) -> None:
        """Bring the names in a folder onto the disk, where the system can be asked to."""
        with self._inside() as place:
            if isinstance(place, int):  # Windows opens no folders; NTFS keeps a journal of its own
                os.fsync(place)

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Hold a folder open, for many names in it; OSError if it cannot be."""
        with self._inside() as place:
            yield Held(place, str(self))

    @contextmanager
    def _inside(self) -> Iterator[int | str]:
        """Hold a folder open: what ``os.scandir`` takes."""
        if not self.parts:
            descriptor = self._root.open()
            yield self._root.path if descriptor is None else descriptor
            return
        with self._parent() as (above, place):
            if above is None:
                self._check_folders(self.parts)
                os.lstat(place)  # a folder that is missing is told here, as by a descriptor
                yield place
                self._check_folders(self.parts)
                return
            try:
                inside = os.open(place, _BELOW, dir_fd=above)
            except OSError as error:
                raise _refusal(error, above, place, str(self)) from None
        try:
            yield inside
        finally:
            os.close(inside)

    @contextmanager
    def _parent(self) -> Iterator[tuple[int | None, str]]:
        """Hold the folder above: what ``os`` takes as ``dir_fd``, and the path from there."""
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
                    below = os.open(part, _BELOW, dir_fd=above)
                except OSError as error:
                    raise _refusal(error, above, part, str(RootedPath(self._root, self.parts[:depth]))) from None
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
        """Refuse links among folders, on systems where they cannot be entered one by one."""
        path = self._root.path
        for part in parts:
            path += os.sep + part
            if leads_elsewhere(path):
                raise LinkError(path)


class Held(NamedTuple):
    """A folder that is held open, as a descriptor or, where the system has none, as a path; and its path for errors."""

    place: int | str
    shown: str

    def status(self, name: str) -> os.stat_result | None:
        """Return what ``os.lstat`` tells of a name in it; None where nothing is, or nothing can be."""
        above, place = self._reached(name)
        try:
            return os.stat(place, dir_fd=above, follow_symlinks=False)
        except OSError:
            return None

    def descriptor(self, name: str, mode: str = "rb") -> int:
        """Open a regular file in it, as :meth:`RootedPath.descriptor` does."""
        above, place = self._reached(name)
        return _opened(place, above, mode, f"{self.shown}{os.sep}{name}")

    def replace(self, name: str, target: str) -> None:
        """Rename what is in it, as :meth:`RootedPath.replace` does."""
        (above, place), (_, target_place) = self._reached(name), self._reached(target)
        _replace(place, above, target_place, above, f"{self.shown}{os.sep}{target}")

    def unlink(self, name: str) -> None:
        """Remove a file in it; of a link, the link."""
        above, place = self._reached(name)
        os.unlink(place, dir_fd=above)

    def _reached(self, name: str) -> tuple[int | None, str]:
        """Return what ``os`` takes as ``dir_fd``, and the path from there."""
        return (self.place, name) if isinstance(self.place, int) else (None, f"{self.place}{os.sep}{name}")


def _opened(place: str, above: int | None, mode: str, shown: str) -> int:
    """Open a regular file, and no link, in a folder that is held; return the descriptor."""
    before = None if _HAS_DIR_FD else _status(place, above)
    if before is not None and is_link(before):
        raise LinkError(shown)
    try:
        descriptor = os.open(place, _MODES[mode] | _ALWAYS, 0o666, dir_fd=above)
    except OSError as error:
        raise _refusal(error, above, place, shown) from None
    if mode == "xb":  # what was made just now is a file
        return descriptor
    found = os.fstat(descriptor)
    if before is not None and not os.path.samestat(found, before):
        os.close(descriptor)
        raise LinkError(shown)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file, but something that stands in the place of one", shown)
    return descriptor


def _replace(place: str, above: int | None, target: str, target_above: int | None, shown: str) -> None:
    """Rename in folders that are held, over a file and over no link."""
    found = _status(target, target_above)
    if found is not None and is_link(found):
        raise LinkError(shown)
    os.replace(place, target, src_dir_fd=above, dst_dir_fd=target_above)


def _refusal(error: OSError, above: int | None, place: str, shown: str) -> OSError:
    """Tell a link that was not followed from other errors."""
    found = _status(place, above)
    if found is not None and is_link(found):
        return LinkError(shown)
    error.filename = shown
    return error


def _status(place: str, above: int | None) -> os.stat_result | None:
    try:
        return os.stat(place, dir_fd=above, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _entry(entry: os.DirEntry[str]) -> DirectoryEntry:
    link = is_link(entry.stat(follow_symlinks=False)) if _HAS_JUNCTIONS else entry.is_symlink()
    is_folder = entry.is_dir(follow_symlinks=False) and not link
    return DirectoryEntry(entry.name, entry.is_file(follow_symlinks=False) and not link, is_folder)


def _make_folders(folder: Path) -> None:
    """Make a folder and those that it lies in; Python's own way is recursive, and folders may be nested deeper."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for below in reversed(missing):
        below.mkdir(exist_ok=True)
