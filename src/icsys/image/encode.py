"""Encode pixels, or indices and a palette, to the bytes of a file: one encoder per file format."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from icsys.choices import MAX_COLORS, MAX_INDEXED_COLORS
from icsys.errors import ImageError
from icsys.image.png_encoder import encode_indexed, encode_truecolor, is_like

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.options import Options

_RGB = 3
_MOST_JPEG_SIDE = 65_500  # of libjpeg
_MOST_WEBP_SIDE = 16_383
# As for PNG, more work is done only where it saves at least 3 kB per millisecond: method 1 saves 0.6 over method 0.
# Below quality 50 the encoder skips what palettes need, and its files are larger than PNG.
_WEBP = {"method": 0, "quality": 0}
_WEBP_INDEXED = {"method": 4, "quality": 50}


class Encoder(NamedTuple):
    """The functions that write one file format.

    Attributes
    ----------
    truecolor
        From pixels, shape (H, W, 3) or (H, W), with alpha (H, W, 4) or (H, W, 2), uint8, C-contiguous.
    indexed
        From indices, shape (H, W), and a palette, shape (n, 3) or (n, 4), uint8; None if the format stores no palette.
    most_colors
        Above this number of requested colours, the format is written from pixels.
    """

    truecolor: Callable[[NDArray[np.uint8], Options], bytes]
    indexed: Callable[[NDArray[np.integer], NDArray[np.uint8], Options], bytes] | None
    most_colors: int = MAX_COLORS


def encoder_of(options: Options) -> Encoder:
    """Return the encoder that writes the files of a run."""
    is_chosen = options.encoding == "png" and options.png == "truecolor"
    # SO and more than 256 colours give truecolour anyway, by a filter that suits many colours.
    if is_chosen and options.strategy != "SO" and options.most_colors <= MAX_INDEXED_COLORS:
        return _PNG_WITHOUT_PALETTE
    return ENCODERS[options.encoding]


def is_same_kind(source: bytes, source_format: str, output: bytes, options: Options) -> bool:
    """Return whether a source file with the same pixels is of the kind that the run writes, so it can be the output.

    The formats must be equal. If the output is an indexed PNG, so must the source be, with at most the requested
    number of palette entries; otherwise both have the same 8-bit channels. So a folder holds one kind of file.

    Parameters
    ----------
    source, source_format
        The file, and its format as found from its content.
    output
        The file that was encoded.
    """
    if source_format.lower() != options.encoding:
        return False
    return options.encoding != "png" or is_like(source, output, options.most_colors)


def indexed_image(indices: NDArray[np.integer], palette: NDArray[np.uint8]) -> Image.Image:
    """Return a PIL image of mode "P", or of mode "RGB" or "RGBA" where the palette has more than 256 entries."""
    if indices.dtype != np.uint8:
        return Image.fromarray(palette[indices])
    image = Image.fromarray(indices).convert("L")
    image.putpalette(palette[:, :_RGB].tobytes())
    if palette.shape[1] > _RGB:
        image.info["transparency"] = palette[:, _RGB].tobytes()
    return image


def encode_lossy(codec: str, pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Encode a picture with loss, to compare with: Pillow's defaults, and JPEG's chroma at half the size.

    Parameters
    ----------
    codec
        "JPEG" or "WebP".
    pixels
        Shape (H, W, 3), uint8; if all channels are equal, one is encoded.
    quality
        1 to 100.
    """
    from PIL import WebPImagePlugin  # noqa: F401, PLC0415 - otherwise saving loads all of Pillow's formats

    grey = np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0]) if grey else pixels)
    chroma = {"subsampling": "4:2:0"} if codec == "JPEG" and not grey else {}
    file = io.BytesIO()
    image.save(file, codec.upper(), quality=quality, **chroma)
    return file.getvalue()


def _png(pixels: NDArray[np.uint8], options: Options) -> bytes:
    return encode_truecolor(pixels, effort=options.png_effort)


