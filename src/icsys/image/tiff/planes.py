"""Planes of bytes of a TIFF, read one band of rows at a time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

import numpy as np

from icsys.image.tiff.kinds import LOW_BIT_FIRST
from icsys.image.tiff.sample_bytes import row_bytes, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from icsys.image.tiff.kinds import Kind
    from icsys.image.tiff.sample_bytes import Layout

# Each byte with its bits in the other order.
_REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1)[:, ::-1], axis=1)[:, 0]


class Plane(Protocol):
    """The bytes of all samples, or of one sample of each pixel, in rows."""

    @property
    def width(self) -> int:
        """Bytes of a row."""

    @property
    def height(self) -> int:
        """Rows."""

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Return the bytes of a band of rows."""


class UnpackedPlane:
    """A plane that libtiff unpacked as a grey picture."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture
        self.width, self.height = picture.size

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Return the bytes of a band of rows."""
        return np.asarray(self._picture.crop((0, top, self.width, bottom)))


class StoredPlane:
    """A plane that is stored without compression: rows are read where they lie in the file.

    Attributes
    ----------
    is_cut
        Whether the file ends within the plane; missing bytes are zero.
    """

    def __init__(self, data: bytes, kind: Kind, layout: Layout, index: int) -> None:
        self._data = np.frombuffer(data, np.uint8)
        self._is_reversed = kind.fill_order == LOW_BIT_FIRST
        self.width, self.height = row_bytes(layout.width, kind), unit_rows(layout.height, kind)
        self._part_width = row_bytes(layout.part_width, kind)
        self._part_height = unit_rows(layout.part_height, kind)
        self._across, down = -(-layout.width // layout.part_width), -(-layout.height // layout.part_height)
        parts = self._across * down
        self._offsets = layout.offsets[index * parts : (index + 1) * parts]
        last = self.height - (down - 1) * self._part_height  # strips end with the picture
        rows = [self._part_height] * (parts - self._across) + [last] * self._across
        self.is_cut = any(
            offset + count * self._part_width > len(data) for offset, count in zip(self._offsets, rows, strict=True)
        )

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Return the bytes of a band of rows."""
        first, last = top // self._part_height, (bottom - 1) // self._part_height
        if first == last and self._across == 1:
            return self._part(first, 0, top, bottom)[:, : self.width]  # a tile may be wider
        band = np.empty((bottom - top, self.width), np.uint8)
        for down, across in itertools.product(range(first, last + 1), range(self._across)):
            start, end = max(top, down * self._part_height), min(bottom, (down + 1) * self._part_height)
            left = across * self._part_width
            part = self._part(down, across, start, end)
            band[start - top : end - top, left : left + self._part_width] = part[:, : self.width - left]
        return band

    def _part(self, down: int, across: int, top: int, bottom: int) -> NDArray[np.uint8]:
        """Return the rows from ``top`` to ``bottom`` of a strip or tile."""
        first = self._offsets[down * self._across + across] + (top - down * self._part_height) * self._part_width
        size = (bottom - top) * self._part_width
        found = self._data[first : first + size]
        if len(found) < size:
            found = np.concatenate([found, np.zeros(size - len(found), np.uint8)])
        found = _REVERSED[found] if self._is_reversed else found
        return found.reshape(bottom - top, self._part_width)
