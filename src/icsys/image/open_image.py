"""The image formats that are read: recognise the content, open it with the one decoder, count frames."""

from __future__ import annotations

import io
import struct
from importlib import import_module
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.limits import check_size
from icsys.image.tiff.camera_raw import camera_raw_name, refused_raw
from icsys.options import Options

if TYPE_CHECKING:
    from PIL import ImageFile

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        *(".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
        *(".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif"),
    }
)
"""Lower-case file name suffixes of the formats that are read."""

# The module, and the class or function in it, that opens each format: Pillow's, or ours above it. It is loaded for the
# first file of the format.
_OPENERS = {
    "JPEG": ("icsys.image.jpeg.opening", "open_jpeg"),
    "PNG": ("icsys.image.png.opening", "open_png"),
    "WEBP": ("icsys.image.web.webp_decoder", "WebPFile"),
    "TIFF": ("icsys.image.tiff.decoder", "open_tiff"),
    "GIF": ("icsys.image.web.gif_decoder", "GifFile"),
    "BMP": ("icsys.image.bmp.decoder", "BmpFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("icsys.image.heif.opening", "open_heif"),
}

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
}
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def sniff(head: bytes) -> str | None:
    """Return the image format of a file from its first bytes.

    Parameters
    ----------
    head
        The first 32 bytes or more.

    Returns
    -------
    str or None
        ``JPEG``, ``PNG``, ``WEBP``, ``TIFF``, ``GIF``, ``BMP``, ``AVIF`` or ``HEIF``; ``RAW`` for camera raw, which is
        recognised to be refused by its name; None for anything else.

    Examples
    --------
    >>> sniff(b"GIF89a" + bytes(26))
    'GIF'
    >>> sniff(b"%PDF-1.7" + bytes(24)) is None
    True
    """
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return "RAW" if name == "TIFF" and camera_raw_name(head) else name
    if camera_raw_name(head):
        return "RAW"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    return None


def _sniff_brands(head: bytes) -> str | None:
    """Distinguish AVIF from HEIF by the brands of the leading ``ftyp`` box (ISO/IEC 14496-12, 4.3)."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def open_image(data: bytes, options: Options | None = None) -> tuple[str, ImageFile.ImageFile]:
    """Open a file's content with the one decoder of its format; no pixel is decoded yet.

    Pillow's plugin is called directly instead of ``Image.open``: only the formats listed here can run, and the
    caller checks the size instead of Pillow's process-wide pixel limit.

    Parameters
    ----------
    options
        ``max_pixels`` applies here to formats that take memory for pixels when they are opened; the default options if
        left out.

    Returns
    -------
    (str, PIL.ImageFile.ImageFile)
        The format as :func:`sniff` names it, and the lazily opened image.

    Raises
    ------
    ImageError
        ``empty``, ``unidentified``, ``missing_extra``, ``unsupported`` for camera raw and some kinds of JPEG, or
        ``too_large`` for a WebP of too many pixels or a JPEG of too many scans.
    """
    if not data:
        raise ImageError("empty", "the file is empty (0 bytes)")
    name = sniff(data[:64])
    if name is None:
        raise ImageError("unidentified", f"not an image of a known format: expected one of {', '.join(_OPENERS)}")
    if name == "RAW":
        raise refused_raw(camera_raw_name(data[:64]) or name)
    if name == "WEBP" and (size := _webp_size(data[:30])):
        check_size(*size, options or Options())
    module, opener = _OPENERS[name]
    image: ImageFile.ImageFile = getattr(import_module(module), opener)(io.BytesIO(data), "")
    return name, image


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height from the first 30 bytes of a WebP (RFC 9649, 2.5 to 2.7); None if they lack them."""
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:  # noqa: PLR2004 - the bytes that are read below
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        sides = int.from_bytes(head[21:25], "little")
        return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


def count_frames(name: str, data: bytes, image: ImageFile.ImageFile, most: int) -> int:
    """Count the frames or pages of an opened file, at least 1 and up to ``most`` + 1, without decoding them.

    GIF and TIFF store no count. Their blocks are walked here, because Pillow would parse every frame and fail on a
    broken one that is not needed.
    """
    try:
        if name == "GIF":
            count = _gif_frames(data, most)
        elif name == "TIFF":
            count = _tiff_frames(data, most)
        else:
            count = int(getattr(image, "n_frames", 1))
    except (IndexError, struct.error):
        return 1
    return max(1, min(count, most + 1))


def _gif_frames(data: bytes, most: int) -> int:
    """Count the image descriptors of a GIF (GIF89a specification, appendix B), up to the first damage."""
    frames, position = 0, 13 + _color_table_size(data[10])
    while position < len(data) and frames <= most:
        marker = data[position]
        if marker == ord(","):
            frames += 1
            position += 10 + _color_table_size(data[position + 9]) + 1 if position + 9 < len(data) else 0
        elif marker == ord("!"):
            position += 2
        else:
            break
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1
    return frames


def _color_table_size(flags: int) -> int:
    """Return the size in bytes of the GIF colour table that ``flags`` announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _tiff_frames(data: bytes, most: int) -> int:
    """Count the directories of a TIFF or BigTIFF (TIFF 6.0, section 2), up to a loop or damage."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2) == (43,)
    count_format, offset_format, entry_size, first = ("Q", "Q", 20, 8) if big else ("H", "I", 12, 4)
    seen: set[int] = set()
    (offset,) = struct.unpack_from(order + offset_format, data, first)
    while offset and offset not in seen and offset + 2 <= len(data) and len(seen) <= most:
        seen.add(offset)
        (entries,) = struct.unpack_from(order + count_format, data, offset)
        end = offset + struct.calcsize(order + count_format) + entries * entry_size
        if end + struct.calcsize(order + offset_format) > len(data):
            break
        (offset,) = struct.unpack_from(order + offset_format, data, end)
    return len(seen)
