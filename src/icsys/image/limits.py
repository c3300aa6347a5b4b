"""Limits: what a file claims is checked before its pixels take memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL.ExifTags import Base

from icsys.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

    from icsys.options import Options

_BYTES_PER_PIXEL = 4  # Pillow holds a colour in four bytes; grey takes less, which is ignored here
# These decoders hold several copies of a picture before Pillow gets it; the figures are measured.
_BYTES_BY_FORMAT = {"WEBP": 16, "AVIF": 12, "HEIF": 12}
_BYTES_PER_COEFFICIENT = 2  # a JPEG of several scans is held as three coefficients a pixel until the last scan
_BYTES_OF_COPIES = 8  # of a pixel: colours unpacked, and colours weighted with their alpha
_BYTES_OF_HALVES = 8  # of a pixel: the second half of 16 bits, and the converted colours
_UNCOMPRESSED = 1  # TIFF 6.0, Compression


def check_bytes(size: int, options: Options) -> None:
    """Refuse a file of more bytes than ``options`` allow.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    if size > options.max_bytes:
        raise ImageError("too_large", f"{size} bytes are more than --max-bytes {options.max_bytes}")


def check_size(width: int, height: int, options: Options) -> None:
    """Refuse a picture of more pixels than ``options`` allow.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    if width * height > options.max_pixels:
        raise ImageError("too_large", f"{width}x{height} pixels are more than --max-pixels {options.max_pixels}")


def check_image(image: Image.Image, options: Options) -> None:
    """Refuse an opened image of more pixels than ``options`` allow; a TIFF's tiles may be larger than its picture.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    check_size(*image.size, options)
    width, height = _tile(image)
    if width * height > options.max_pixels:
        raise ImageError("too_large", f"tiles of {width}x{height} pixels are more than --max-pixels allows")


def check_frames(frames: int, options: Options) -> None:
    """Refuse a file of more frames than ``options`` allow.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    if frames > options.max_frames:
        raise ImageError("too_large", f"more frames than --max-frames {options.max_frames}")


def memory_needed(
    image: Image.Image,
    shrink: int = 1,
    bytes_per_pixel: int | None = None,
    *,
    copied: bool = False,
    held_twice: bool = False,
    coded: tuple[int, int] | None = None,
) -> int:
    """Return the bytes that decoding an opened image takes.

    Parameters
    ----------
    image
        Opened, not decoded.
    shrink
        Factor by which the decoder scales each side down.
    bytes_per_pixel
        Bytes of a decoded pixel; if left out, those of Pillow and the format's decoder together.
    copied
        Whether all pixels are unpacked from a palette or 16 bits, or weighted with their alpha, at once. Those of a GIF
        that does not cover its canvas always are.
    """
    if bytes_per_pixel is None:
        bytes_per_pixel = _BYTES_BY_FORMAT.get(image.format or "", _BYTES_PER_PIXEL)
    width, height = coded or image.size
    pixels = width * height
    tile_width, tile_height = _tile(image)
    uncovered = getattr(image, "has_uncovered_canvas", False)
    if uncovered or (copied and (image.mode not in {"L", "RGB", "CMYK"} or "transparency" in image.info)):
        bytes_per_pixel += _BYTES_OF_COPIES
    if held_twice:
        bytes_per_pixel += _BYTES_OF_HALVES
    needed = bytes_per_pixel * max(pixels // shrink**2, tile_width * tile_height) + _strip(image)
    needed += getattr(image, "bytes_unpacked", 0)  # of a TIFF whose samples are converted here
    if image.info.get("progressive"):
        needed += _BYTES_PER_COEFFICIENT * len(image.getbands()) * pixels
    return needed


def jpeg_memory_needed(size: tuple[int, int], shrink: int, channels: int, coefficients: int = 0) -> int:
    """Return the bytes that decoding a JPEG takes, as :func:`memory_needed` does.

    Parameters
    ----------
    size
        Width and height in its header, in pixels.
    shrink
        As for :func:`memory_needed`.
    channels
        Bytes of a decoded pixel.
    coefficients
        Numbers of each pixel that are held until the last scan.
    """
    pixels = size[0] * size[1]
    return channels * (pixels // shrink**2) + _BYTES_PER_COEFFICIENT * coefficients * pixels


def _tile(image: Image.Image) -> tuple[int, int]:
    """Return the size of the tiles of an opened TIFF; 0x0 for other formats."""
    tags = getattr(image, "tag_v2", {})
    width, height = (tags.get(tag, 0) for tag in (Base.TileWidth, Base.TileLength))
    return (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)


def _strip(image: Image.Image) -> int:
    """Return the bytes of a strip of an opened TIFF, which libtiff unpacks as a whole; 0 for other formats."""
    tags = getattr(image, "tag_v2", {})
    if Base.TileWidth in tags or tags.get(Base.Compression, _UNCOMPRESSED) == _UNCOMPRESSED:
        return 0
    rows, bits = tags.get(Base.RowsPerStrip, image.height), tags.get(Base.BitsPerSample, (1,))
    return min(rows, image.height) * image.width * sum(bits) // 8 if isinstance(rows, int) else 0
