"""Pixels of many images in temporary files: of one size in a memory map, of any sizes one after another."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from io import BufferedWriter
    from pathlib import Path

    from numpy.typing import NDArray

_CHANNELS = 3


class StoredPixels:
    """The pixels of n images of any sizes; threads may add some and read others at the same time.

    Parameters
    ----------
    path
        The temporary file.
    images
        Number of images.

    Attributes
    ----------
    images
        Number of images.
    """

    def __init__(self, path: Path, images: int) -> None:
        self.images = images
        self._starts = np.zeros(images, np.int64)
        self._sizes = np.zeros((images, 2), np.int64)
        self._file = path.open("w+b")
        self._lock = threading.Lock()
        self._path = path

    def add(self, row: int, pixels: NDArray[np.uint8]) -> None:
        """Add the pixels of the image in this row, shape (H, W, 3), uint8."""
        with self._lock:
            self._starts[row] = self._file.seek(0, 2)
            self._file.write(pixels.tobytes())
            self._sizes[row] = pixels.shape[:2]

    def read(self, row: int) -> NDArray[np.uint8]:
        """Return the pixels of the image in this row."""
        height, width = self._sizes[row].tolist()
        with self._lock:
            self._file.seek(int(self._starts[row]))
            data = self._file.read(height * width * _CHANNELS)
        return np.frombuffer(data, np.uint8).reshape(height, width, _CHANNELS)

    def remove(self) -> None:
        """Close and remove the temporary file."""
        with contextlib.suppress(OSError):  # a full disk, where what is not yet written is of no use
            self._file.close()
        self._path.unlink()


def new_pixels(path: Path, images: int, side: int) -> NDArray[np.uint8]:
    """Return pixels of squares, shape (n, side, side, 3), uint8, which are zero and lie in a new file.

    Raises
    ------
    OSError
        If the disk has no room for them.
    """
    shape = images, side, side, _CHANNELS
    if not images:
        return np.empty(shape, np.uint8)
    with path.open("xb") as file:
        _reserve(file, images * side * side * _CHANNELS)
    return np.memmap(path, np.uint8, "r+", shape=shape)


def _reserve(file: BufferedWriter, size: int) -> None:
    """Give a new file its size and room on the disk: a write to a memory map without room ends the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # not every file system can reserve
                raise
    file.truncate(size)
