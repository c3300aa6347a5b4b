"""Open a HEIC file; its decoder is an extra."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.heif.boxes import without_impossible_crop

if TYPE_CHECKING:
    from PIL import ImageFile


def open_heif(file: io.BytesIO, name: str) -> ImageFile.ImageFile:
    """Open a HEIC file with libheif.

    Raises
    ------
    ImageError
        ``missing_extra`` if the decoder is not installed.
    """
    data = without_impossible_crop(file.getvalue())
    try:
        from pi_heif import HeifImageFile  # noqa: PLC0415 - an optional package
    except ImportError as error:
        message = "HEIF images need the package pi-heif: pip install 'icsys[heif]'"
        raise ImageError("missing_extra", message) from error
    image: ImageFile.ImageFile = HeifImageFile(io.BytesIO(data), name)
    return image
