"""Arrays in ``.npy`` files, mapped into memory; their header is held against what the record says before that.

The format is that of ``numpy.lib.format``. Objects are never unpickled.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from icsys.errors import UsageError

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.loading.stored_dataset import StoredFile

_LONGEST_HEADER = 4096  # ICS writes about a hundred bytes
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def map_array(path: RootedPath, stored: StoredFile) -> NDArray[Any]:
    """Map an array into memory, read-only; its bytes are read from the disk as they are used.

    Raises
    ------
    UsageError
        If the file is gone, truncated, longer, or holds another array than is recorded; the message names it.
    """
    try:
        with path.open() as file:
            offset = _checked_offset(file, path, stored)
            if not math.prod(stored.shape):
                return np.empty(stored.shape, stored.dtype)  # no file can be mapped from its end
            mapped = np.memmap(file, np.dtype(stored.dtype).newbyteorder("<"), "r", offset, stored.shape)
            return np.asarray(mapped)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}; run ics compress again") from None


def _checked_offset(file: BinaryIO, path: RootedPath, stored: StoredFile) -> int:
    """Return where the numbers of an array begin."""
    found = os.fstat(file.fileno()).st_size
    if found != stored.bytes:
        raise _damaged(path, f"it has {found} bytes instead of {stored.bytes}")
    try:
        shape, by_columns, dtype = _READERS[npy.read_magic(file)](file, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # noqa: BLE001 - the header is parsed as Python, which raises many kinds
        raise _damaged(path, f"it is no .npy file: {str(error)[:200]}") from None
    if (shape, dtype, by_columns) != (stored.shape, np.dtype(stored.dtype).newbyteorder("<"), False):
        raise _damaged(path, f"it holds {dtype} {shape} instead of {stored.dtype} {stored.shape}")
    offset = file.tell()
    if offset + math.prod(shape) * dtype.itemsize != found:
        raise _damaged(path, f"its {found} bytes do not hold {dtype} {shape}")
    return offset


def _damaged(path: RootedPath, what: str) -> UsageError:
    return UsageError(f"{str(path)!r} is not the array that ics wrote: {what}; remove it and run ics compress again")
