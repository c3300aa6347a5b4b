"""One sync of a file system instead of one for each file of a group: where it is safe, and when it is faster.

On Linux one ``syncfs`` writes all new files in one go and commits the journal of the file system once. 64 small files
take a fifth of the time of 64 ``fsync``. Its promise is brought up to that of ``fsync``:

- The kernel notes a failed write for the file system, and ``syncfs`` reports it once to each open file (since Linux
  5.8). It is therefore called with a file of the group that was opened before any of them was written, and that no
  other thread uses.
- One ``fsync`` of that file follows. It empties the cache of the disk also where ``syncfs`` does not (ext2, and ext4
  without a journal), and it fails if the file system has given up, which ``syncfs`` reports since Linux 5.17 only.
- An error of either may be about a file of another program, written long ago. The group is then written anew, one file
  after another, each with an ``fsync``.
- Only the kinds of file systems below are taken. An overlay syncs the file system below it, but does not report its
  failed writes; F2FS returns no error after its last checkpoint has failed; file systems over a network and those of
  other programs make promises of their own.
"""

from __future__ import annotations

import functools
import math
import os
import re

_SAFE_TYPES = frozenset({0xEF53, 0x58465342, 0x9123683E, 0x01021994})  # ext2 to ext4, XFS, Btrfs, tmpfs; see statfs(2)
_SAFE_KERNEL = (5, 8)


class Pace:
    """Decides whether groups are synced together or one by one, by the time that both have taken.

    A sync of the file system also writes what other programs have just written there, which may be gigabytes. After a
    slow one the next groups are written one by one, 16 of them at first, then 32 and so on. A slow disk is slow both
    ways, so a group counts as slow only if it takes longer than one by one.
    """

    _START_SECONDS, _FILE_SECONDS = 0.05, 0.001
    _FEWEST, _MOST = 16, 1024  # groups

    def __init__(self) -> None:
        self._left = self._pause = 0
        self._slow = self._single = 0.0  # seconds a file

    def is_together(self) -> bool:
        """Return whether to sync the next group together."""
        return self._left == 0

    def took(self, seconds: float, files: int, *, together: bool) -> None:
        """Note how long a group took, from its first write to its last rename."""
        if not together:
            self._single = seconds / files
            self._left = 0 if self._single > self._slow else max(0, self._left - 1)
        elif seconds <= max(self._START_SECONDS + self._FILE_SECONDS * files, self._single * files):
            self._pause = 0
        else:
            self._slow = seconds / files
            self._left = self._pause = min(max(2 * self._pause, self._FEWEST), self._MOST)

    def failed(self) -> None:
        """Note that a group could not be synced together."""
        self.took(math.inf, 1, together=True)


def can_sync_together(descriptor: int) -> bool:
    """Return whether :func:`sync_together` is as good as ``fsync`` on the file system of an open file or folder."""
    if not kernel_reports_errors():
        return False
    from icsys.native.library import LIBRARY  # noqa: PLC0415 - commands that write no image start without it

    return LIBRARY.file_system_type(descriptor) in _SAFE_TYPES


def sync_together(descriptor: int) -> bool:
    """Sync a file system; return whether all that was written to it since a file was opened is on the disk."""
    from icsys.native.library import LIBRARY  # noqa: PLC0415 - see above

    if LIBRARY.sync_file_system(descriptor):
        return False
    try:
        os.fsync(descriptor)
    except OSError:
        return False
    return True


@functools.cache
def kernel_reports_errors() -> bool:
    """Return whether this system's ``syncfs`` reports writes that failed."""
    if not hasattr(os, "uname"):
        return False
    system = os.uname()
    found = re.match(r"(\d+)\.(\d+)", system.release)
    return system.sysname == "Linux" and found is not None and (int(found[1]), int(found[2])) >= _SAFE_KERNEL
