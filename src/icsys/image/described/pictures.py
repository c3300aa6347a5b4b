"""Pictures whose colours a file describes by numbers, converted to sRGB before they are resized."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from icsys.image.color_conversion import in_bands, plain_mode, to_plain
from icsys.image.described.light import grey_levels_of, to_srgb_levels
from icsys.image.geometry import row_bands

if TYPE_CHECKING:
    from icsys.image.described.description import ColorDescription

_COLORS = 3


def described_to_srgb(picture: Image.Image, description: ColorDescription) -> Image.Image:
    """Convert a decoded picture of any mode to sRGB: mode P with another palette, otherwise a plain mode.

    Alpha stays, and a transparent colour becomes alpha, because another colour may become the same.
    """
    if picture.mode == "P":
        return _with_palette(picture, description)
    if picture.mode.startswith("I;16"):
        return _from_deep_grey(picture, description)
    made = Image.new(plain_mode(picture), picture.size)
    for top, bottom in row_bands(*picture.size):
        band = to_plain(picture, (0, top, picture.width, bottom))
        if band.mode in {"L", "LA"}:
            table = grey_levels_of(description, 1).tolist()
            band = band.point(table if band.mode == "L" else [*table, *range(256)])
        else:
            pixels = np.array(band.convert("RGB") if band.mode == "CMYK" else band)
            pixels[..., :_COLORS] = to_srgb_levels(pixels[..., :_COLORS], description)
            band = Image.fromarray(pixels)
        made.paste(band, (0, top))
    return made


def _with_palette(picture: Image.Image, description: ColorDescription) -> Image.Image:
    """Return a picture with the same indices and a converted palette."""
    made, mode = picture.copy(), picture.palette.mode if picture.palette else "RGB"
    entries = np.array(picture.getpalette(mode) or [], np.uint8).reshape(-1, len(mode))
    colors = entries[:, :_COLORS]
    grey = (colors == colors[:, :1]).all(axis=1)  # stays grey, however channels are rounded
    colors[~grey] = to_srgb_levels(colors[~grey], description)
    colors[grey] = grey_levels_of(description, 1)[colors[grey]]
    made.putpalette(entries.tobytes(), mode)
    return made


def _from_deep_grey(picture: Image.Image, description: ColorDescription) -> Image.Image:
    """Convert 16-bit grey; its transparent value is compared before."""
    table, key = grey_levels_of(description, 2), picture.info.get("transparency")
    made = Image.new(plain_mode(picture), picture.size)
    for rows, values in in_bands(picture):
        grey = Image.fromarray(table[values])
        if made.mode == "LA":
            grey.putalpha(Image.fromarray(np.where(values == key, np.uint8(0), np.uint8(255))))
        made.paste(grey, (0, rows.start))
    return made
