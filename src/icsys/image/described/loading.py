"""Load a picture with its crop and its described colours; formats without these load no other module."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.image.integrity import load_pixels

if TYPE_CHECKING:
    from PIL import Image, ImageFile

    from icsys.image.described.description import ColorDescription
    from icsys.image.heif.boxes import PictureProperties

_FORMATS = {"PNG", "AVIF", "HEIF"}


class PictureFacts(NamedTuple):
    """What an opened file holds beside its pixels.

    Attributes
    ----------
    coded
        Width and height that the decoder makes.
    profile
        The ICC profile that is to be applied to the pixels of :func:`load_picture`, or None.
    description
        The colours that :func:`load_picture` converts to sRGB, or None.
    properties
        Those of an AVIF or HEIC file.
    held_twice
        Whether the pixels are held twice while they are loaded.
    warning
        The note of a picture whose light is brighter than sRGB holds.
    """

    coded: tuple[int, int]
    profile: bytes | None = None
    description: ColorDescription | None = None
    properties: PictureProperties | None = None
    held_twice: bool = False
    warning: str | None = None


def picture_facts(name: str, image: ImageFile.ImageFile, data: bytes) -> PictureFacts:
    """Return what an opened file of the format ``name`` holds beside its pixels."""
    if name not in _FORMATS:
        return PictureFacts(image.size, image.info.get("icc_profile"))
    from icsys.image.described.source_colors import hdr_warning, source_colors  # noqa: PLC0415 - a JPEG needs none of it

    properties = None
    if name != "PNG":
        from icsys.image.heif.boxes import picture_properties  # noqa: PLC0415

        properties = picture_properties(data)
    coded = (properties and properties.size) or image.size
    colors = source_colors(name, image, data, properties)
    if colors is None or isinstance(colors, bytes):
        return PictureFacts(coded, colors, None, properties, name == "PNG" and _has_deep_key(image))
    return PictureFacts(coded, None, colors, properties, held_twice=True, warning=hdr_warning(colors))


def load_picture(
    name: str, image: ImageFile.ImageFile, data: bytes, facts: PictureFacts, *, keep: bool
) -> tuple[Image.Image, str | None]:
    """Decode an opened image as :func:`~icsys.image.integrity.load_pixels` does, crop it and convert described colours.

    Returns
    -------
    (PIL.Image.Image, str or None)
        The picture, and the damage of one that was kept.
    """
    if name == "PNG":
        from icsys.image.described.png_pixels import load_png  # noqa: PLC0415

        return load_png(image, data, facts.description, keep=keep)
    lacking = load_pixels(image, keep=keep)
    if facts.properties is None:
        return image, lacking
    from icsys.image.described.pictures import boxed_picture  # noqa: PLC0415

    return boxed_picture(name, image, facts.properties, facts.description), lacking


def _has_deep_key(image: ImageFile.ImageFile) -> bool:
    """Return whether a PNG has a transparent colour of three numbers with 16 bits."""
    return isinstance(image.info.get("transparency"), tuple) and bool(image.tile) and image.tile[0].args == "RGB;16B"
