"""One image of a dataset of arrays, in a file of its own until the arrays are written.

A file is a header, which all images of a dataset share, and the bytes that the image has in each array: its row of the
indices and its palette, or its pixels. So arrays are written by appending bytes, and a file is made again by joining
them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.image.arrays.packing import bits_for, index_dtype, pack_rows, packed_width, unpack_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_SIGNATURE = b"\x93ICSROW1"
"""The first bytes of a file."""

_HEADER = struct.Struct("<8sIII")  # signature, width, height, colours
_CHANNELS = 3
_TWO_BYTES = 16  # bits


class RowForm(NamedTuple):
    """What all images of a dataset of arrays have in common.

    Attributes
    ----------
    width, height
        In pixels.
    colors
        Entries of each palette; 0 if the arrays hold pixels.
    """

    width: int
    height: int
    colors: int

    @property
    def bits(self) -> int:
        """Bits of an index; 0 for pixels."""
        return bits_for(self.colors) if self.colors else 0

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of an image in its array: (H, W packed), or (H, W, 3) for pixels."""
        if not self.colors:
            return self.height, self.width, _CHANNELS
        return self.height, packed_width(self.bits, self.width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array of indices, or of pixels; numbers of two bytes begin with the lower one."""
        return index_dtype(self.bits).newbyteorder("<") if self.colors else np.dtype(np.uint8)

    @property
    def row_bytes(self) -> int:
        """Bytes of an image in its array."""
        return int(np.prod(self.row_shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def palette_bytes(self) -> int:
        """Bytes of a palette."""
        return self.colors * _CHANNELS

    @property
    def header(self) -> bytes:
        """The beginning of the file of each image."""
        return _HEADER.pack(ROW_SIGNATURE, *self)

    @property
    def file_bytes(self) -> int:
        """Bytes of the file of each image."""
        return _HEADER.size + self.row_bytes + self.palette_bytes

    def parts(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Return the row and the palette in the file of an image; None if it has another form."""
        if len(data) != self.file_bytes or not data.startswith(self.header):
            return None
        middle = _HEADER.size + self.row_bytes
        return data[_HEADER.size : middle], data[middle:]


def encode_index_row(indices: NDArray[np.integer], palette: NDArray[np.uint8], colors: int) -> bytes:
    """Return the file of an image with few colours.

    Parameters
    ----------
    indices
        Shape (H, W).
    palette
        Shape (n, 3), uint8. Its last colour fills it up to ``colors`` entries.
    colors
        The number of colours that was asked for, at least n.
    """
    height, width = indices.shape
    form = RowForm(width, height, colors)
    packed = pack_rows(indices.astype(index_dtype(form.bits), copy=False), form.bits)
    rest = np.repeat(palette[-1:], colors - len(palette), axis=0)
    stored = np.ascontiguousarray(packed, form.dtype)
    return b"".join((form.header, stored.tobytes(), palette.tobytes(), rest.tobytes()))


def encode_pixel_row(pixels: NDArray[np.uint8]) -> bytes:
    """Return the file of an image that keeps all its colours: pixels of shape (H, W, 3), or (H, W) for grey, uint8."""
    height, width = pixels.shape[:2]
    colored = pixels if pixels.ndim > 2 else np.repeat(pixels[..., None], _CHANNELS, axis=2)  # noqa: PLR2004 - axes
    return RowForm(width, height, 0).header + colored.tobytes()


def decode_row(data: bytes) -> dict[str, NDArray[Any]]:
    """Return what the file of an image holds, by the names that the arrays of an ``.npz`` file have.

    Returns
    -------
    dict
        ``indices``, shape (H, W), uint8 or uint16, and ``palette``, shape (K, 3), uint8; or ``pixels``, shape
        (H, W, 3), uint8.

    Raises
    ------
    ValueError
        If it is no such file.
    """
    if len(data) < _HEADER.size:
        raise ValueError("the file is too short")
    form = RowForm(*_HEADER.unpack_from(data)[1:])
    if form.colors > 1 << _TWO_BYTES:
        raise ValueError(f"{form.colors} colours")
    parts = form.parts(data)
    if parts is None:
        raise ValueError(f"{len(data)} bytes for an image of {form.width}x{form.height} and {form.colors} colours")
    row, palette = parts
    stored = np.frombuffer(row, form.dtype).reshape(form.row_shape)
    if not form.colors:
        return {"pixels": stored}
    native = stored.astype(index_dtype(form.bits), copy=False)
    return {
        "indices": unpack_rows(native, form.bits, form.width),
        "palette": np.frombuffer(palette, np.uint8).reshape(-1, _CHANNELS),
    }
