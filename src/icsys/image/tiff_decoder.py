"""TIFF files through Pillow and libtiff: within our limits, and with libtiff's error messages."""

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

_LONGEST = 1000  # bytes of a message
# Tags with the offsets and sizes of strips and of tiles.
_STRIPS, _TILES = (Base.StripOffsets, Base.StripByteCounts), (Base.TileOffsets, Base.TileByteCounts)
_START_OF_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_ANY_FILE = "tempfile.tif: "  # the name that Pillow gives every file
_OF_TAGS = "TIFFFetchNormalTag: "
# TIFFErrorHandler(module, format, arguments): the arguments are a va_list, which is passed as one pointer on every
# platform that Python runs on.
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_collecting = threading.local()
_installing = threading.Lock()
_installed: list[object] = []  # C code may call it at any time, so it is never freed


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF whose size was checked before; Pillow's process-wide limit is not used.

    Attributes
    ----------
    complaints
        libtiff's error messages about the pixels, see :func:`collect_libtiff_errors`, and damage of JPEG data in it.
    """

    complaints: tuple[str, ...] = ()

    def _open(self) -> None:
        super()._open()
        self.info.pop("xmp", None)  # Pillow would turn the picture by an orientation in it; only the tag counts

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        if self.tile and self.info.get("compression") == "jpeg":
            self.complaints += tuple(self._damaged_jpegs())
        with collect_libtiff_errors() as messages:
            try:
                return super().load()
            finally:
                self.complaints += tuple(messages)

    def _damaged_jpegs(self) -> Iterator[str]:
        """Yield the damage of strips or tiles that are JPEGs with separate tables (TIFF Technical Note 2).

        libtiff only warns of it, as of much that is no damage, and Pillow switches warnings off. Strips of more bytes
        than the file has, or of more pixels than the picture, are left to libtiff, which refuses them.
        """
        file, tags, (across, down) = self.fp, self.tag_v2, self.size
        assert file is not None  # noqa: S101 - a picture with tiles to decode is open
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
def collect_libtiff_errors() -> Iterator[list[str]]:
    """Collect the error messages of libtiff in this thread, which it would print to standard error.

    Pillow ignores them, and so takes damaged faxes for good pictures: it decoded 300 group 4 files with two flipped
    bits each to wrong pixels, and these messages reveal 297 of them. Messages about tags are left out. The handler
    belongs to the process: messages of other threads go to the handler that was there before. If libtiff is linked
    into Pillow's own module, as in its packages for Windows, nothing is collected.
    """
    with _installing:
        if not _installed:
            _installed.append(_install())
    messages: list[str] = []
    _collecting.messages = messages
    try:
        yield messages
    finally:
        _collecting.messages = None


def _install() -> object:
    """Install our error handler before the one that is there, and return it; None if libtiff cannot be reached."""
    try:
        # Pillow's own module leads to the libtiff that it was linked with.
        exchange = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        write = ctypes.pythonapi.PyOS_vsnprintf
    except (OSError, AttributeError):
        return None
    write.argtypes = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
    exchange.argtypes, exchange.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = None

    @_HANDLER  # type: ignore[untyped-decorator]
    def handle(module: bytes | None, format_: bytes, arguments: int) -> None:
        messages: list[str] | None = getattr(_collecting, "messages", None)
        if messages is not None:
            text = ctypes.create_string_buffer(_LONGEST)
            write(text, _LONGEST, format_, arguments)
            message = b": ".join((module or b"libtiff", text.value)).decode(errors="replace")
            if not message.startswith(_OF_TAGS):
                messages.append(message.removeprefix(_ANY_FILE))
        elif before is not None:
            before(module, format_, arguments)

    address = exchange(ctypes.cast(handle, ctypes.c_void_p))
    before = _HANDLER(address) if address else None
    return handle
