"""Links: how ICS detects them, and the errors that it raises instead of following one."""

from __future__ import annotations

import errno
import os
import stat

_MOUNT_POINT = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT, the tag of a Windows junction


class LinkError(OSError):
    """A link is where ICS keeps a file or folder of its own."""

    def __init__(self, place: str) -> None:
        super().__init__(errno.ELOOP, "it is a link, and ics follows no links here: move it away first", place)

    def __reduce__(self) -> tuple[type[LinkError], tuple[str]]:
        return LinkError, (self.filename,)


class OtherFolderError(OSError):
    """The output folder was replaced by another folder during the run."""

    def __init__(self, place: str) -> None:
        super().__init__(
            errno.ESTALE, "another folder has replaced it since the run began: run again to use that one", place
        )

    def __reduce__(self) -> tuple[type[OtherFolderError], tuple[str]]:
        return OtherFolderError, (self.filename,)


def is_link(status: os.stat_result) -> bool:
    """Return whether a result of ``os.lstat`` is that of a symbolic link or a Windows junction.

    Python treats a junction as an ordinary folder, and some of Windows's own junctions lead back to their parent.
    """
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _MOUNT_POINT


def leads_elsewhere(path: str | os.PathLike[str]) -> bool:
    """Return whether a link is at a path."""
    try:
        return is_link(os.lstat(path))
    except OSError:
        return False
