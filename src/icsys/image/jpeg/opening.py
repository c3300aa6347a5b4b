"""Open a JPEG with Pillow, which fails on some of what programs add to its headers."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING

from PIL.JpegImagePlugin import jpeg_factory

from icsys.image.jpeg.mending import barer_jpegs, with_end
from icsys.image.jpeg.processes import check_process
from icsys.image.jpeg.scans import check_scans

if TYPE_CHECKING:
    from PIL import ImageFile


def open_jpeg(file: io.BytesIO, name: str) -> ImageFile.ImageFile:
    """Open a JPEG; if Pillow fails, without headers that hold no pixels.

    Raises
    ------
    ImageError
        ``unsupported`` for a kind that no decoder here reads, ``too_large`` for one of too many scans.
    """
    data = with_end(file.getvalue())  # Pillow, which decodes CMYK, takes one without for cut off
    image = _opened(data, name)
    check_scans(data)
    return image


def _opened(data: bytes, name: str) -> ImageFile.ImageFile:
    try:
        return jpeg_factory(io.BytesIO(data), name)
    except Exception:
        for barer in barer_jpegs(data):
            with suppress(Exception):
                return jpeg_factory(io.BytesIO(barer), name)
        check_process(data)
        raise
