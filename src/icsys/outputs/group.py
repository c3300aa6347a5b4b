"""Write a group of files, each whole or not at all, with the work that they share done once.

All are written to temporary files, brought onto the disk together where that is safe, and only then renamed to their
names. Each folder is opened once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from typing import TYPE_CHECKING

from icsys.files.atomic import held_or_new, temporary_name, write_fully
from icsys.files.relative_names import is_below
from icsys.outputs.disk import Pace, can_sync_together, sync_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from icsys.files.held_folder import HeldFolder
    from icsys.files.rooted_path import RootedPath

_LEAST_TOGETHER = 3  # files; for fewer a sync of the whole file system costs more
# With these limits the threads of a large machine stay far below 1,024 open files, the usual limit of a process.
_MOST_FILES, _MOST_FOLDERS, _MOST_GROUPS = 256, 32, 4
_TOGETHER = threading.BoundedSemaphore(_MOST_GROUPS)
_PACE = Pace()  # of this process: its threads write to the same disk


def write_group(root: RootedPath, files: Sequence[tuple[str, bytes]], *, mark: str = "") -> list[OSError | None]:
    """Write files below a folder; each is whole and on the disk before it takes its name.

    Until the folders are synced, a power cut may bring back older files, but never partial ones.

    Parameters
    ----------
    files
        Path below ``root``, with forward slashes, and content of each file.
    mark
        Part of the names of the temporary files, as for :func:`icsys.files.atomic.whole_file`.

    Returns
    -------
    list
        For each file None, or why it could not be written: an older file is then unchanged. No temporary file is left.
    """
    errors: list[OSError | None] = []
    for part in _parts(files):
        group = _Group(root, part, mark)
        try:
            group.write()
        finally:
            group.close()
        errors += group.errors
    return errors


def _parts(files: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    """Yield the files in parts, in their order."""
    first, folders = 0, set()
    for number, (output, _) in enumerate(files):
        above = output.rpartition("/")[0]
        folders.add(above)
        if number - first == _MOST_FILES or len(folders) > _MOST_FOLDERS:
            yield files[first:number]
            first, folders = number, {above}
    if files:
        yield files[first:]


class _Folder:
    """A folder of a group, held open.

    Attributes
    ----------
    numbers
        The files in it.
    device
        Number of its file system; None on systems that open no folders.
    """

    def __init__(self, path: RootedPath) -> None:
        self.numbers: list[int] = []
        self._stack = contextlib.ExitStack()
        self.held: HeldFolder = self._stack.enter_context(held_or_new(path))
        place = self.held.place
        self.device = os.fstat(place).st_dev if isinstance(place, int) else None

    def close(self) -> OSError | None:
        """Close it; return an error if it has become a link, which some systems find out only now."""
        try:
            self._stack.close()
        except OSError as error:
            return error
        return None


class _Temporary:
    """A temporary file that waits for its name."""

    __slots__ = ("descriptor", "folder", "name", "number", "temporary")

    def __init__(self, number: int, folder: _Folder, mark: str, name: str) -> None:
        self.number, self.folder, self.name = number, folder, name
        self.temporary, self.descriptor = temporary_name(mark), -1

    def write(self, data: bytes) -> None:
        """Create and write it; it stays open."""
        self.descriptor = self.folder.held.descriptor(self.temporary, "xb")
        write_fully(self.descriptor, data)

    def close(self) -> None:
        """Close it; a file server may report an error only now."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)

    def take_name(self) -> None:
        """Rename it to its name."""
        self.folder.held.replace(self.temporary, self.name)

    def discard(self) -> None:
        """Close and remove it."""
        with contextlib.suppress(OSError):
            self.close()
        with contextlib.suppress(OSError):
            self.folder.held.unlink(self.temporary)


