"""Open a PNG with Pillow, without chunks beside its pixels that Pillow would stumble over."""

from __future__ import annotations

import io

from PIL.PngImagePlugin import PngImageFile

from icsys.errors import ImageError
from icsys.image.png.side_chunks import mend_side_chunks, parted_from_profile


class PngFile(PngImageFile):
    """A PNG as Pillow opens it.

    Attributes
    ----------
    note
        What was left out of the file; None for most.
    """

    note: str | None = None


def open_png(file: io.BytesIO, name: str) -> PngFile:
    """Open a PNG; if Pillow refuses its profile as too large, that is read here.

    Raises
    ------
    ImageError
        ``broken`` or ``unsupported`` for a picture whose colours are not certain.
    """
    data, note = mend_side_chunks(file.getvalue())
    image = _opened(data, name)
    if image.mode == "P" and image.palette is None:
        raise ImageError("broken", "a PNG of positions in a palette that it lacks")
    image.note = note
    return image


def _opened(data: bytes, name: str) -> PngFile:
    try:
        return PngFile(io.BytesIO(data), name)
    except Exception:
        parts = parted_from_profile(data)
        if parts is None:
            raise
        image = PngFile(io.BytesIO(parts[0]), name)
        image.info["icc_profile"] = parts[1]
        return image
