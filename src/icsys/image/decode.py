"""Decode a file's bytes to small upright pixels in sRGB: the only way a photo enters ICS."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile

from icsys.choices import WHITE
from icsys.errors import ImageError
from icsys.image.color_conversion import changes_colors, channels, in_bands, to_plain, to_srgb
from icsys.image.faults import DecoderErrors
from icsys.image.geometry import ResizePlan, ResizeSettings, plan_resize, stored_edges, unchanged, upright_size
from icsys.image.integrity import find_faults
from icsys.image.jpeg.decoder import MODES, decode_jpeg
from icsys.image.jpeg.headers import JpegHeader, plain_header
from icsys.image.jpeg.mending import close_jpeg
from icsys.image.jpeg.reduction import reduction_of
from icsys.image.jpeg.scans import check_scans
from icsys.image.limits import check_bytes, check_frames, check_image, check_size, jpeg_memory_needed, memory_needed
from icsys.image.open_image import IMAGE_SUFFIXES, count_frames, open_image, sniff
from icsys.image.opened_file import exif_orientation, opened_file
from icsys.image.resize import as_image, finished, pick_pixels, resample_pixels
from icsys.image.stored_values import palette_positions
from icsys.pixel_checks import check_array

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from icsys.image.area_average import Edges
    from icsys.image.stored_values import StoredValues
    from icsys.options import Options

    Admit = Callable[[int], AbstractContextManager[None]]

__all__ = ["IMAGE_SUFFIXES", "ImageInfo", "Photo", "decode_photo", "sniff", "to_array", "unlimited"]

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RGBA = 4


class ImageInfo(NamedTuple):
    """Facts about a source file, before the resize.

    Parameters
    ----------
    format
        ``JPEG``, ``PNG``, ``WEBP``, ``TIFF``, ``GIF``, ``BMP``, ``AVIF`` or ``HEIF``, found from the content.
    mode
        Pixel mode as stored, in Pillow's names, such as ``CMYK``.
    width, height
        Upright size in pixels.
    channels
        Numbers per pixel that a model reads: grey 1, RGB 3, one more with alpha, CMYK 4.
    orientation
        EXIF orientation that was applied, 1 to 8.
    frames
        Frames or pages in the file; the first is used.
    """

    format: str
    mode: str
    width: int
    height: int
    channels: int
    orientation: int
    frames: int


class Photo(NamedTuple):
    """A decoded and resized image.

    Parameters
    ----------
    pixels
        (H, W) (grey) or (H, W, 3) (sRGB) uint8 array, C-contiguous, upright; (H, W, 2) or (H, W, 4) with alpha where
        that is kept and a pixel is not opaque.
    info
        Facts about the source.
    warning
        What is wrong with the file, or light that sRGB cannot hold; None for other files.
    as_stored
        Whether these are the pixels of the file as any reader decodes them, not resized, turned or converted.
    damaged
        Whether pixels are missing or wrong.
    positions
        Positions in the file's palette; None if it has none, or if the picture is resized.
    """

    pixels: NDArray[np.uint8]
    info: ImageInfo
    warning: str | None = None
    as_stored: bool = False
    damaged: bool = False
    positions: StoredValues | None = None


def unlimited(size: int) -> AbstractContextManager[None]:  # noqa: ARG001 - the signature of Admit
    """Admit every image at once."""
    return nullcontext()


def decode_photo(data: bytes, options: Options, admit: Admit = unlimited) -> Photo:
    """Decode an image file and resize it as in ``options``.

    Applies EXIF orientation, crop, and the colours as the file describes them, flattens transparency or keeps it, and
    takes the first frame of an animation. Safe to call from many threads.

    Parameters
    ----------
    data
        The content of the file.
    options
        ``step``, ``scale``, ``size``, ``fit``, ``resample``, ``background``, ``alpha``, the limits and ``on_corrupt``
        are used.
    admit
        Called before decoding, with the bytes that the decoded pixels will take. It returns a context that is held
        until they are freed, so a caller can bound the memory of many images.

    Raises
    ------
    ImageError
        If the input cannot be used, with one of the codes ``empty``, ``unidentified``,
        ``unsupported``, ``broken``, ``corrupt``, ``too_large`` and ``missing_extra``.
    """
    with DecoderErrors():
        check_bytes(len(data), options)
        header = plain_header(data)
        photo = None if header is None else _decode_plain(header, data, options, admit)
        if photo is not None:
            return photo
        name, image = open_image(close_jpeg(data) if options.on_corrupt == "keep" else data, options)
        with image:
            return _decode(name, image, data, options, admit, plain=header is not None)


def _decode(
    name: str, image: ImageFile.ImageFile, data: bytes, options: Options, admit: Admit, *, plain: bool
) -> Photo:
    """Decode an opened image; ``plain`` is a JPEG that only Pillow may decode, as was found without opening it."""
    check_image(image, options)
    frames = count_frames(name, data, image, options.max_frames)
    check_frames(frames, options)
    if name == "JPEG" and image.mode in MODES and not plain:
        photo = _decode_jpeg(_header_of(image), data, options, admit, frames)
        if photo:
            return photo
    file = opened_file(name, image, data)
    check_size(*file.coded_size, options)
    mode, header, shrink = image.mode, image.size, file.shrink(options)
    copied, keep = options.resample == "lanczos", options.on_corrupt == "keep"
    with admit(memory_needed(image, shrink, copied=copied, held_twice=file.is_held_twice, coded=file.coded_size)):
        faults = find_faults(name, data)
        if faults.damage and not keep:
            raise ImageError("corrupt", faults.damage)
        source, orientation, turn, lacking = file.decoded(shrink, keep=keep)
        # The header's size may not be the picture's, as for a TIFF that Pillow turned upright while it loaded.
        stored = header if shrink > 1 else source.size
        upright = upright_size(stored, turn)
        plan = plan_resize(*upright, options)
        channel_count = channels(source)
        may_be_kept = plan.changes_nothing and turn == 1 and options.strategy != "SO"
        positions = palette_positions(source) if may_be_kept else None
        small = _made_small(source, plan, options.resample, turn, stored_edges(plan, stored, turn, shrink))
        if small is not source:  # the next picture may be admitted when this one is freed
            source.close()
            image.close()
    info = ImageInfo(name, mode, *upright, channel_count, orientation, frames)
    shown = _finished(small, file.profile, plan, options)
    pixels = _as_array(shown)
    damage = faults.damage or lacking
    warning = "; ".join(filter(None, (damage, faults.note, file.note))) or None
    as_stored = (
        turn == 1 and file.description is None and (plan.changes_nothing and (shown is small or _shows(small, pixels)))
    )
    return Photo(pixels, info, warning, as_stored, damage is not None, positions)


def _decode_plain(header: JpegHeader, data: bytes, options: Options, admit: Admit) -> Photo | None:
    """Decode a JPEG whose headers need no Pillow; return None for a kind that only Pillow may decode."""
    if not header.one_scan:
        check_scans(close_jpeg(data) if options.on_corrupt == "keep" else data)
    check_size(*header.size, options)
    check_frames(1, options)
    return _decode_jpeg(header, data, options, admit, 1)


def _header_of(image: ImageFile.ImageFile) -> JpegHeader:
    """Return what Pillow has read of the headers of a JPEG."""
    profile, progressive = image.info.get("icc_profile"), bool(image.info.get("progressive"))
    return JpegHeader(image.mode, image.size, exif_orientation(image), profile, progressive)


def _decode_jpeg(header: JpegHeader, data: bytes, options: Options, admit: Admit, frames: int) -> Photo | None:
    """Decode a JPEG in grey or colour; return None for a kind that only Pillow may decode."""
    stored, turn, profile = header.size, header.orientation, header.profile
    plan, upright, shrink, edges, averaged, areas = reduction_of(stored, turn, ResizeSettings.of(options))
    depth = len(header.mode)
    info = ImageInfo("JPEG", header.mode, *upright, depth, turn, frames)
    mode = header.mode if averaged or depth == 1 else "RGBX"
    with admit(jpeg_memory_needed(stored, shrink, len(mode), depth if header.progressive else 0)):
        decoded = decode_jpeg(data, mode, stored, shrink, keep=options.on_corrupt == "keep")
        if decoded is None:
            return None
        pixels, faults = decoded
        warning, damaged = faults.warning, faults.damage is not None
        if averaged:
            small = _without_depth(pixels if areas is None else areas.average(pixels))
            if turn == 1 and plan.canvas == plan.size and not changes_colors(profile, header.mode):
                return Photo(small, info, warning, areas is None, damaged)
            picture = _turned(Image.fromarray(small), turn)
        else:
            source = Image.frombuffer(mode, pixels.shape[1::-1], pixels, "raw", mode, 0, 1)
            picture = _made_small(source, plan, options.resample, turn, edges)
    shown = _finished(picture, profile, plan, options)
    pixels = _as_array(shown)
    as_stored = turn == 1 and plan.changes_nothing and (shown is picture or _shows(picture, pixels))
    return Photo(pixels, info, warning, as_stored, damaged)


def _made_small(
    source: Image.Image, plan: ResizePlan, resample: str, turn: int, edges: tuple[Edges, Edges]
) -> Image.Image:
    """Resize a decoded picture, turn it upright, and convert it to a plain mode."""
    if resample == "skip":  # converting only the pixels that stay is cheaper
        return to_plain(pick_pixels(_turned(source, turn), plan))
    return _turned(resample_pixels(source, plan, resample, edges), turn)


def _finished(small: Image.Image, profile: bytes | None, plan: ResizePlan, options: Options) -> Image.Image:
    """Return a small plain picture in grey or sRGB on its canvas; the same picture if that changes nothing."""
    return finished(to_srgb(small, profile), plan, options.background, options.alpha)


def _shows(picture: Image.Image, pixels: NDArray[np.uint8]) -> bool:
    """Return whether pixels equal those of the picture in the file, which was not resized."""
    return all(np.array_equal(band, pixels[rows]) for rows, band in in_bands(picture))


def _as_array(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of a plain picture."""
    depth = len(picture.getbands())
    shape = (picture.height, picture.width) if depth == 1 else (picture.height, picture.width, depth)
    pixels = np.empty(shape, np.uint8)
    for rows, band in in_bands(picture):
        pixels[rows] = band
    return pixels


