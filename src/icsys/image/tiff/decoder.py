"""TIFF files: the page that is the picture, through Pillow and libtiff, within our limits and with libtiff's errors."""

from __future__ import annotations

import io
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from PIL import Image, ImageFile, ImagePalette, TiffImagePlugin, _imaging
from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.color_conversion import note_grey_scale
from icsys.image.faults import is_cut_short
from icsys.image.geometry import upright_size
from icsys.image.jpeg.integrity import check_jpeg
from icsys.image.jpeg.segments import is_one_scan, jpeg_size
from icsys.image.tiff.kinds import (
    UNCOMPRESSED,
    Colors,
    Kind,
    check_readable,
    is_usual,
    kind_of,
    pillow_misreads,
    refused_compression,
)
from icsys.image.tiff.libtiff_errors import collect_libtiff_errors
from icsys.image.tiff.pages import at_picture, is_picture
from icsys.image.tiff.planes import Plane, StoredPlane, UnpackedPlane
from icsys.image.tiff.sample_bytes import Layout, layout_of, plane_file, row_bytes, unit_rows
from icsys.image.tiff.samples import color_map, keeps_positions, plain_mode_of, to_plain_image

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tags with the offsets and sizes of strips and of tiles.
_STRIPS, _TILES = (Base.StripOffsets, Base.StripByteCounts), (Base.TileOffsets, Base.TileByteCounts)
_START_OF_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_WINDOWS_MEDIA_PHOTO = 0xBC01
_NOT_COMPILED = "compression support is not configured"  # a sentence of libtiff
_MOTOROLA_BIG_TIFF = b"MM\0+"  # a kind that Pillow does not recognise


def open_tiff(file: io.BytesIO, name: str) -> TiffFile:
    """Open the page of a TIFF that is its picture; no pixel is decoded yet.

    Raises
    ------
    ImageError
        ``unsupported`` for camera raw and for a kind that has no agreed colours in 8 bits.
    """
    data = file.getvalue()
    if data[:4] != _MOTOROLA_BIG_TIFF:
        with suppress(_OtherPageError):
            return _FirstPage(file, name)
    return TiffFile(io.BytesIO(at_picture(data)), name)


