"""Reading a source: whole, unchanged, and no more of it than is allowed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.limits import check_bytes

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from icsys.options import Options

# A pipe that took the place of a file since the folder was listed must not be waited for.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"))


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read from it, and nothing that is no file.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe, a device or a folder.
    """
    file = os.fdopen(os.open(path, _FLAGS), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"no file, but something that stands in the place of one: {path}")
    return file


def read_whole(path: Path, options: Options) -> bytes:
    """Return the content of a file; its size is looked at before it takes memory.

    Raises
    ------
    ImageError
        ``too_large`` for more than ``max_bytes``; ``changed`` for a file that others write to meanwhile.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        before = os.fstat(file.fileno())
        check_bytes(before.st_size, options)
        data = file.read(before.st_size + 1)
        after = os.fstat(file.fileno())
    if (len(data), after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise ImageError("changed", "the file changed while it was read: run again when nothing writes to it")
    return data
