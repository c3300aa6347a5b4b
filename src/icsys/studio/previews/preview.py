"""One photo with chosen options: the bytes that a run would write, what they keep, and codecs at equal bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.color.image_quality import measure
from icsys.color.scratch import forget_scratch
from icsys.errors import ImageError
from icsys.image.encode import encode_lossy
from icsys.image.picture_header import read_header
from icsys.image.read_output import flat_pixels, read_indexed, read_pixels
from icsys.image.view import View
from icsys.pipeline import compress_photo
from icsys.pipeline.lossy_quality import highest_quality
from icsys.report.page_pictures import palette_of, palette_of_indices, png_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from icsys.options import Options
    from icsys.report.page_pictures import CountedPalette
    from icsys.studio.images.photo_cache import DecodedPhoto

LOSSY = {"jpeg": "JPEG", "webp": "WebP"}
"""Lossy codecs beside a preview, by their names in addresses, with those in encoders."""

MOST_PIXELS = 50_000_000
"""Pixels that a preview may have."""

_RGB = 3
_LARGE = 6_000_000  # bytes of pixels after which the memory of the thread is worth more than the time to have it anew
_MOST_SHOWN = 256  # colours of a palette on the page
_MEDIA_TYPES = ((b"\x89PNG", "image/png"), (b"RIFF", "image/webp"), (b"\xff\xd8", "image/jpeg"))


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file for the page: its bytes, and the media type."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A photo with chosen options.

    Attributes
    ----------
    figures
        What the page shows about it, as plain JSON values.
    after
        The output itself, or a PNG of its pixels where browsers do not show its format.
    output
        The bytes that a run writes.
    """

    figures: dict[str, Any]
    after: ShownFile
    output: bytes


def check_pixels(data: bytes, options: Options) -> None:
    """Refuse a preview that would have too many pixels, before any of them takes memory.

    Raises
    ------
    ImageError
        ``too_large``; further ones as for decoding.
    """
    header = read_header(data, options)
    width, height = View.of(header.stored, header.orientation, options).output
    if width * height > MOST_PIXELS:
        most = f"{MOST_PIXELS // 10**6} million"
        raise ImageError(
            "too_large", f"{width}x{height} pixels: expected at most {most} in a preview; a run makes more, too"
        )


def make_preview(decoded: DecodedPhoto, options: Options, palette: NDArray[np.uint8] | None = None) -> Preview:
    """Return a photo with chosen options; its bytes are those of a run.

    Parameters
    ----------
    palette
        A palette that all images share, shape (k, 3), uint8.

    Raises
    ------
    ImageError
        If the options do not fit the photo.
    """
    start = time.perf_counter()
    output = compress_photo(decoded.photo, decoded.data, options, palette)
    seconds = time.perf_counter() - start
    found = _palette_in(output.data, options)
    if decoded.photo.pixels.size > _LARGE:
        forget_scratch()
    figures = {
        "bytes": len(output.data),
        "bytes_in": len(decoded.data),
        "width": output.width,
        "height": output.height,
        "width_in": decoded.photo.info.width,
        "height_in": decoded.photo.info.height,
        "colors": output.colors,
        "distinct": len(found.counts),
        "seconds": seconds,
        "kept_source": output.kept_source,
        "warning": output.warning,
        "palette": found.colors[:_MOST_SHOWN].tolist(),
        "shares": (found.counts[:_MOST_SHOWN] / found.counts.sum()).tolist(),
    }
    media_type = next((kind for begin, kind in _MEDIA_TYPES if output.data.startswith(begin)), None)
    if media_type is None:
        return Preview(
            figures, ShownFile(png_of(read_pixels(output.data, options.background)), "image/png"), output.data
        )
    return Preview(figures, ShownFile(output.data, media_type), output.data)


def _palette_in(output: bytes, options: Options) -> CountedPalette:
    """Return the palette of the pixels that a file shows; where it stores indices, its pixels need not be made."""
    indexed = read_indexed(output)
    if indexed is not None and indexed[1].shape[1] == _RGB:
        return palette_of_indices(*indexed)
    return palette_of(read_pixels(output, options.background))


def before(decoded: DecodedPhoto, options: Options) -> ShownFile:
    """Return the resized photo in all its colours, a PNG."""
    return ShownFile(png_of(flat_pixels(decoded.photo.pixels, options.background)), "image/png")


def preview_quality(decoded: DecodedPhoto, options: Options, output: bytes) -> dict[str, float | None]:
    """Return the quality of an output against the resized photo, as plain values; ``psnr`` is None for equal ones."""
    found = measure(flat_pixels(decoded.photo.pixels, options.background), read_pixels(output, options.background))
    return {"psnr": found.psnr, "ssim": found.ssim, "delta_e": found.delta_e, "mse": found.mse}


def lossy_preview(decoded: DecodedPhoto, options: Options, codec: str, most_bytes: int) -> Preview:
    """Return the resized photo in a lossy codec, at the highest quality that takes at most so many bytes.

    Where no quality fits, it has the lowest, and ``fits`` among the figures is false.

    Parameters
    ----------
    codec
        A key of :data:`LOSSY`.
    """
    pixels = flat_pixels(decoded.photo.pixels, options.background)
    quality = highest_quality(lambda level: len(encode_lossy(LOSSY[codec], pixels, level)), most_bytes)
    data = encode_lossy(LOSSY[codec], pixels, quality)
    figures = {
        "bytes": len(data),
        "fits": len(data) <= most_bytes,
        "setting": quality,
        "quality": preview_quality(decoded, options, data),
    }
    return Preview(figures, ShownFile(data, f"image/{codec}"), data)
