"""Pictures of the photos as they are, as JPEG files: small ones for the grid, and large ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from icsys.image.decode import decode_photo
from icsys.image.encode import encode_lossy
from icsys.image.read_output import flat_pixels
from icsys.options import Options

if TYPE_CHECKING:
    from icsys.studio.images.image_list import ImageList

SIDE = 160
"""The longer side of a thumbnail, in pixels."""

_QUALITY = 80
_MOST_KEPT = 4000  # of about 5 kB each
_OPTIONS = Options(strategy="SO", size=(SIDE, SIDE), on_corrupt="keep")
_LARGE = Options(strategy="SO", size=(4096, 4096), on_corrupt="keep")
_LARGE_QUALITY = 92


class Thumbnails:
    """Makes thumbnails, and keeps the last ones.

    Parameters
    ----------
    images
        The images to read.
    """

    def __init__(self, images: ImageList) -> None:
        self._images = images
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def jpeg(self, number: int) -> bytes:
        """Return the thumbnail of an image, a JPEG file.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read or decoded.
        """
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
        data = self._encoded(number, _OPTIONS, _QUALITY)
        with self._lock:
            self._kept[number] = data
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return data

    def large_jpeg(self, number: int) -> bytes:
        """Return an image with sides of at most 4096 pixels, a JPEG file; errors as for :meth:`jpeg`."""
        return self._encoded(number, _LARGE, _LARGE_QUALITY)

    def _encoded(self, number: int, options: Options, quality: int) -> bytes:
        pixels = decode_photo(self._images.read(number, options), options).pixels
        return encode_lossy("JPEG", flat_pixels(pixels, options.background), quality)