class _OtherPageError(Exception):
    """Another page than the first may be the picture."""


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A page of a TIFF whose size was checked before; Pillow's process-wide limit is not used.

    Pillow decodes the kinds that it reads right. Of the others, it unpacks the bytes, and
    :mod:`icsys.image.tiff.samples` makes pixels of them.

    Attributes
    ----------
    complaints
        libtiff's error messages about the pixels, see :func:`collect_libtiff_errors`, and damage of JPEG data in it.
    bytes_unpacked
        Memory that decoding takes beside the pixels: 0 for a kind that Pillow reads.
    """

    complaints: tuple[str, ...] = ()
    bytes_unpacked = 0
    _plan: tuple[Kind, Layout] | None = None

    def _open(self) -> None:
        super()._open()
        self.info.pop("xmp", None)  # Pillow would turn the picture by an orientation in it; only the tag counts

    def _setup(self) -> None:
        """Choose how the pixels are decoded. Pillow calls this for each page."""
        if _WINDOWS_MEDIA_PHOTO in self.tag_v2:
            raise ImageError("unsupported", "a Windows Media Photo (JPEG XR): convert it to PNG or TIFF")
        kind = None if is_usual(self.tag_v2) else kind_of(self.tag_v2)
        if kind is None or not pillow_misreads(kind, self.tag_v2, len(self._content())):
            if kind is not None and kind.compression != UNCOMPRESSED and Base.FillOrder in self.tag_v2:
                self.tag_v2[Base.FillOrder] = 1  # libtiff turns the bits, so Pillow finds the kind by the usual order
            try:
                super()._setup()
            except (SyntaxError, KeyError):  # a kind that Pillow lacks
                kind = kind or kind_of(self.tag_v2)
            else:
                note_grey_scale(self)
                return
        check_readable(kind)
        self._set_up_samples(kind)

    def _set_up_samples(self, kind: Kind) -> None:
        """Prepare to decode the samples here."""
        layout = layout_of(self.tag_v2, kind)
        self._plan = kind, layout
        self._tile_size = size = layout.width, layout.height
        self._size = upright_size(size, self.tag_v2.get(Base.Orientation, 1))
        self._mode = plain_mode_of(kind, self.tag_v2)
        self.info["compression"] = TiffImagePlugin.COMPRESSION_INFO[kind.compression]
        profile = self.tag_v2.get(Base.InterColorProfile)
        # CMYK with alpha becomes sRGB while it is decoded.
        if profile and not (kind.photometric == Colors.CMYK and kind.alpha is not None):
            self.info["icc_profile"] = profile
        colors = color_map(kind, self.tag_v2).tobytes() if keeps_positions(kind) else None
        self.palette = None if colors is None else ImagePalette.raw("RGB", colors)
        self.tile = [ImageFile._Tile("raw", (0, 0, *size))]  # noqa: SLF001 - there are pixels to decode
        if kind.compression != UNCOMPRESSED:
            planes = kind.samples if kind.planar else 1
            of_plane = row_bytes(layout.width, kind) * unit_rows(layout.height, kind)
            self.bytes_unpacked = planes * of_plane + len(self._content())

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        if self._plan is not None and self.tile:
            return self._load_samples(*self._plan)
        if self.tile and self.info.get("compression") == "jpeg":
            self.complaints += tuple(self._damaged_jpegs())
        with collect_libtiff_errors() as messages:
            try:
                return super().load()
            except OSError as error:
                if any(_NOT_COMPILED in message for message in messages):
                    raise refused_compression(self.tag_v2) from error
                raise
            finally:
                self.complaints += tuple(messages)

    def _load_samples(self, kind: Kind, layout: Layout) -> _imaging.PixelAccess | None:
        """Decode the bytes of each plane, as far as they are whole, and convert them to pixels."""
        data = self._content()
        planes = [self._plane(data, kind, layout, index) for index in range(kind.samples if kind.planar else 1)]
        profile = self.tag_v2.get(Base.InterColorProfile)
        picture = to_plain_image(planes, kind, layout, self.tag_v2, big_endian=data[:2] == b"MM", profile=profile)
        self.tile = []
        self.im = picture.im
        self.load_end()
        return Image.Image.load(self)

    def _plane(self, data: bytes, kind: Kind, layout: Layout, index: int) -> Plane:
        """Return the bytes of a plane, and note its damage."""
        if kind.compression == UNCOMPRESSED:
            stored = StoredPlane(data, kind, layout, index)
            self.complaints += ("image file is truncated",) if stored.is_cut else ()
            return stored
        picture = _PlaneFile(io.BytesIO(plane_file(data, self.tag_v2, kind, layout, index)), "")
        self.complaints += tuple(_loaded(picture))
        return UnpackedPlane(picture)

    def _content(self) -> bytes:
        """Return the bytes of the file."""
        assert isinstance(self.fp, io.BytesIO)  # noqa: S101 - as open_tiff made it
        return self.fp.getvalue()

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


class _FirstPage(TiffFile):
    """The first page of a TIFF, unless another may be the picture."""

    def _setup(self) -> None:
        if not is_picture(self.tag_v2):
            raise _OtherPageError
        super()._setup()


class _PlaneFile(TiffFile):
    """The bytes of a plane as a grey picture, which Pillow reads right."""

    def _setup(self) -> None:
        TiffImagePlugin.TiffImageFile._setup(self)  # noqa: SLF001 - the method that is overridden


def _loaded(plane: TiffFile) -> Iterator[str]:
    """Decode the pixels of a plane, and yield its damage; what lies behind a cut stays zero."""
    try:
        plane.load()
    except OSError as error:
        if not is_cut_short(error):
            raise
        plane.tile = []
        plane.load()  # raises again if no memory for pixels was taken yet
        yield from plane.complaints or (str(error),)
    else:
        yield from plane.complaints
