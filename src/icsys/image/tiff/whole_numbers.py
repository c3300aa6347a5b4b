"""TIFF files of whole numbers that are no colours, as programs that label images write them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import TiffImagePlugin
from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.tiff.decoder import TiffFile
from icsys.image.tiff.kinds import Colors, number, numbers
from icsys.image.tiff.pages import at_picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_UNSIGNED, _SIGNED = 1, 2  # SampleFormat (TIFF 6.0, section 19)
_WIDE = {16, 32}  # bits
_EXACT = {1, 2, 4, 8}  # bits whose levels Pillow keeps apart in 8
_BYTE = 8
_LOSSY = {6, 7, 34887, 34892, 50001}  # Compression: kinds of JPEG, LERC, WebP
_WHOLE_MODES = {"I", "I;16", "I;16B"}


def open_whole_numbers(data: bytes) -> TiffFile:
    """Open a TIFF of one whole number of 16 or 32 bits a pixel, signed or not; Pillow's mode is then I.

    Raises
    ------
    ImageError
        ``unsupported`` for any other kind.
    """
    return _WholeNumbers(io.BytesIO(at_picture(data)), "")


class _WholeNumbers(TiffFile):
    """A TIFF whose samples Pillow reads as numbers, though they have no agreed colours."""

    def _setup(self) -> None:
        tags = self.tag_v2
        if (
            numbers(tags, Base.BitsPerSample, (1,))[:1] not in {(bits,) for bits in _WIDE}
            or number(tags, Base.SamplesPerPixel, 1) != 1
            or number(tags, Base.SampleFormat, _UNSIGNED) not in {_UNSIGNED, _SIGNED}
            or number(tags, Base.PhotometricInterpretation, Colors.BLACK_IS_ZERO) != Colors.BLACK_IS_ZERO
        ):
            raise ImageError("unsupported", "a TIFF mask of this kind: expected one whole number for each pixel")
        TiffImagePlugin.TiffImageFile._setup(self)  # noqa: SLF001 - the method that the base class overrides


def is_lossy_tiff(tags: Mapping[int, Any]) -> bool:
    """Return whether a TIFF holds compressed pictures whose pixels may have changed."""
    return number(tags, Base.Compression, 1) in _LOSSY


def check_exact(image: TiffFile) -> None:
    """Refuse an opened TIFF whose pixels would lose bits on their way through Pillow.

    Raises
    ------
    ImageError
        ``unsupported``.
    """
    bits = max(numbers(image.tag_v2, Base.BitsPerSample, (1,)), default=1)
    if bits not in _EXACT and image.mode not in _WHOLE_MODES and not (image.mode == "P" and bits <= _BYTE):
        raise ImageError(
            "unsupported",
            f"a TIFF mask of {bits} bits in mode {image.mode}: expected 1, 2, 4, 8 or 16 bits of grey, or colours of 8 "
            "bits; convert it to PNG",
        )
