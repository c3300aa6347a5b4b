"""The pixels of a PNG, with what Pillow leaves open: transparent colours of any depth, and colours of 16 bits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from icsys.image.color_conversion import in_bands, is_profile
from icsys.image.described.light import grey_levels_of, to_srgb_levels
from icsys.image.described.pictures import described_to_srgb
from icsys.image.described.source_colors import hdr_warning, source_colors
from icsys.image.faults import load_pixels
from icsys.image.opened_file import Decoded, OpenedFile, exif_orientation
from icsys.image.png.chunks import facts_behind_pixels
from icsys.image.png.colors import png_description

if TYPE_CHECKING:
    from typing import IO

    from PIL import ImageFile

    from icsys.image.described.description import ColorDescription

_DEPTH, _KIND = 24, 25  # where a PNG has its bits per channel, and its colour type
_DEEP, _GREY_KINDS = 16, {0, 4}
_GREY_SCALES = {"L;2": 85, "L;4": 17, "L": 1}
# Raw modes of as many bits whose pixels hold what Pillow drops: low bytes, or grey and alpha as one number.
_LOW_BYTES = {"RGB;16B": ("RGB", "RGB;16L"), "RGBA;16B": ("RGBA", "RGBA;16L"), "LA;16B": ("I", "I;32B")}


class OpenedPng(OpenedFile):
    """A PNG, whose colours chunks may describe.

    Pillow scales pixels to 8 bits but leaves the transparent colour in the file's 2, 4 or 16 bits, and turns 16-bit
    grey with alpha into RGBA. Here a transparent colour of 16 bits is compared with pixels of 16 bits, and colours of
    16 bits are converted to sRGB before they are cut to 8.
    """

    def __init__(self, image: ImageFile.ImageFile, data: bytes) -> None:
        super().__init__(image, data)
        profile = self.profile
        described = png_description(data, has_profile=lambda: is_profile(profile))
        deep, grey = data[_DEPTH] == _DEEP, data[_KIND] in _GREY_KINDS
        self.description, self.profile = source_colors(described, profile, deep=deep, grey=grey)
        # Pillow's name of the bits and channels in the file.
        self._rawmode: Any = image.tile[0].args if image.tile else None
        has_deep_key = self._rawmode == "RGB;16B" and isinstance(image.info.get("transparency"), tuple)
        self.is_held_twice = has_deep_key or self.description is not None
        self.note = "; ".join(filter(None, (self.note, hdr_warning(self.description)))) or None

    def stored(self) -> tuple[tuple[int, int], int]:
        """Return width and height, and the orientation; Pillow would decode the pixels for EXIF data behind them."""
        bare = Image.Image()
        bare.info = self.image.info
        rest = facts_behind_pixels(self._content())
        return self.image.size, exif_orientation(bare if rest is None else PngImageFile(io.BytesIO(rest)))

    def decoded(self, shrink: int, *, keep: bool) -> Decoded:  # noqa: ARG002 - a PNG is decoded in its size
        """Decode the pixels, and convert described colours."""
        picture, damage = self._loaded(keep=keep)
        orientation = exif_orientation(self.image)  # the EXIF data may follow the pixels
        return Decoded(picture, orientation, orientation, damage)

    def _content(self) -> bytes:
        """Return the bytes of the file, as it was opened."""
        assert isinstance(self.image.fp, io.BytesIO)  # noqa: S101 - as open_png made it
        return self.image.fp.getvalue()

    def _loaded(self, *, keep: bool) -> tuple[Image.Image, str | None]:
        """Return the picture, and the damage of one that was kept."""
        image, description, rawmode, file = self.image, self.description, self._rawmode, self.image.fp
        damage = load_pixels(image, keep=keep)
        key = image.info.get("transparency")
        if rawmode in _LOW_BYTES and (description or isinstance(key, tuple)):
            assert file is not None  # noqa: S101 - it was open before its pixels were decoded
            low = low_bytes(file, rawmode, keep=keep)
            if description and low.mode == "I":
                return _deep_grey(low, description), damage
            return _deep_color(image, low, description), damage
        if rawmode == "LA;16B":
            return image.convert("LA"), damage
        if rawmode in _GREY_SCALES and isinstance(key, int):
            scale = _GREY_SCALES[rawmode]
            image.info["transparency"] = key % (255 // scale + 1) * scale
        elif rawmode == "RGB" and isinstance(key, tuple):
            image.info["transparency"] = tuple(value % 256 for value in key)
        return (described_to_srgb(image, description) if description else image), damage


def low_bytes(file: IO[bytes], rawmode: str, *, keep: bool) -> Image.Image:
    """Decode a PNG of 16 bits again, into the numbers that Pillow drops."""
    file.seek(0)
    image = PngImageFile(file)
    image._mode, unpacker = _LOW_BYTES[rawmode]  # noqa: SLF001 - Pillow gives no other way to 16 bits
    image.tile = [image.tile[0]._replace(args=unpacker)]
    load_pixels(image, keep=keep)
    return image


def _deep_grey(numbers: Image.Image, description: ColorDescription) -> Image.Image:
    """Convert 16-bit grey with alpha, each pixel one number of 32 bits, to 8 bits in sRGB."""
    table, made = grey_levels_of(description, 2), Image.new("LA", numbers.size)
    for rows, values in in_bands(numbers):
        grey, alpha = table[values.view(np.uint32) >> 16], values.view(np.uint32) >> 8 & 255
        made.paste(Image.fromarray(np.dstack([grey, alpha.astype(np.uint8)])), (0, rows.start))
    return made


def _deep_color(high: Image.Image, low: Image.Image, description: ColorDescription | None) -> Image.Image:
    """Put colours of 16 bits together from their two halves, and return them with 8 bits, in sRGB if described."""
    key = high.info.get("transparency")
    cut = np.rint(np.arange(65536) / 257).astype(np.uint8)
    made = Image.new("RGBA" if isinstance(key, tuple) else high.mode, high.size)
    for (rows, one), (_, other) in zip(in_bands(high), in_bands(low), strict=True):
        values = one[..., :3].astype(np.uint16) << 8 | other[..., :3]
        band = one.copy() if made.mode == high.mode else np.dstack([one, np.zeros(one.shape[:2], np.uint8)])
        band[..., :3] = to_srgb_levels(values, description) if description else cut[values]
        if isinstance(key, tuple):
            band[..., 3] = np.where((values == key).all(axis=-1), 0, 255)
        made.paste(Image.fromarray(band), (0, rows.start))
    return made
