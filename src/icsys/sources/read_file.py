"""Read a source file: whole, unchanged, and within the limit of bytes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.limits import check_bytes

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path

    from icsys.options import Options

# O_NONBLOCK: a pipe may have replaced a file since the folder was listed; opening it must not block.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NONBLOCK"))


def open_regular(path: Path | str) -> BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe, a device or a folder.
    """
    descriptor, _ = _opened(path)
    return os.fdopen(descriptor, "rb")


def _opened(path: Path | str) -> tuple[int, os.stat_result]:
    """Return the descriptor of a regular file, and its status."""
    descriptor = os.open(path, _FLAGS)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):  # checked here: os.fdopen of a folder fails and leaves it open
        os.close(descriptor)
        raise OSError(f"this is not a regular file: {path}")
    return descriptor, found


def read_file(path: Path | str, options: Options) -> tuple[bytes, int]:
    """Read a file and check that it did not change; its size is checked before it takes memory.

    Returns
    -------
    (bytes, int)
        Its content, and the time of its last change in nanoseconds since 1970.

    Raises
    ------
    ImageError
        ``too_large`` for more than ``max_bytes``; ``changed`` if it changes or vanishes during the read: the bytes may
        be a mix of both.
    OSError
        If it cannot be read.
    """
    try:
        descriptor, before = _opened(path)
    except FileNotFoundError:
        raise ImageError("changed", "the file has vanished since it was listed") from None
    return _unchanged(descriptor, before, options)


def read_opened(descriptor: int, options: Options) -> tuple[bytes, int]:
    """Read a regular file by its descriptor, and close it; results and errors are those of :func:`read_file`."""
    return _unchanged(descriptor, os.fstat(descriptor), options)


def _unchanged(descriptor: int, before: os.stat_result, options: Options) -> tuple[bytes, int]:
    try:
        check_bytes(before.st_size, options)
        data = _read(descriptor, before.st_size)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(data) != after.st_size:
        raise ImageError("changed", "the file changed while it was read: run again when it no longer changes")
    return data, after.st_mtime_ns


def _read(descriptor: int, size: int) -> bytes:
    """Read a file of ``size`` bytes, and one byte more if it has grown; a small file takes one call."""
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    return data
