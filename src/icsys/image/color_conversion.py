"""Convert colours: any Pillow mode to grey or RGB, any ICC profile to sRGB, transparency to a background."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image, ImageColor

from icsys.errors import ImageError
from icsys.image.geometry import row_bands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from PIL import ImageCms

_ICC_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
_OPAQUE, _MOST_12, _MOST_16 = 255, 4095, 65535
_GREY_SCALE = "icsys: largest level, and whether white is zero"
_WHITE_IS_ZERO = 0  # TIFF 6.0, PhotometricInterpretation
_CHANNELS = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4, "CMYK": 4}


def channels(image: Image.Image) -> int:
    """Return the numbers per pixel that a model reads from ``image``: grey 1, RGB 3, one more with alpha, CMYK 4."""
    return _CHANNELS[plain_mode(image)]


def plain_mode(image: Image.Image) -> str:
    """Return the mode that :func:`to_plain` gives ``image``: L, LA, RGB, RGBA or CMYK.

    Raises
    ------
    ImageError
        ``unsupported`` if the mode has no agreed mapping to 8 bits, such as float pixels.
    """
    mode, transparent = image.mode, "transparency" in image.info
    if mode in {"1", "L"} or mode.startswith("I;16"):
        return "LA" if transparent else "L"
    if mode == "P":
        grey = _has_grey_palette(image)
        alpha = transparent or (image.palette is not None and image.palette.mode == "RGBA")
        return ("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB")
    if mode == "RGB":
        return "RGBA" if transparent else "RGB"
    plain = {
        "LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB",
        "CMYK": "CMYK", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB",
    }.get(mode)  # fmt: skip
    if plain is None:
        raise ImageError(
            "unsupported",
            f"pixels of mode {mode!r} have no agreed range: convert the image to 8 or 16 bits per channel",
        )
    return plain


def to_plain(image: Image.Image, box: tuple[int, int, int, int] | None = None) -> Image.Image:
    """Expand palettes, bit depths and colour models to mode L, LA, RGB, RGBA or CMYK, 8 bits per channel.

    Parameters
    ----------
    image
        Any mode that :func:`plain_mode` accepts.
    box
        Left, top, right and bottom of the part to convert; the whole image if left out.
    """
    plain = plain_mode(image)
    part = image if box is None or box == (0, 0, *image.size) else image.crop(box)
    if image.mode == plain:
        return part
    if image.mode.startswith("I;16"):
        return _from_16_bit(part, plain)
    if image.mode == "P" and plain == "LA":
        return part.convert("RGBA").convert("LA")
    if image.mode == "RGBa":
        return part.convert("RGBA")
    return part.convert(plain)


def _has_grey_palette(image: Image.Image) -> bool:
    """Return whether every entry of the palette is a grey."""
    entries = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    return bool((entries == entries[:, :1]).all())


def note_grey_scale(image: Image.Image) -> None:
    """Note in ``image.info``, which Pillow keeps when it turns, crops or transforms, what tags of a TIFF tell of grey.

    Pillow opens grey TIFFs of 12 bits, and 16 bits with white as zero, as mode "I;16" and leaves the rest to the tags.
    """
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {}) if image.mode.startswith("I;16") else {}
    most = _MOST_12 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else _MOST_16
    white_is_zero = tags.get(ExifTags.Base.PhotometricInterpretation) == _WHITE_IS_ZERO
    if most != _MOST_16 or white_is_zero:
        image.info[_GREY_SCALE] = most, white_is_zero


def _from_16_bit(image: Image.Image, plain: str) -> Image.Image:
    """Scale 16-bit grey to 8 bits with rounding; Pillow's own conversion clips."""
    most, white_is_zero = image.info.get(_GREY_SCALE, (_MOST_16, False))
    scaled = Image.new(plain, image.size)
    for rows, values in in_bands(image):
        levels = ((values.astype(np.uint32) * 255 + most // 2) // most).astype(np.uint8)
        levels = ~levels if white_is_zero else levels
        grey = Image.fromarray(levels)
        if plain == "LA":
            opaque = (values != image.info["transparency"]).astype(np.uint8) * np.uint8(255)
            grey.putalpha(Image.fromarray(opaque))
        scaled.paste(grey, (0, rows.start))
    return scaled


def in_bands(image: Image.Image) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield the rows of each band of a picture with their pixels. Pillow copies twice what it converts at once."""
    bands = row_bands(*image.size)
    if len(bands) == 1:
        yield slice(0, image.height), np.asarray(image)
        return
    for top, bottom in bands:
        yield slice(top, bottom), np.asarray(image.crop((0, top, image.width, bottom)))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a plain image to sRGB grey or RGB, with alpha where it had one.

    Parameters
    ----------
    image
        Mode L, LA, RGB, RGBA or CMYK.
    profile
        The ICC profile of its colours; a broken one, or one for another colour model, is ignored.
    """
    if profile:
        converted = _apply_profile(image, profile)
        if converted is not None:
            return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def changes_colors(profile: bytes | None, mode: str) -> bool:
    """Return whether :func:`to_srgb` changes a picture of mode "L" or "RGB" with this profile."""
    return bool(profile) and (_grey_table(profile) if mode == "L" else _transform(profile, "RGB")) is not None


@lru_cache(maxsize=16)
def is_profile(profile: bytes | None) -> bool:
    """Return whether an ICC profile can be read, and is one of grey, RGB or CMYK colours."""
    if not profile:
        return False
    from PIL import ImageCms  # noqa: PLC0415 - most photos have no profile that needs it

    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space in _ICC_MODES
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Run the colours of ``image`` through its profile, or return None if the profile does not fit."""
    if image.mode in {"L", "LA"}:
        table = _grey_table(profile)
        if table is None:
            return None
        return image.point(table if image.mode == "L" else table + list(range(256)))
    transform = _transform(profile, "CMYK" if image.mode == "CMYK" else "RGB")
    if transform is None:
        return None
    if image.mode == "RGBA":
        converted = transform.apply(image.convert("RGB"))
        converted.putalpha(image.getchannel("A"))
        return converted
    return transform.apply(image)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform from ``profile`` to sRGB, or None if it is broken, of another mode, or changes nothing.

    LittleCMS transforms keep no state between calls, so threads share them.
    """
    from PIL import ImageCms  # noqa: PLC0415 - most photos have no profile that needs it

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _ICC_MODES.get(source.profile.xcolor_space) != mode:
            return None
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        if mode == "L":  # LittleCMS samples grey curves so coarsely that dark greys come out up to 10 levels wrong
            flags |= ImageCms.Flags.NOOPTIMIZE
        srgb, intent = ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB", intent, flags)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode == "RGB" and _changes_nothing(transform):
        return None
    return transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether an RGB transform keeps a grid of colours, as many variants of the sRGB profile do."""
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(16, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(grid))).astype(int)
    return bool(np.abs(moved - grid).max() <= 2)  # noqa: PLR2004 - two steps of rounding


@lru_cache(maxsize=16)
def _grey_table(profile: bytes) -> list[int] | None:
    """Return the table of 256 entries from a grey, or an RGB profile's neutral axis, to sRGB grey."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    for mode in ("L", "RGB"):
        transform = _transform(profile, mode)
        if transform is not None:
            return list(transform.apply(ramp.convert(mode)).convert("L").tobytes())
    return None


def seen_through(image: Image.Image) -> bool:
    """Return whether a plain image has pixels that are not opaque."""
    return image.mode in {"LA", "RGBA"} and image.getchannel("A").getextrema()[0] != _OPAQUE


def without_hidden(image: Image.Image) -> Image.Image:
    """Return an image of mode LA or RGBA whose fully transparent pixels are all zero, so they hide no colours."""
    clear = Image.new(image.mode, image.size)
    clear.paste(image, mask=image.getchannel("A").point([0] + [255] * 255))
    return clear


def flatten(image: Image.Image, background: str) -> Image.Image:
    """Lay an sRGB image over ``background`` (``#RRGGBB``); the result is L if both are grey, RGB otherwise."""
    if image.mode not in {"LA", "RGBA"}:
        return image
    color = ImageColor.getrgb(background)
    mode = "L" if image.mode == "LA" and len(set(color)) == 1 else "RGB"
    canvas = Image.new(mode, image.size, color[0] if mode == "L" else color)
    canvas.paste(image.convert(mode), mask=image.getchannel("A"))
    return canvas
