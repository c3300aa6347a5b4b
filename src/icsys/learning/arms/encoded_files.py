"""Temporary files: the encoded files of many images, and their pixels."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class EncodedFiles:
    """The files of n images; threads may add to it at the same time, and read what was added.

    Parameters
    ----------
    path
        The temporary file.
    images
        Number of images.

    Attributes
    ----------
    sizes
        Shape (n,), int64: size of each file, 0 before it is added.
    """

    def __init__(self, path: Path, images: int) -> None:
        self.sizes = np.zeros(images, np.int64)
        self._starts = np.zeros(images, np.int64)
        self._file = path.open("w+b")
        self._lock = threading.Lock()
        self._path = path

    def add(self, row: int, data: bytes) -> None:
        """Add the file of the image in this row."""
        with self._lock:
            self._starts[row] = self._file.seek(0, 2)
            self._file.write(data)
            self.sizes[row] = len(data)

    def read(self, row: int) -> bytes:
        """Return the file of the image in this row."""
        with self._lock:
            self._file.seek(int(self._starts[row]))
            return self._file.read(int(self.sizes[row]))

    def remove(self) -> None:
        """Close and remove the temporary file."""
        self._file.close()
        self._path.unlink()


def new_pixels(path: Path, images: int, side: int) -> NDArray[np.uint8]:
    """Return pixels of squares, shape (n, side, side, 3), uint8, which are zero and lie in a new file."""
    shape = images, side, side, 3
    return np.memmap(path, np.uint8, "w+", shape=shape) if images else np.empty(shape, np.uint8)
