"""Pictures of the photos as they are, as JPEG files: small ones for the grid, and large ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from icsys.engine.memory_budget import return_freed
from icsys.image.decode import decode_photo
from icsys.image.encode import encode_lossy
from icsys.image.read_output import flat_pixels
from icsys.options import Options
from icsys.studio.images.kept_bytes import KeptWithinBytes
from icsys.studio.images.shared_work import SharedWork

if TYPE_CHECKING:
    from icsys.image.decode import Admit
    from icsys.studio.images.image_list import ImageList

SIDE = 160
"""The longer side of a thumbnail, in pixels."""

_QUALITY = 80
_MOST_BYTES = 24 * 2**20  # some 5,000 thumbnails
_OPTIONS = Options(strategy="SO", size=(SIDE, SIDE), on_corrupt="keep")
_LARGE = Options(strategy="SO", size=(4096, 4096), on_corrupt="keep")
_LARGE_QUALITY = 92


class MadeJpeg(NamedTuple):
    """A JPEG file, and the version of the photo that it shows."""

    data: bytes
    version: str


class Thumbnails:
    """Makes thumbnails, and keeps the last ones.

    Parameters
    ----------
    images
        The images to read.
    limits
        Options whose limits of pixels, bytes and frames hold.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, limits: Options, admit: Admit) -> None:
        self._images, self._admit = images, admit
        limited = {name: getattr(limits, name) for name in ("max_pixels", "max_bytes", "max_frames")}
        self._small, self._large = _OPTIONS.replace(**limited), _LARGE.replace(**limited)
        self._kept = KeptWithinBytes[MadeJpeg](_MOST_BYTES, lambda made: len(made.data))
        self._making = SharedWork[MadeJpeg]()
        self._one_large = threading.Lock()

    def jpeg(self, number: int) -> MadeJpeg:
        """Return the thumbnail of an image, a JPEG file.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read or decoded.
        """
        key = number, self._images.version(number)

        def make() -> MadeJpeg:
            made = self._encoded(number, self._small, _QUALITY)
            self._kept.put((number, made.version), made)
            return made

        return self._kept.get(key) or self._making.do(key, make)

    def large_jpeg(self, number: int) -> MadeJpeg:
        """Return an image with sides of at most 4096 pixels, a JPEG file; errors as for :meth:`jpeg`."""

        def make() -> MadeJpeg:
            with self._one_large:  # it takes several times the bytes of its pixels
                made = self._encoded(number, self._large, _LARGE_QUALITY)
            return_freed()
            return made

        return self._making.do(("large", number, self._images.version(number)), make)

    def _encoded(self, number: int, options: Options, quality: int) -> MadeJpeg:
        data, version = self._images.file(number, options)
        pixels = decode_photo(data, options, self._admit).pixels
        return MadeJpeg(encode_lossy("JPEG", flat_pixels(pixels, options.background), quality), version)
