"""The photos that full colour gets right and an arm gets wrong, as pictures before and after."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import ICSError
from icsys.image.encode import encode_lossy
from icsys.image.png_encoder import encode_truecolor
from icsys.image.read_output import read_pixels
from icsys.inspection.inspect_folder import NOWHERE
from icsys.learning.learned import LOSES, REFERENCE, ArmResult
from icsys.options import Options
from icsys.pipeline.compress import compress_image
from icsys.report.html import PictureGroup, Section, Thumbnail
from icsys.report.humanize import bytes_text, printable
from icsys.report.learned.words import arm_of, reference_of, verdict_words
from icsys.report.page_pictures import data_uri, resized
from icsys.report.source_images import SourceImages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.learning.learned import Learned, LostImage

_SIDE = 144  # pixels of a picture on the screen
_LARGEST = 2 * _SIDE  # pixels of a picture in the page
_THUMBNAIL = Options(strategy="SO", size=(_LARGEST, _LARGEST))


def arms_that_matter(learned: Learned) -> list[ArmResult]:
    """Return the arms whose lost photos are worth a look.

    These are the recommended arm and the next one with fewer bytes; without a recommendation the first one, from many
    bytes to few, that loses more, else the one whose accuracy is lowest.
    """
    judged = [arm for arm in learned.arms if arm.accuracy is not None and arm.verdict != REFERENCE]
    own = sorted((arm for arm in judged if arm.options is not None), key=lambda arm: -arm.bytes)
    chosen = arm_of(learned, learned.recommended)
    if chosen is not None and chosen is not reference_of(learned):
        return [chosen, *[arm for arm in own if arm.bytes < chosen.bytes][:1]]
    losing = [arm for arm in own if arm.verdict == LOSES]
    return losing[:1] or sorted(own, key=lambda arm: arm.accuracy or 0.0)[:1]


def lost_sections(learned: Learned, source: object, pictures: int) -> Iterator[Section]:
    """Yield a part of the page for each arm that matters and loses photos.

    Parameters
    ----------
    source
        Where the photos are read from again; one that cannot be read is named only.
    pictures
        Most photos of each arm.
    """
    shown = [(arm, arm.lost[:pictures]) for arm in arms_that_matter(learned)]
    names = {image.source for _, images in shown for image in images}
    place = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    painter = _Painter(learned, SourceImages(place, NOWHERE, names))
    for arm, images in shown:
        if not images:
            continue
        name = printable(arm.name)
        first = f" The first {len(images)} of {len(arm.lost)} are shown." if len(arm.lost) > len(images) else ""
        yield Section(
            f"What {name} loses",
            f"Photos that models get right in full and wrong in {name} ({verdict_words(arm)}), the worst first: left "
            f"in full, right in {name}.{first}",
            [painter.pair(arm, image) for image in images],
        )


class _Painter:
    """Makes the pictures of arms again."""

    def __init__(self, learned: Learned, source: SourceImages) -> None:
        self._full = reference_of(learned)
        self._source = source

    def pair(self, arm: ArmResult, image: LostImage) -> PictureGroup:
        """Return a photo in full and in an arm."""
        both = [one for one in (self._full, arm) if one is not None]
        return PictureGroup(
            f"{printable(image.label)}, taken for {printable(image.taken_for)}",
            printable(image.source),
            [self._thumbnail(one, image.source) for one in both],
        )

    def _thumbnail(self, arm: ArmResult, source: str) -> Thumbnail:
        name = printable(arm.name)
        try:
            data, background = self._file(arm, source)
            pixels = read_pixels(data, background)
            if max(pixels.shape) > _LARGEST:
                pixels = resized(encode_truecolor(np.ascontiguousarray(pixels)), _THUMBNAIL)
        except (ICSError, OSError, MemoryError):
            return Thumbnail(name, "", "", _SIDE, _SIDE, zoom=2)
        height, width = pixels.shape[:2]
        zoom = max(1, _SIDE // max(height, width))
        return Thumbnail(name, bytes_text(len(data)), data_uri(pixels), width, height, zoom)

    def _file(self, arm: ArmResult, source: str) -> tuple[bytes, str]:
        """Return the file of a photo in an arm, and the colour behind it; ICSError or OSError if it cannot be made."""
        made_by = arm if arm.options is not None else self._full
        if made_by is None or made_by.options is None:
            raise FileNotFoundError(source)
        options = Options.from_dict(made_by.options)
        if options.palette != "image":  # its palette is made of many images
            raise FileNotFoundError(source)
        data = compress_image(self._source.read(source, options), options).data
        if arm.options is None and arm.quality is not None:
            codec = {"webp": "WebP", "jpeg": "JPEG"}.get(arm.format, arm.format)
            data = encode_lossy(codec, read_pixels(data, options.background), arm.quality)
        return data, options.background
