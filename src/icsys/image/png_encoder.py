"""Write PNG files: bit packing and row filters in kernels, compression by libdeflate.

The names are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/). The levels and the
candidate filters were chosen by bytes and milliseconds on photos. All slow steps (libdeflate, NumPy on whole
images) release the GIL, except oxipng, which only ``effort="max"`` uses.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import deflate
import numpy as np

from icsys.errors import MissingExtraError
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _TRUECOLOR, _INDEXED, _GREY_ALPHA, _TRUECOLOR_ALPHA = 0, 2, 3, 4, 6
_COLOR_TYPES = {1: _GREY, 2: _GREY_ALPHA, 3: _TRUECOLOR, 4: _TRUECOLOR_ALPHA}  # by channels
_NONE, _UP, _PAETH, _ADAPTIVE = 0, 2, 4, -1
_BYTE = 8
_DEPTH_AT = 24  # offset of the bit depth, which the colour type follows
_OPAQUE = 255

# One rule for both by default: the next level is used if it saves at least 3 kB per millisecond. On photos of half a
# megapixel, indexed level 5 saves 3.2 and level 6 1.1; truecolour level 2 saves 3.4 and level 3 2.4.
_INDEXED_LEVEL = {"fast": 1, "default": 5, "max": 12}
_TRUECOLOR_LEVEL = {"fast": 1, "default": 2, "max": 12}
# Masks compress further, to few kilobytes: level 7 makes them a fifth smaller than level 5 in a tenth of a millisecond.
_MASK_LEVEL = {"fast": 1, "default": 7, "max": 12}
_TRIAL_LEVEL = 4  # levels 1 and 6 rank filters differently, levels 4 and 6 nearly always alike
_BANDS = np.arange(1, 8, 2)  # eighths of the height
_OXIPNG_LEVEL = 4


def encode_indexed(
    indices: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    *,
    alpha: NDArray[np.uint8] | None = None,
    effort: str = "default",
) -> bytes:
    """Encode an indexed image with 1, 2, 4 or 8 bits per pixel, the fewest that hold the palette.

    Parameters
    ----------
    indices
        Shape (H, W), uint8, every one below n.
    palette
        Shape (n, 3), uint8, 1 to 256 entries of R, G, B; written as given.
    alpha
        Shape (n,), uint8: the opacity of each entry, 255 is opaque. All are opaque if left out.
    effort
        How long to search for a smaller file: "fast", "default" or "max".

    Returns
    -------
    bytes
        A PNG file of colour type 3 that decodes to exactly these indices and entries.

    Raises
    ------
    MissingExtraError
        If the effort is "max" and oxipng is not installed.
    """
    level = _INDEXED_LEVEL[effort]
    height, width = indices.shape
    depth = next(depth for depth in (1, 2, 4, _BYTE) if len(palette) <= 1 << depth)
    candidates = _pack(indices, depth)
    best = candidates[:1] if effort == "fast" else _likely_best(*candidates)
    data = min((deflate.zlib_compress(lines, level) for lines in best), key=len)
    chunks = [_chunk(b"PLTE", palette.tobytes())]
    if alpha is not None and alpha.min() < _OPAQUE:
        last = np.flatnonzero(alpha < _OPAQUE)[-1]
        chunks.append(_chunk(b"tRNS", alpha[: last + 1].tobytes()))
    png = _file((width, height, depth, _INDEXED), chunks, data)
    return _oxipng(png) if effort == "max" else png


def encode_truecolor(pixels: NDArray[np.uint8], *, few_colors: bool = False, effort: str = "default") -> bytes:
    """Encode an image with 8 bits per channel.

    Parameters
    ----------
    pixels
        Shape (H, W, 3) for R, G, B, or (H, W) for grey; with alpha (H, W, 4), or (H, W, 2) for grey, uint8.
    few_colors
        Whether the pixels have few colours, as after a reduction of colours. The rows then stay unfiltered, so that
        repeated colours are repeated bytes.
    effort
        How long to search for a smaller file: "fast", "default" or "max".

    Returns
    -------
    bytes
        A PNG file of colour type 2, or 0 for grey, with alpha 6 or 4, that decodes to exactly these pixels.

    Raises
    ------
    MissingExtraError
        If the effort is "max" and oxipng is not installed.
    """
    level, kind = (_INDEXED_LEVEL[effort], _NONE) if few_colors else (_TRUECOLOR_LEVEL[effort], _ADAPTIVE)
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).reshape(height, -1)
    channels = rows.shape[1] // width
    data = deflate.zlib_compress(_filter(rows, channels, kind), level)
    png = _file((width, height, _BYTE, _COLOR_TYPES[channels]), [], data)
    return _oxipng(png) if effort == "max" else png


def encode_numbers(
    values: NDArray[np.uint8] | NDArray[np.uint16],
    depth: int,
    *,
    palette: bytes | None = None,
    transparency: bytes | None = None,
    effort: str = "default",
) -> bytes:
    """Encode pixels that are numbers, not colours, with exactly this depth.

    Parameters
    ----------
    values
        Shape (H, W) for grey or positions in the palette; (H, W, 2) for grey with alpha, (H, W, 3) or (H, W, 4) for
        colours; uint8, or uint16 for a depth of 16.
    depth
        Bits of a number: 1, 2, 4, 8 or 16, and no fewer than 8 with channels; 8 or fewer with a palette.
    palette
        R, G and B of each entry, more than the largest value; None for a PNG without a palette.
    transparency
        The content of the chunk tRNS; None for a PNG without one.
    effort
        As for :func:`encode_indexed`.
    """
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim > 2 else 1  # noqa: PLR2004 - rows and columns
    if depth < _BYTE:
        candidates = _pack(values.astype(np.uint8, copy=False), depth)
    else:
        rows = np.ascontiguousarray(values.astype(f">u{depth // _BYTE}", copy=False)).view(np.uint8).reshape(height, -1)
        step = rows.shape[1] // width
        candidates = _filter(rows, step, _NONE), _filter(rows, step, _UP)
    best = candidates[:1] if effort == "fast" else _likely_best(*candidates)
    data = min((deflate.zlib_compress(lines, _MASK_LEVEL[effort]) for lines in best), key=len)
    chunks = [] if palette is None else [_chunk(b"PLTE", palette)]
    chunks += [] if transparency is None else [_chunk(b"tRNS", transparency)]
    color_type = _COLOR_TYPES[channels] if palette is None else _INDEXED
    png = _file((width, height, depth, color_type), chunks, data)
    return _oxipng(png) if effort == "max" else png


def is_like(source: bytes, png: bytes, most_entries: int) -> bool:
    """Return whether two PNG files are of one kind: both indexed, or with the same channels.

    Parameters
    ----------
    source
        Any PNG file.
    png
        A file that was encoded here.
    most_entries
        The most entries that the source's palette may have.
    """
    depth, color_type = png[_DEPTH_AT : _DEPTH_AT + 2]
    if source[_DEPTH_AT + 1] != color_type:
        return False
    if color_type != _INDEXED:
        return source[_DEPTH_AT] == depth
    at = len(PNG_SIGNATURE)
    while source[at + 4 : at + 8] not in {b"PLTE", b""}:
        at += 12 + int.from_bytes(source[at : at + 4], "big")
    return int.from_bytes(source[at : at + 4], "big") <= 3 * most_entries


def _pack(indices: NDArray[np.uint8], depth: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pack pixels into bytes, the leftmost pixel in the highest bits; every row starts with a new byte.

    Packed pixels align with those above, not with those to the left, so Up is the filter to try on them; on whole
    bytes it is Paeth.

    Returns
    -------
    plain, filtered
        For each row the number of its filter and its residuals, ready to compress: of None, and of Up or Paeth.
    """
    height, width = indices.shape
    shape = height, 1 + (width * depth + _BYTE - 1) // _BYTE
    plain, filtered = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
    indices = np.ascontiguousarray(indices)
    kind = _PAETH if depth == _BYTE else _UP
    lines = address(plain, np.uint8), address(filtered, np.uint8)
    KERNELS.pack_rows(address(indices, np.uint8), height, width, depth, kind, *lines)
    return plain, filtered


