"""``Inspection``: what a source holds, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from icsys.results import Failed

MOST_SIZES = 100
"""Sizes of images that are counted one by one."""

_ONLY_IN_TABLE = "table"


@dataclass(frozen=True, slots=True)
class InspectedImage:
    """What is found out about one image.

    Attributes
    ----------
    source
        Its path below the source, with forward slashes.
    label, split
        Name of its class, and name of the folder of its split; None if it has none.
    format, mode
        File format and pixel mode as stored; None for a broken image.
    width, height
        Upright size in pixels; None for a broken image.
    frames
        Frames or pages in its file; None for a broken image.
    bytes, sha256
        Size of its file, and the hash of it in hexadecimal digits; None and empty if it cannot be read.
    hash
        Perceptual hash of its pixels: 16 hexadecimal digits; empty for a broken image.
    light
        Mean luma, from 0 (black) to 255; None for a broken image.
    sharpness
        Variance of the Laplacian of the luma, at 96 pixels on the longer side unless the image is smaller; None for a
        broken image.
    duplicates, near_duplicates
        Number of its group, from 1, in the lists of the inspection; None if it is in none.
    failure
        Code of the failure of a broken image; None for others.
    """

    source: str
    label: str | None
    split: str | None
    format: str | None = None
    mode: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    bytes: int | None = None
    sha256: str = ""
    hash: str = ""
    light: float | None = None
    sharpness: float | None = None
    duplicates: int | None = None
    near_duplicates: int | None = None
    failure: str | None = None


@dataclass(slots=True)
class Inspection:
    """What a source holds; result of :func:`inspect_folder`.

    Attributes
    ----------
    source
        The source, without secrets.
    images
        Number of images, broken ones included.
    bytes
        Of the files of all images that can be read.
    classes, splits
        Number of images by the name of their class, and by the name of the folder of their split.
    formats, modes, sizes
        Number of images by file format, pixel mode as stored, and upright size, such as ``640x480``; the most common
        sizes only.
    animated
        Number of images with several frames.
    masks, annotations, sidecars
        What goes with the images: ``files`` is their number, ``forms`` their number by form, ``found`` has sentences on
        how they were recognised, and ``unclear`` on what may be one.
    broken
        Images that cannot be used, with code and message.
    duplicates
        Groups of images whose files are equal.
    near_duplicates
        Groups of images that show the same picture in another size, encoding or crop; equal files of them are included.
    leaks
        The groups of both kinds whose images lie in different splits.
    darkest, blurriest
        Images with the least light, and with the least sharpness, each with its value.
    ignored
        Number of files that are neither images nor go with them.
    outputs_passed_over
        Output folders of ICS that were left out.
    seconds
        Duration.
    stopped
        Why the inspection ended before all images were looked at; None if it did not.
    table
        What was found out about each image, in the order of the source.
    """

    source: str
    images: int = 0
    bytes: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    animated: int = 0
    masks: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    sidecars: dict[str, Any] = field(default_factory=dict)
    broken: list[Failed] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)
    near_duplicates: list[list[str]] = field(default_factory=list)
    leaks: list[list[str]] = field(default_factory=list)
    darkest: list[tuple[str, float]] = field(default_factory=list)
    blurriest: list[tuple[str, float]] = field(default_factory=list)
    ignored: int = 0
    outputs_passed_over: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None
    table: list[InspectedImage] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the inspection as plain JSON values, without the table."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != _ONLY_IN_TABLE}
        broken = [{"source": one.source, "code": one.code, "message": one.message} for one in self.broken]
        ranked = {
            name: [{"source": source, "value": round(value, 3)} for source, value in values[name]]
            for name in ("darkest", "blurriest")
        }
        return values | ranked | {"broken": broken}
