"""BMP files through Pillow, but for bit masks, runs and palettes that it lacks or misreads."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import BmpImagePlugin, Image, ImageFile, ImagePalette

from icsys.image.bmp.bit_masks import BitMasks, bit_masks, masked_picture
from icsys.image.bmp.runs import unpacked_runs

if TYPE_CHECKING:
    from PIL import _imaging

_HEADER_AT, _OLD_HEADER = 14, 12  # place of the second header, bytes of that of OS/2
_BITS_AT = {_OLD_HEADER: 24}  # else 28
_RAW_MODES = {1: "P;1", 4: "P;4", 8: "P"}
_MOST_COLORS = 256
_BYTES_OF_RUNS = 2  # of a pixel: two copies of the positions
_RUNS = "bmp_rle"  # Pillow's name of their decoder
_CUT = "image file is truncated"


class BmpFile(BmpImagePlugin.BmpImageFile):
    """A BMP, decoded here where Pillow lacks the kind or takes it for another.

    Attributes
    ----------
    complaints
        What the file lacks.
    bytes_unpacked
        Memory that decoding takes beside the pixels.
    """

    complaints: tuple[str, ...] = ()
    bytes_unpacked = 0
    _masks: BitMasks | None = None

    def _open(self) -> None:
        self._masks = kind = bit_masks(self._content())
        if kind is None:
            super()._open()
            if self.mode in {"1", "L", "P"}:
                self._correct_palette()
        else:
            self._size = kind.width, kind.height
            self._mode = "RGBA" if len(kind.masks) > 3 else "RGB"  # noqa: PLR2004 - colours
            self.tile = [ImageFile._Tile("raw", (0, 0, *self.size))]  # noqa: SLF001 - there are pixels to decode
        if self.tile[0].codec_name == _RUNS:
            self.bytes_unpacked = _BYTES_OF_RUNS * self.width * self.height

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        if self.tile and self._masks is not None:
            picture, whole = masked_picture(self._content(), self._masks)
            return self._take(picture, whole=whole)
        if self.tile and self.tile[0].codec_name == _RUNS:
            return self._load_runs()
        return super().load()

    def _content(self) -> bytes:
        """Return the bytes of the file."""
        assert isinstance(self.fp, io.BytesIO)  # noqa: S101 - what open_image gives
        return self.fp.getvalue()

    def _correct_palette(self) -> None:
        """Give a picture its palette, where Pillow takes it for grey of another depth or takes too many colours.

        Pillow looks at the colours alone: black and white become 1 bit a pixel, whatever the header states.
        """
        data = self._content()
        size = int.from_bytes(data[_HEADER_AT : _HEADER_AT + 4], "little")
        at, entry, raw = _HEADER_AT + size, *((3, "BGR") if size == _OLD_HEADER else (4, "BGRX"))
        bits = int.from_bytes(data[_BITS_AT.get(size, 28) :][:2], "little")
        colors = 1 << bits if size == _OLD_HEADER else int.from_bytes(data[46:50], "little") or 1 << bits
        if {"1": 1, "L": 8}.get(self.mode, bits) == bits and colors <= _MOST_COLORS:
            return
        self._mode = "P"
        self.palette = ImagePalette.raw(raw, data[at : at + entry * min(colors, _MOST_COLORS)])
        tile = self.tile[0]
        assert isinstance(tile.args, tuple)  # noqa: S101 - as Pillow made it
        self.tile = [tile._replace(args=(_RAW_MODES[bits], *tile.args[1:]))]

    def _load_runs(self) -> _imaging.PixelAccess | None:
        """Unpack runs; those of a picture that stands on its head begin with the lowest row."""
        tile = self.tile[0]
        assert isinstance(tile.args, tuple)  # noqa: S101 - as Pillow made it
        _, halves, direction = tile.args
        positions, whole = unpacked_runs(self._content(), tile.offset, self.size, halves=halves)
        mode = "L" if self.mode == "L" else "P"
        return self._take(Image.frombytes(mode, self.size, bytes(positions), "raw", mode, 0, direction), whole=whole)

    def _take(self, picture: Image.Image, *, whole: bool) -> _imaging.PixelAccess | None:
        """Take the pixels of a picture."""
        self.tile = []
        self.complaints = () if whole else (_CUT,)
        self.im, self._mode = picture.im, picture.mode
        return Image.Image.load(self)
