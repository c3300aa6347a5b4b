"""The geometry of a picture from its headers: its stored size, and the EXIF orientation that makes it upright."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.image.faults import DecoderErrors
from icsys.image.jpeg.decoder import MODES
from icsys.image.jpeg.headers import plain_header
from icsys.image.jpeg.mending import close_jpeg
from icsys.image.limits import check_bytes, check_frames, check_image, check_size
from icsys.image.open_image import count_frames, open_image
from icsys.image.opened_file import exif_orientation, opened_file

if TYPE_CHECKING:
    from PIL import ImageFile

    from icsys.options import Options


class PictureHeader(NamedTuple):
    """What the headers of a picture say.

    Attributes
    ----------
    format
        As in :class:`~icsys.image.decode.ImageInfo`.
    stored
        Width and height as stored, cropped as the file asks, in pixels.
    orientation
        EXIF orientation, 1 to 8.
    mode
        Pixel mode as stored, in Pillow's names.
    """

    format: str
    stored: tuple[int, int]
    orientation: int
    mode: str


def read_header(data: bytes, options: Options) -> PictureHeader:
    """Return the geometry that :func:`~icsys.image.decode.decode_photo` finds in a file, without decoding its pixels.

    Parameters
    ----------
    data
        The content of the file.
    options
        The limits and ``on_corrupt`` are used.

    Raises
    ------
    ImageError
        As for decoding, but for what only the pixels show.
    """
    with DecoderErrors():
        check_bytes(len(data), options)
        plain = plain_header(data)
        if plain is not None:
            check_size(*plain.size, options)
            check_frames(1, options)
            return PictureHeader("JPEG", plain.size, plain.orientation, plain.mode)
        name, image = open_image(close_jpeg(data) if options.on_corrupt == "keep" else data, options)
        with image:
            return _opened_header(name, image, data, options)


def _opened_header(name: str, image: ImageFile.ImageFile, data: bytes, options: Options) -> PictureHeader:
    """Return the header of an opened picture."""
    check_image(image, options)
    check_frames(count_frames(name, data, image, options.max_frames), options)
    if name == "JPEG" and image.mode in MODES:
        return PictureHeader(name, image.size, exif_orientation(image), image.mode)
    file = opened_file(name, image, data)
    check_size(*file.coded_size, options)
    return PictureHeader(name, *file.stored(), image.mode)
