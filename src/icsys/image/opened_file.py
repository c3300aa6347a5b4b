"""Opened files by format: what their headers hold, and how their pixels become a picture."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
from PIL.ExifTags import Base

from icsys.image.faults import load_pixels
from icsys.image.geometry import plan_resize, upright_size
from icsys.image.jpeg.decoder import shrink_for
from icsys.image.jpeg.processes import check_process

if TYPE_CHECKING:
    from PIL import ImageFile

    from icsys.image.described.description import ColorDescription
    from icsys.options import Options

_XMP = frozenset({"xmp", "XML:com.adobe.xmp"})  # Pillow's keys
_ORIENTATIONS = range(1, 9)


class Decoded(NamedTuple):
    """A decoded picture.

    Parameters
    ----------
    picture
        Cropped, and in sRGB if the file describes its colours by numbers; an ICC profile is not applied.
    orientation
        EXIF orientation of the file, 1 to 8.
    turn
        EXIF orientation that makes the picture upright: 1 if its decoder has turned it.
    damage
        Why pixels are missing; None if none are.
    """

    picture: Image.Image
    orientation: int
    turn: int
    damage: str | None


class OpenedFile:
    """A file whose decoder leaves nothing open.

    Attributes
    ----------
    image
        Opened with Pillow, not decoded.
    coded_size
        Width and height that the decoder makes, in pixels.
    profile
        The ICC profile that is to be applied to the decoded picture, or None.
    description
        The colours that are converted to sRGB by :meth:`decoded`, or None.
    is_held_twice
        Whether the pixels are held twice while they are decoded.
    note
        A warning about a file whose pixels are good; None for most.
    """

    description: ColorDescription | None = None
    is_held_twice = False

    def __init__(self, image: ImageFile.ImageFile, data: bytes) -> None:  # noqa: ARG002 - formats with more read it
        self.image = image
        self.coded_size = image.size
        self.profile: bytes | None = image.info.get("icc_profile")
        self.note: str | None = getattr(image, "note", None)

    def shrink(self, options: Options) -> int:  # noqa: ARG002 - a JPEG decides by them
        """Return the factor by which the decoder scales each side down."""
        return 1

    def stored(self) -> tuple[tuple[int, int], int]:
        """Return width and height of the cropped picture as stored, and its EXIF orientation, without decoding it."""
        return self.image.size, exif_orientation(self.image)

    def decoded(self, shrink: int, *, keep: bool) -> Decoded:  # noqa: ARG002 - see above
        """Decode the pixels.

        Parameters
        ----------
        shrink
            As :meth:`shrink` returns it.
        keep
            Keep the pixels of a file that ends or breaks within them.

        Raises
        ------
        ImageError
            ``corrupt`` for an image that ``keep`` would have kept.
        OSError
            If there is nothing to keep.
        """
        orientation = exif_orientation(self.image)
        return Decoded(self.image, orientation, orientation, load_pixels(self.image, keep=keep))


class _OpenedJpeg(OpenedFile):
    """A JPEG of a kind that :mod:`icsys.image.jpeg.decoder` does not read, such as CMYK.

    Raises
    ------
    ImageError
        ``unsupported`` for a kind that no decoder here reads.
    """

    def __init__(self, image: ImageFile.ImageFile, data: bytes) -> None:
        check_process(data)
        super().__init__(image, data)

    def shrink(self, options: Options) -> int:
        """Return the factor that the resize allows."""
        stored = self.image.size
        plan = plan_resize(*upright_size(stored, exif_orientation(self.image)), options)
        return shrink_for(stored, plan, options.resample)

    def decoded(self, shrink: int, *, keep: bool) -> Decoded:
        """Decode the pixels, scaled down."""
        if shrink > 1:
            width, height = self.image.size
            self.image.draft(None, (width // shrink, height // shrink))
        return super().decoded(shrink, keep=keep)


class _OpenedTiff(OpenedFile):
    """A TIFF, which Pillow turns upright while it decodes."""

    def stored(self) -> tuple[tuple[int, int], int]:
        """Return the size before the turn, and the turn."""
        orientation = exif_orientation(self.image)
        return upright_size(self.image.size, orientation), orientation

    def decoded(self, shrink: int, *, keep: bool) -> Decoded:
        """Decode and turn the pixels."""
        return super().decoded(shrink, keep=keep)._replace(turn=1)


_CLASSES = {"JPEG": _OpenedJpeg, "TIFF": _OpenedTiff}
# The module and class of formats with more to do; loaded for the first file of the format.
_MODULES = {
    "PNG": ("icsys.image.png.decoder", "OpenedPng"),
    "AVIF": ("icsys.image.heif.decoder", "OpenedAvif"),
    "HEIF": ("icsys.image.heif.decoder", "OpenedHeif"),
}


def opened_file(name: str, image: ImageFile.ImageFile, data: bytes) -> OpenedFile:
    """Return an opened image with what its format adds.

    Parameters
    ----------
    name, image
        As :func:`~icsys.image.open_image.open_image` returns them.
    data
        The file.
    """
    if name in _MODULES:
        module, kind = _MODULES[name]
        opened: OpenedFile = getattr(import_module(module), kind)(image, data)
        return opened
    return _CLASSES.get(name, OpenedFile)(image, data)


def exif_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8; missing or damaged EXIF data count as upright.

    Where EXIF data hold none, Pillow takes the orientation from XMP, which no browser does.
    """
    try:
        orientation = image.getexif().get(Base.Orientation, 1)
        if orientation != 1 and not _XMP.isdisjoint(image.info):
            orientation = _exif_alone(image).get(Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - damaged metadata may raise anything; the pixels are good
        return 1
    return int(orientation) if orientation in _ORIENTATIONS else 1


def _exif_alone(image: Image.Image) -> Image.Exif:
    """Return the EXIF data of an image that has XMP, too."""
    bare = Image.Image()
    bare.info = {key: value for key, value in image.info.items() if key not in _XMP}
    return bare.getexif()