def _without_depth(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 1) pixels as (H, W), others as they are."""
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _turned(image: Image.Image, turn: int) -> Image.Image:
    """Turn a picture upright."""
    return image if turn == 1 else image.transpose(_TRANSPOSE[turn])


def to_array(
    image: Any,  # noqa: ANN401 - as_image checks the type
    background: str = WHITE,
    alpha: str = "flatten",
) -> NDArray[np.uint8]:
    """Return the pixels of an array or a PIL image.

    Parameters
    ----------
    image
        (H, W), (H, W, 3) or, with alpha, (H, W, 4) uint8 array, or a PIL image of any mode. The EXIF
        orientation and ICC profile of a PIL image are not applied.
    background
        Colour ``#RRGGBB`` behind transparent areas.
    alpha
        "flatten" lays transparent pixels over the background, "keep" keeps alpha.

    Returns
    -------
    numpy.ndarray
        (H, W) (grey) or (H, W, 3) (RGB) uint8, C-contiguous, (H, W, 2) or (H, W, 4) where alpha is kept and a pixel is
        not opaque; a C-contiguous array without alpha is returned without a copy.

    Raises
    ------
    UsageError
        If it is neither, or has no pixels.
    ImageError
        If the mode of a PIL image has no mapping to 8 bits.
    """
    if isinstance(image, np.ndarray):
        check_array(image)
        if image.shape[2:] != (_RGBA,):
            return np.ascontiguousarray(image)
    plain = to_plain(as_image(image))
    plain = plain.convert("RGB") if plain.mode == "CMYK" else plain
    return _as_array(finished(plain, unchanged(*plain.size), background, alpha))
