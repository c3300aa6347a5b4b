"""Where archives lie: files that can be opened, looked at, and read from the middle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from icsys.errors import ImageError
from icsys.sources.base import Place
from icsys.sources.read_file import open_regular

if TYPE_CHECKING:
    from typing import BinaryIO


class Store(Protocol):
    """Files by their paths: those of the system, or those behind a URL. It is picklable."""

    def shown(self, path: str) -> str:
        """Return what messages call a file: nothing in it is secret."""

    def stat(self, path: str) -> Place:
        """Return size and time of a file; OSError if they cannot be told."""

    def open(self, path: str) -> BinaryIO:
        """Open a file to be read, with ``seek``; OSError if it cannot be."""

    def cut(self, path: str, start: int, size: int, known: Place) -> bytes:
        """Return ``size`` bytes out of a file, fewer where it ends.

        Raises
        ------
        ImageError
            ``changed`` if the file is gone, or is not what is ``known`` of it.
        OSError
            If it cannot be read.
        """


class Disk:
    """Files of this system."""

    def shown(self, path: str) -> str:
        """Return the whole path."""
        return str(Path(path).absolute())

    def stat(self, path: str) -> Place:
        """Ask the system."""
        found = Path(path).stat()
        return Place(found.st_size, found.st_mtime_ns)

    def open(self, path: str) -> BinaryIO:
        """Open a file, and nothing that is none."""
        return open_regular(Path(path))

    def cut(self, path: str, start: int, size: int, known: Place) -> bytes:
        """Read with a handle of its own, so that threads do not wait for one another."""
        try:
            with open_regular(Path(path)) as file:
                if os.fstat(file.fileno()).st_mtime_ns != known.mtime_ns:
                    raise ImageError(
                        "changed", "the archive changed after it was listed: run again when it holds still"
                    )
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:
            raise ImageError("changed", "the archive has vanished since it was listed") from None
