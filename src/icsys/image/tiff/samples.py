"""Samples of a TIFF to plain pixels: any number of bits to 8, any photometric interpretation to grey, RGB or CMYK."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from icsys.errors import ImageError
from icsys.image.color_conversion import to_srgb
from icsys.image.geometry import row_bands
from icsys.image.tiff.kinds import Colors, Kind, numbers
from icsys.image.tiff.ycbcr import to_rgb, whole_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from icsys.image.tiff.planes import Plane
    from icsys.image.tiff.sample_bytes import Layout

_BYTE, _WORD = 8, 16
_OPAQUE = 255
_HIGH_BYTE = {"<": 1, ">": 0}
_LAB = {Colors.CIELAB, Colors.ICCLAB}
_TOGETHER = {*_LAB, Colors.PALETTE}  # samples that are scaled together, or not at all
_MODES: dict[int, str] = {Colors.CMYK: "CMYK", Colors.CIELAB: "LAB", Colors.ICCLAB: "LAB"}
_DIFFERENCES = 2  # Predictor
_ICC_WHITE = 0xFF00  # the lightness 100 in 16 bits of ICCLab (TIFF Technical Note 4)


def plain_mode_of(kind: Kind, tags: Mapping[int, Any]) -> str:
    """Return the mode that :func:`to_plain_image` makes: L, LA, RGB, RGBA, CMYK, or P for positions in a palette."""
    has_alpha = kind.alpha is not None
    if keeps_positions(kind):
        return "P"
    if kind.photometric == Colors.CMYK:
        return "RGBA" if has_alpha else "CMYK"
    palette = color_map(kind, tags) if kind.photometric == Colors.PALETTE else None
    if kind.colors == 1 and (palette is None or bool((palette == palette[:, :1]).all())):
        return "LA" if has_alpha else "L"
    return "RGBA" if has_alpha else "RGB"


def keeps_positions(kind: Kind) -> bool:
    """Return whether the picture keeps its positions in a palette, as Pillow's mode P holds them."""
    return kind.photometric == Colors.PALETTE and kind.bits <= _BYTE and kind.alpha is None


def color_map(kind: Kind, tags: Mapping[int, Any]) -> NDArray[np.uint8]:
    """Return the colours of a palette, shape (2**bits, 3).

    Raises
    ------
    ImageError
        ``broken`` if there are fewer.
    """
    values = numbers(tags, Base.ColorMap)
    colors = 1 << kind.bits
    if len(values) < 3 * colors or not 0 <= min(values) <= max(values) < 1 << _WORD:
        raise ImageError("broken", f"a TIFF palette of {len(values)} values: expected {3 * colors} of 16 bits")
    table = np.array(values[: 3 * colors]).reshape(3, colors).T
    # Some writers store 8 bits; libtiff recognises them in the same way.
    return (table if table.max() < 1 << _BYTE else table >> _BYTE).astype(np.uint8)


def to_plain_image(
    planes: Sequence[Plane], kind: Kind, layout: Layout, tags: Mapping[int, Any], *, big_endian: bool,
    profile: bytes | None,
) -> Image.Image:  # fmt: skip
    """Convert planes of bytes to a picture, band by band.

    Parameters
    ----------
    planes
        The bytes of each plane.
    big_endian
        The byte order of samples of 16 bits.
    profile
        ICC profile, which is applied to CMYK with alpha here, because no plain mode holds both.
    """
    mode = plain_mode_of(kind, tags)
    picture = Image.new(mode, (layout.width, layout.height))
    palette = color_map(kind, tags) if kind.photometric == Colors.PALETTE else None
    units = kind.subsampling[1]
    for top, bottom in row_bands(max(1, planes[0].width * len(planes)), planes[0].height):
        rows = [plane.rows(top, bottom) for plane in planes]
        if kind.subsampling != (1, 1):
            levels = whole_pixels(rows[0], kind, layout)[: layout.height - top * units]
        else:
            parts = [_values(part, kind, layout, big_endian=big_endian) for part in rows]
            levels = _together(parts) if kind.photometric in _TOGETHER else _together([_levels(p, kind) for p in parts])
            levels = _lab_levels(levels, kind) if kind.photometric in _LAB else levels
        band = _band(levels, kind, tags, palette, profile)
        # Pillow pastes bytes as positions in a palette.
        picture.paste(band if mode in {band.mode, "P"} else band.convert(mode), (0, top * units))
    return picture


