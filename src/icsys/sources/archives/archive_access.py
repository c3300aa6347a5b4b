"""Access to archive files, on this system or behind a URL: open, stat, and read a part."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from icsys.errors import ImageError
from icsys.sources.base import Place
from icsys.sources.read_file import open_regular

if TYPE_CHECKING:
    from typing import BinaryIO


class ArchiveFiles(Protocol):
    """Files by their paths; picklable."""

    def shown(self, path: str) -> str:
        """Return the name of a file for messages, without secrets."""

    def stat(self, path: str) -> Place:
        """Return size and time of a file; OSError if that fails."""

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading and seeking; OSError if that fails."""

    def read_range(self, path: str, start: int, size: int, known: Place) -> bytes:
        """Return ``size`` bytes out of a file, fewer where it ends.

        Raises
        ------
        ImageError
            ``changed`` if the file is gone, or differs from ``known``.
        OSError
            If it cannot be read.
        """


class LocalFiles:
    """Files of this system."""

    def shown(self, path: str) -> str:
        """Return the absolute path."""
        return str(Path(path).absolute())

    def stat(self, path: str) -> Place:
        """See ArchiveFiles."""
        found = Path(path).stat()
        return Place(found.st_size, found.st_mtime_ns)

    def open(self, path: str) -> BinaryIO:
        """Open a regular file."""
        return open_regular(Path(path))

    def read_range(self, path: str, start: int, size: int, known: Place) -> bytes:
        """Read with a separate handle, so that threads do not wait for each other."""
        try:
            with open_regular(Path(path)) as file:
                if os.fstat(file.fileno()).st_mtime_ns != known.mtime_ns:
                    raise ImageError(
                        "changed", "the archive changed after it was listed: run again when it no longer changes"
                    )
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:
            raise ImageError("changed", "the archive has vanished since it was listed") from None
