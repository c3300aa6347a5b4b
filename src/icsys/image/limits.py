"""Limits: what a file claims is checked before its pixels take memory."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from PIL.ExifTags import Base

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from icsys.options import Options

MAX_SCANS = 100
"""Scans that a JPEG may have. The decoder passes over the whole picture for each; encoders write about ten, and a file
can hold millions."""

_BYTES_PER_PIXEL = 4  # Pillow holds a colour in four bytes; grey takes less, which is ignored here
# These decoders hold several copies of a picture before Pillow gets it; the figures are measured.
_BYTES_BY_FORMAT = {"WEBP": 16, "AVIF": 12, "HEIF": 12}
_BYTES_PER_COEFFICIENT = 2  # a JPEG of several scans is held as three coefficients a pixel until the last scan
_BYTES_OF_COPIES = 8  # of a pixel: colours unpacked, and colours weighted with their alpha
_BYTES_OF_HALVES = 8  # of a pixel: the second half of 16 bits, and the converted colours
_UNCOMPRESSED = 1  # TIFF 6.0, Compression
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_END, _START_OF_SCAN = 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = {0xC0, 0xC1, 0xC9}


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


def check_scans(data: bytes) -> None:
    """Refuse a JPEG of more than :data:`MAX_SCANS` scans.

    Raises
    ------
    ImageError
        ``too_large``.
    """
    if count_scans(data) > MAX_SCANS:
        raise ImageError("too_large", f"more than {MAX_SCANS} scans: decoding could take minutes")


def count_scans(data: bytes) -> int:
    """Count the scans of a JPEG that a decoder reads, up to one more than :data:`MAX_SCANS`."""
    if is_one_scan(data):
        return 1
    scans = (kind for kind, _, _ in jpeg_segments(data) if kind == _START_OF_SCAN)
    return sum(1 for _ in islice(scans, MAX_SCANS + 1))


def is_one_scan(data: bytes) -> bool:
    """Return whether a JPEG ends with its first scan: it is sequential, and the scan holds all components.

    The headers suffice for that (ITU-T T.81, B.2), so most files are not searched for scans.
    """
    sequential, components = False, b""
    for kind, start, _ in jpeg_segments(data):
        if kind in _FRAMES:
            sequential, components = kind in _SEQUENTIAL, data[start + 9 : start + 10]
        elif kind == _START_OF_SCAN:
            return sequential and data[start + 4 : start + 5] == components
    return False


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk over the segments of a JPEG, (marker, start, end), to its end marker; the pixels are skipped."""
    position = 2
    while (marker := _JPEG_MARKER.search(data, position)) and data[marker.end() - 1] != _END:
        position = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        yield data[marker.end() - 1], marker.start(), position


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return the width and height in a JPEG's frame header (ITU-T T.81, B.2.2); 0x0 if it has none."""
    start = _frame_at(data)
    height, width = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (5, 7))
    return width, height


def jpeg_components(data: bytes) -> int:
    """Return the number of components in a JPEG's frame header; 0 if it has none."""
    return int.from_bytes(data[(at := _frame_at(data) + 9) : at + 1], "big")


def _frame_at(data: bytes) -> int:
    """Return where a JPEG's frame header begins; the end of the data if it has none."""
    return next((start for kind, start, _ in jpeg_segments(data) if kind in _FRAMES), len(data))


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