def _values(rows: NDArray[np.uint8], kind: Kind, layout: Layout, *, big_endian: bool) -> NDArray[np.unsignedinteger]:
    """Return the samples of rows of bytes, shape (rows, width, samples)."""
    depth = 1 if kind.planar else kind.samples
    shape = len(rows), layout.width, depth
    if kind.bits == _BYTE:
        values: NDArray[Any] = rows.reshape(shape)
    elif kind.bits == _WORD:
        values = np.ascontiguousarray(rows).view(">u2" if big_endian else "<u2").reshape(shape)
    else:
        return _unpacked(rows, kind.bits, layout, depth).reshape(shape)
    if kind.predictor == _DIFFERENCES:
        native = values.astype(values.dtype.newbyteorder("="))
        for left in range(0, layout.width, layout.part_width):  # each strip or tile begins anew
            part = native[:, left : left + layout.part_width]
            np.cumsum(part, axis=1, dtype=native.dtype, out=part)
        return native
    return values


def _unpacked(rows: NDArray[np.uint8], bits: int, layout: Layout, depth: int) -> NDArray[np.uint16]:
    """Return samples that are packed without gaps, each row of a tile from a new byte, shape (rows, width * depth)."""
    across = layout.part_width
    tile_bytes = -(-across * depth * bits // 8)
    parts = []
    for number, left in enumerate(range(0, layout.width, across)):
        count = min(across, layout.width - left) * depth
        parts.append(_of_bits(rows[:, number * tile_bytes : (number + 1) * tile_bytes], bits, count))
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _of_bits(rows: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.uint16]:
    """Return the first ``count`` numbers of ``bits`` bits in each row, the highest bit first."""
    in_group = 8 // math.gcd(8, bits)  # numbers until one begins at a byte again
    group_bytes = in_group * bits // 8
    groups = -(-count // in_group)
    if rows.shape[1] != groups * group_bytes:
        padded = np.zeros((len(rows), groups * group_bytes), np.uint8)
        used = min(rows.shape[1], groups * group_bytes)
        padded[:, :used] = rows[:, :used]
        rows = padded
    values = np.empty((len(rows), groups, in_group), np.uint16)
    for index in range(in_group):
        first, shift = divmod(index * bits, 8)
        reach = -(-(shift + bits) // 8)  # bytes that the number spans
        number: NDArray[Any] = rows[:, first::group_bytes].astype(np.uint32 if reach > 2 else np.uint16)  # noqa: PLR2004 - 16 bits
        for at in range(first + 1, first + reach):
            number <<= 8
            number |= rows[:, at::group_bytes]
        number >>= 8 * reach - bits - shift
        if shift:
            number &= (1 << bits) - 1
        values[..., index] = number
    return values.reshape(len(rows), -1)[:, :count]


def _together(planes: list[NDArray[np.unsignedinteger]]) -> NDArray[np.unsignedinteger]:
    """Return planes of shape (rows, width, 1) as pixels; the samples of a single one are together already."""
    if len(planes) == 1:
        return planes[0]
    pixels = np.empty((*planes[0].shape[:2], len(planes)), planes[0].dtype)
    for index, plane in enumerate(planes):
        pixels[..., index] = plane[..., 0]
    return pixels


def _levels(values: NDArray[np.unsignedinteger], kind: Kind) -> NDArray[np.uint8]:
    """Scale samples to 8 bits: rounded, but for 16 bits of RGB and CMYK, where Pillow and PNG keep the high byte."""
    if kind.bits == _BYTE:
        return values.astype(np.uint8, copy=False)
    if kind.bits == _WORD and kind.photometric in {Colors.RGB, Colors.CMYK}:
        pairs = np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, 2)
        return np.ascontiguousarray(pairs[..., _HIGH_BYTE[values.dtype.str[0]]])
    return _rounded(values, (1 << kind.bits) - 1)


def _rounded(values: NDArray[np.unsignedinteger], maximum: int) -> NDArray[np.uint8]:
    """Scale 0 to ``maximum`` to 0 to 255."""
    scaled = values.astype(np.uint32)
    scaled *= 255
    scaled += maximum // 2
    scaled //= maximum
    return np.minimum(scaled, 255, out=scaled).astype(np.uint8)


def _lab_levels(values: NDArray[np.unsignedinteger], kind: Kind) -> NDArray[np.uint8]:
    """Return L from 0 to 255, a and b as signed bytes, and alpha (TIFF 6.0, section 23; TIFF Technical Note 4)."""
    levels = np.empty(values.shape, np.uint8)
    wide = kind.bits == _WORD
    icc = kind.photometric == Colors.ICCLAB
    levels[..., 0] = _rounded(values[..., 0], _ICC_WHITE if icc else 0xFFFF) if wide else values[..., 0]
    chroma = values[..., 1:3].astype(np.int32)
    if icc:
        chroma -= 0x8000 if wide else 0x80
    else:
        chroma = chroma.astype(np.int16 if wide else np.int8).astype(np.int32)
    chroma = (chroma + 0x80) >> _BYTE if wide else chroma
    levels[..., 1:3] = np.clip(chroma, -128, 127).astype(np.int8).view(np.uint8)
    levels[..., 3:] = _rounded(values[..., 3:], 0xFFFF) if wide else values[..., 3:]
    return levels


def _band(
    levels: NDArray[np.unsignedinteger],
    kind: Kind,
    tags: Mapping[int, Any],
    palette: NDArray[np.uint8] | None,
    profile: bytes | None,
) -> Image.Image:
    """Return rows of samples as a picture in grey, RGB or CMYK, with alpha if there is one."""
    alpha = None if kind.alpha is None else levels[..., kind.alpha]
    if palette is not None:
        alpha = None if alpha is None else _rounded(alpha, (1 << kind.bits) - 1)
        if keeps_positions(kind):
            return Image.fromarray(np.ascontiguousarray(levels[..., 0].astype(np.uint8, copy=False)))
        colors = palette[levels[..., 0]]
    else:
        colors = levels[..., : kind.colors].astype(np.uint8, copy=False)
    if alpha is not None and kind.associated:
        colors = _divided(colors, alpha)
    band = _picture(colors, kind, tags, palette)
    if alpha is not None:
        band = to_srgb(band, profile) if kind.photometric == Colors.CMYK else band
        band.putalpha(Image.fromarray(np.ascontiguousarray(alpha.astype(np.uint8, copy=False))))
    return band


def _picture(
    colors: NDArray[np.uint8], kind: Kind, tags: Mapping[int, Any], palette: NDArray[np.uint8] | None
) -> Image.Image:
    """Return colours as a picture without alpha."""
    if kind.colors == 1 and palette is None:
        grey = colors[..., 0]
        return Image.fromarray(np.ascontiguousarray(~grey if kind.photometric == Colors.WHITE_IS_ZERO else grey))
    if kind.photometric == Colors.YCBCR:
        colors = to_rgb(colors, tags)
    colors = np.ascontiguousarray(colors)
    mode = _MODES.get(kind.photometric, "RGB")
    picture = Image.frombytes(mode, (colors.shape[1], colors.shape[0]), colors)
    return picture.convert("RGB") if mode == "LAB" else picture


def _divided(colors: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Divide colours by their alpha, as Pillow's conversion from RGBa to RGBA does."""
    opacity = alpha[..., np.newaxis].astype(np.uint32)
    divided = np.minimum(colors * np.uint32(_OPAQUE) // np.maximum(opacity, 1), _OPAQUE).astype(np.uint8)
    return np.where((opacity == 0) | (opacity == _OPAQUE), colors, divided)