class _Group:
    """The files of a group while they are written.

    Attributes
    ----------
    errors
        For each file None, or why it could not be written.
    """

    def __init__(self, root: RootedPath, files: Sequence[tuple[str, bytes]], mark: str) -> None:
        self._root, self._files, self._mark = root, files, mark
        self._folders: dict[str, _Folder] = {}
        self._waiting: list[_Temporary] = []
        self.errors: list[OSError | None] = [None] * len(files)

    def write(self) -> None:
        """Write all files, together or singly."""
        count = len(self._files)
        can_be_together = count >= _LEAST_TOGETHER and self._can_be_together()
        together = can_be_together and _PACE.is_together()
        with _TOGETHER if together else contextlib.nullcontext():
            start = time.perf_counter()
            left = self._write_together() if together else range(count)
            self._write_singly(left)
        if can_be_together and not (together and left):
            _PACE.took(time.perf_counter() - start, count, together=together)

    def close(self) -> None:
        """Remove what is left of temporary files, and close the folders."""
        self._discard()
        self._close_folders()

    def _can_be_together(self) -> bool:
        """Return whether the file system of the first file can be synced for all."""
        try:
            place = self._folder_of(self._files[0][0]).held.place
        except OSError:
            return False
        return isinstance(place, int) and can_sync_together(place)

    def _write_together(self) -> Sequence[int]:
        """Write all files and sync them together; return the numbers of files that are to be written singly instead."""
        elsewhere: list[int] = []
        device = self._folder_of(self._files[0][0]).device
        witness: _Temporary | None = None
        for number in range(len(self._files)):
            try:
                one = self._new(number)
                if one.folder.device != device:  # a disk may be mounted below the folder
                    elsewhere.append(number)
                    continue
                self._waiting.append(one)
                one.write(self._files[number][1])
                if witness is None:
                    witness = one
                else:
                    one.close()
            except OSError as error:
                self._fail(number, error)
        if witness is None:
            return elsewhere
        if not sync_together(witness.descriptor):
            _PACE.failed()
            return sorted(elsewhere + self._discard())
        for one in self._waiting:
            try:
                one.close()
                one.take_name()
            except OSError as error:
                one.discard()
                self.errors[one.number] = error
        self._waiting.clear()
        return elsewhere

    def _write_singly(self, numbers: Iterable[int]) -> None:
        """Write files, each with a sync of its own; only the folder of the last is held open."""
        for number in numbers:
            if self._files[number][0].rpartition("/")[0] not in self._folders:
                self._close_folders()
            try:
                one = self._new(number)
                self._waiting.append(one)
                one.write(self._files[number][1])
                os.fsync(one.descriptor)
                one.close()
                one.take_name()
                self._waiting.pop()
            except OSError as error:
                self._fail(number, error)

    def _new(self, number: int) -> _Temporary:
        output = self._files[number][0]
        folder = self._folder_of(output)
        folder.numbers.append(number)
        return _Temporary(number, folder, self._mark, output.rpartition("/")[2])

    def _folder_of(self, output: str) -> _Folder:
        above = output.rpartition("/")[0]
        folder = self._folders.get(above)
        if not is_below(output):
            raise OSError(errno.EINVAL, "expected a relative path that leads down", f"{self._root}{os.sep}{output}")
        if folder is None:
            folder = self._folders[above] = _Folder(self._root.at(above))
        return folder

    def _close_folders(self) -> None:
        for folder in self._folders.values():
            error = folder.close()
            for number in folder.numbers if error else ():
                self.errors[number] = self.errors[number] or error
        self._folders.clear()

    def _fail(self, number: int, error: OSError) -> None:
        """Note why a file could not be written, and remove its temporary file if that was begun."""
        self.errors[number] = error
        if self._waiting and self._waiting[-1].number == number:
            self._waiting.pop().discard()

    def _discard(self) -> list[int]:
        """Remove the temporary files that wait, and return their numbers."""
        numbers = [one.number for one in self._waiting]
        for one in self._waiting:
            one.discard()
        self._waiting.clear()
        return numbers
