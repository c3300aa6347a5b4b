"""Files out of the page cache, so that the next reader waits for the disk; and bytes that a process read from it."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

CAN_DROP = hasattr(os, "posix_fadvise")
"""Whether this system lets go of the cached pages of a file when asked."""


def files_below(paths: Iterable[Path]) -> list[Path]:
    """Return the files among paths and below those that are folders, sorted."""
    found = {file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()}
    return sorted(found)


def drop(files: Iterable[Path]) -> None:
    """Write files to the disk and let go of their cached pages; pages that a process has mapped stay."""
    for path in files:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def resident_share(files: Iterable[Path]) -> float | None:
    """Return which part of the bytes of files is in the page cache, by pages (mincore); None where that is unknown."""
    if sys.platform != "linux":
        return None
    pages = resident = 0
    for path in files:
        if size := path.stat().st_size:
            count = -(-size // mmap.PAGESIZE)
            pages, resident = pages + count, resident + _resident_pages(path, size, count)
    return resident / pages if pages else 0.0


def _resident_pages(path: Path, size: int, count: int) -> int:
    """Return how many of the pages of a file are in memory."""
    flags = np.zeros(count, np.uint8)
    library = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped:
        view = np.frombuffer(mapped, np.uint8)
        code = library.mincore(ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(size), flags.ctypes.data_as(_BYTES))
        del view  # or the file could not be unmapped
    if code:
        raise OSError(ctypes.get_errno(), f"mincore failed for {path}")
    return int((flags & 1).sum())


_BYTES = ctypes.POINTER(ctypes.c_ubyte)


def bytes_from_disk(processes: Iterable[int]) -> int | None:
    """Return how many bytes these processes have read from disks; None where the system does not tell."""
    total = 0
    for process in processes:
        try:
            text = Path(f"/proc/{process}/io").read_text(encoding="ascii")
        except OSError:
            return None
        total += int(text.partition("\nread_bytes: ")[2].split("\n")[0])
    return total