def _filter(rows: NDArray[np.uint8], pixel_bytes: int, kind: int = _ADAPTIVE) -> NDArray[np.uint8]:
    """Filter the rows of bytes: return for each the number of its filter and its residuals, ready to compress.

    Without a ``kind``, every row gets the filter whose residuals have the smallest sum of absolute values: the
    heuristic of the PNG specification, section 12.7.
    """
    height, width = rows.shape
    lines = np.empty((height, 1 + width), np.uint8)
    KERNELS.filter_rows(address(rows, np.uint8), height, width, pixel_bytes, kind, address(lines, np.uint8))
    return lines


def _likely_best(*candidates: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Choose the filtered rows of an indexed image by compressing four bands, or leave both for one of few rows.

    Repeated indices compress best unfiltered, smooth areas often better as differences. No cheap measure of the
    residuals predicts which, so both are compressed.
    """
    height = len(candidates[0])
    half = max(8, height // 256)
    if 16 * half >= height:  # bands would be half of the image, and compressing all of it both ways takes no longer
        return candidates

    def size(lines: NDArray[np.uint8]) -> int:
        bands = np.concatenate([lines[middle - half : middle + half] for middle in _BANDS * height // 8])
        return len(deflate.zlib_compress(bands, _TRIAL_LEVEL))

    return (min(candidates, key=size),)


def _file(
    header: tuple[int, int, int, int],
    chunks: list[bytes],
    data: bytes | bytearray,
) -> bytes:
    """Assemble the file: width, height, bit depth and colour type, chunks before the image, and the image data."""
    compression, filtering, interlace = 0, 0, 0
    ihdr = _chunk(b"IHDR", struct.pack(">IIBBBBB", *header, compression, filtering, interlace))
    idat = _chunk(b"IDAT", data)
    return b"".join((PNG_SIGNATURE, ihdr, *chunks, idat, _chunk(b"IEND", b"")))


def _chunk(kind: bytes, body: bytes | bytearray) -> bytes:
    crc = deflate.crc32(body, deflate.crc32(kind))
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", crc)))


def load_oxipng() -> Any:  # noqa: ANN401 - a module without types
    """Import oxipng, which the effort "max" needs.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import oxipng  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError("png_effort='max' needs oxipng: pip install 'icsys[oxipng]'") from None
    return oxipng


def _oxipng(png: bytes) -> bytes:
    """Search for better filters with oxipng; bit depth, colour type and palette stay."""
    smaller: bytes = load_oxipng().optimize_from_memory(
        png,
        level=_OXIPNG_LEVEL,
        bit_depth_reduction=False,
        color_type_reduction=False,
        grayscale_reduction=False,
        palette_reduction=False,
    )
    return smaller
