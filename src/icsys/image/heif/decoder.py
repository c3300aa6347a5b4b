"""AVIF and HEIC files: the pixels with their crop, and the colours that their boxes describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.image.color_conversion import is_profile
from icsys.image.described.description import described_by_codes
from icsys.image.described.pictures import described_to_srgb
from icsys.image.described.source_colors import hdr_warning, source_colors
from icsys.image.heif.boxes import crop_box, picture_properties
from icsys.image.opened_file import OpenedFile

if TYPE_CHECKING:
    from PIL import Image, ImageFile

    from icsys.image.opened_file import Decoded

_UNSPECIFIED, _SRGB_PRIMARIES, _SRGB_CURVE = 2, 1, 13  # codes of ITU-T H.273


class OpenedHeif(OpenedFile):
    """A HEIC file, whose decoder crops it. An ICC profile that can be read comes before codes."""

    def __init__(self, image: ImageFile.ImageFile, data: bytes) -> None:
        super().__init__(image, data)
        self._properties = picture_properties(data)
        self.coded_size = self._properties.size or image.size
        codes, described = self._properties.codes, None
        if codes and not is_profile(self.profile):
            primaries, transfer = codes
            described = described_by_codes(
                primaries if primaries != _UNSPECIFIED else _SRGB_PRIMARIES,
                transfer if transfer != _UNSPECIFIED else _SRGB_CURVE,
                camera_is_srgb=True,
            )
        self.description, self.profile = source_colors(described, self.profile)
        self.is_held_twice = self.description is not None
        self.note = hdr_warning(self.description)

    def decoded(self, shrink: int, *, keep: bool) -> Decoded:
        """Decode and crop the pixels, and convert described colours."""
        decoded = super().decoded(shrink, keep=keep)
        picture = self._cropped(decoded.picture)
        if self.description:
            picture = described_to_srgb(picture, self.description)
        return decoded._replace(picture=picture)

    def _cropped(self, picture: Image.Image) -> Image.Image:
        return picture


class OpenedAvif(OpenedHeif):
    """An AVIF file, whose decoder leaves the crop to its reader."""

    def stored(self) -> tuple[tuple[int, int], int]:
        """Return the size of the clean aperture, and the orientation."""
        size, orientation = super().stored()
        box = self._box(size)
        return (size if box is None else (box[2] - box[0], box[3] - box[1])), orientation

    def _cropped(self, picture: Image.Image) -> Image.Image:
        """Return the clean aperture, which counts before the picture is turned (ISO/IEC 23000-22, 7.3.6.7)."""
        box = self._box(picture.size)
        return picture.crop(box) if box else picture

    def _box(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        aperture = self._properties.clean_aperture
        return crop_box(size, aperture) if aperture else None
