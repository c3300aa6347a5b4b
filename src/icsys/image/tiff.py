"""TIFF files through Pillow and the libtiff inside it: held to our limits, and heard when it complains of one."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import ImageFile, TiffImagePlugin, _imaging
from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.integrity import check_jpeg
from icsys.image.limits import is_one_scan, jpeg_size

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 1000  # bytes of a sentence
# Tags of their offsets and sizes.
_STRIPS, _TILES = (Base.StripOffsets, Base.StripByteCounts), (Base.TileOffsets, Base.TileByteCounts)
_START_OF_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_ANY_FILE = "tempfile.tif: "  # as Pillow calls all of them
_OF_TAGS = "TIFFFetchNormalTag: "
# TIFFErrorHandler: the function that speaks, a format as for printf, and a va_list, which every calling convention that
# Python runs on passes as one pointer.
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_ears = threading.local()
_installing = threading.Lock()
_installed: list[object] = []  # what C may call has to stay


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF whose size was checked already, so that Pillow's own process-wide limit need not be asked.

    Attributes
    ----------
    complaints
        What libtiff has said of the picture, see :func:`hear_libtiff`, and what is wrong with JPEG data in it.
    """

    complaints: tuple[str, ...] = ()

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        if self.tile and self.info.get("compression") == "jpeg":
            self.complaints += tuple(self._damaged_jpegs())
        with hear_libtiff() as said:
            try:
                return super().load()
            finally:
                self.complaints += tuple(said)

    def _damaged_jpegs(self) -> Iterator[str]:
        """Say what is wrong with the strips or tiles, JPEGs whose tables lie apart (TIFF Technical Note 2).

        libtiff warns of their damage, as it does of much that is none, and Pillow does not let it speak. What takes
        more bytes than the file has, or more pixels than the picture, is left to libtiff, which refuses it.
        """
        file, tags, (across, down) = self.fp, self.tag_v2, self.size
        assert file is not None  # noqa: S101 - what has tiles to decode is open
        tables = tags.get(Base.JPEGTables, b"").removesuffix(_END_OF_JPEG)
        tiled = _TILES[0] in tags
        offsets, sizes = (tags.get(tag, ()) for tag in (_TILES if tiled else _STRIPS))
        if tiled:
            width, height = tags[Base.TileWidth], tags[Base.TileLength]
        else:
            width, height = across, min(tags.get(Base.RowsPerStrip, down), down)
        pixels_left = len(self.getbands()) * width * -(-across // width) * height * -(-down // height)
        bytes_left = file.seek(0, os.SEEK_END)
        for offset, size in zip(offsets, sizes, strict=False):
            bytes_left -= size
            if bytes_left < 0:
                return
            file.seek(offset)
            part = file.read(size)
            part = tables + part.removeprefix(_START_OF_JPEG) if tables else part
            pixels_left -= math.prod(jpeg_size(part))
            if pixels_left < 0:
                return
            if is_one_scan(part):
                try:
                    check_jpeg(part)
                except ImageError as error:
                    yield str(error).removeprefix("damaged JPEG: ")

    def load_prepare(self) -> None:
        """Take memory for the pixels, as Pillow's own method does after its check."""
        if self._im is None:
            self.im = _imaging.new(self.mode, self._tile_size)
        ImageFile.ImageFile.load_prepare(self)


@contextmanager
def hear_libtiff() -> Iterator[list[str]]:
    """Take down what libtiff says in this thread of a picture that it decodes; it would be printed, without a name.

    A decoder of faxes says that a line is damaged, and goes on as if it were not. What it says of tags is no part, and
    what it says in other threads goes where it went before. Where Pillow holds libtiff in itself, as its packages for
    Windows do, nothing is heard.
    """
    with _installing:
        if not _installed:
            _installed.append(_install())
    heard: list[str] = []
    _ears.heard = heard
    try:
        yield heard
    finally:
        _ears.heard = None


def _install() -> object:
    """Put an ear of ours before the handler that is there, and return it; None if libtiff cannot be reached."""
    try:
        # What Pillow's own module was linked with is found through it, wherever it lies.
        exchange = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        write = ctypes.pythonapi.PyOS_vsnprintf
    except (OSError, AttributeError):
        return None
    write.argtypes = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
    exchange.argtypes, exchange.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = None

    @_HANDLER  # type: ignore[untyped-decorator]
    def hear(speaker: bytes | None, sentence: bytes, values: int) -> None:
        heard: list[str] | None = getattr(_ears, "heard", None)
        if heard is not None:
            text = ctypes.create_string_buffer(_LONGEST)
            write(text, _LONGEST, sentence, values)
            said = b": ".join((speaker or b"libtiff", text.value)).decode(errors="replace")
            if not said.startswith(_OF_TAGS):
                heard.append(said.removeprefix(_ANY_FILE))
        elif before is not None:
            before(speaker, sentence, values)

    address = exchange(ctypes.cast(hear, ctypes.c_void_p))
    before = _HANDLER(address) if address else None
    return hear