def _indexed_png(indices: NDArray[np.integer], palette: NDArray[np.uint8], options: Options) -> bytes:
    alpha = palette[:, _RGB] if palette.shape[1] > _RGB else None
    small = indices.astype(np.uint8, copy=False)
    return encode_indexed(small, palette[:, :_RGB], alpha=alpha, effort=options.png_effort)


def _truecolor_png(pixels: NDArray[np.uint8], options: Options) -> bytes:
    return encode_truecolor(pixels, few_colors=True, effort=options.png_effort)


def _webp(pixels: NDArray[np.uint8], _: Options) -> bytes:
    return _lossless_webp(pixels, **_WEBP)


def _indexed_webp(indices: NDArray[np.integer], palette: NDArray[np.uint8], _: Options) -> bytes:
    return _lossless_webp(palette[indices], **_WEBP_INDEXED)


def _lossless_webp(pixels: NDArray[np.uint8], *, method: int, quality: int) -> bytes:
    """Encode exactly these pixels as WebP; libwebp detects few colours by itself."""
    from PIL import WebPImagePlugin  # noqa: F401, PLC0415 - otherwise saving loads all of Pillow's formats

    _check_sides(pixels, _MOST_WEBP_SIDE, "WebP")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, exact=True, method=method, quality=quality)
    return file.getvalue()


def _jpeg(pixels: NDArray[np.uint8], options: Options) -> bytes:
    """Write a JPEG with chroma at half the size, as cameras do.

    simplejpeg takes a sixth less time, but below quality 96 it uses libjpeg's inexact transform: 1 % more error in
    0.5 % more bytes. Optimised Huffman tables take more than twice as long for 3 % fewer bytes.
    """
    _check_sides(pixels, _MOST_JPEG_SIDE, "JPEG")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=options.jpeg_quality, subsampling="4:2:0")
    return file.getvalue()


def _npz(pixels: NDArray[np.uint8], _: Options) -> bytes:
    from icsys.image.npz_encoder import encode_npz  # noqa: PLC0415 - few runs need it

    return encode_npz({"pixels": pixels})


def _indexed_npz(indices: NDArray[np.integer], palette: NDArray[np.uint8], options: Options) -> bytes:
    from icsys.image.npz_encoder import encode_npz  # noqa: PLC0415 - few runs need it

    # The requested number decides, not the number found, so all arrays of a dataset have one type.
    dtype = np.uint8 if options.most_colors <= MAX_INDEXED_COLORS else np.uint16
    return encode_npz({"indices": indices.astype(dtype, copy=False), "palette": palette})


def _pixel_row(pixels: NDArray[np.uint8], _: Options) -> bytes:
    from icsys.image.arrays.image_row import encode_pixel_row  # noqa: PLC0415 - few runs need it

    return encode_pixel_row(pixels)


def _index_row(indices: NDArray[np.integer], palette: NDArray[np.uint8], options: Options) -> bytes:
    from icsys.image.arrays.image_row import encode_index_row  # noqa: PLC0415 - few runs need it

    return encode_index_row(indices, palette, options.most_colors)


def _check_sides(pixels: NDArray[np.uint8], most: int, name: str) -> None:
    height, width = pixels.shape[:2]
    if max(width, height) > most:
        raise ImageError(
            "too_large",
            f"{width}x{height} pixels after the resize: {name} holds at most {most} a side, so use --format png",
        )


ENCODERS = {
    "png": Encoder(_png, _indexed_png, MAX_INDEXED_COLORS),
    "webp": Encoder(_webp, _indexed_webp, MAX_INDEXED_COLORS),
    "jpeg": Encoder(_jpeg, None),
    "npz": Encoder(_npz, _indexed_npz),
    "arrays": Encoder(_pixel_row, _index_row),
}
"""The encoder of each format in :data:`icsys.choices.ENCODINGS`, and of images that arrays are written from."""

_PNG_WITHOUT_PALETTE = Encoder(_truecolor_png, None)
