"""Settings: the forms of a dataset that are compared, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from icsys.options import Options

FULL = "full"
"""Name of the reference: the size of the run in all colours."""

COLORS, SIZES = "colors", "sizes"
"""Names of the chains of settings, from much to little, in which verdicts are tested one after another."""


class Arm(NamedTuple):
    """One form of the dataset.

    Attributes
    ----------
    name
        ``full``; ``K16``; ``32x32`` and ``32x32 K16`` for smaller sizes; ``WebP = K16`` and ``JPEG = K16`` for lossy
        codecs at the bytes of another setting; ``fewer = K16`` for a random part of the images in full.
    options
        What makes it with ``ics compress``; None for settings that ICS does not write.
    codec
        ``WebP`` or ``JPEG``; None for other settings.
    as_small_as
        Name of the setting whose bytes it must not exceed; None for settings that options make.
    chain
        The chain it belongs to; None if it is in none.
    is_judged
        Whether the model can tell: a setting larger than its working size is made, but not judged.
    """

    name: str
    options: Options | None = None
    codec: str | None = None
    as_small_as: str | None = None
    chain: str | None = None
    is_judged: bool = True

    @property
    def is_subset(self) -> bool:
        """Whether it is a random part of the images."""
        return self.options is None and self.codec is None


class ArmPictures(NamedTuple):
    """The pictures of one setting.

    Attributes
    ----------
    arm
        What they are.
    pixels
        Shape (n, S, S, 3), uint8: as stored by the setting, read again, enlarged to the working size. Empty, shape
        (0, S, S, 3), for a setting that is not judged, and for a part of the images.
    bytes
        Shape (n,), int64: size of each file.
    width, height
        The most common size of a picture of the setting, in pixels.
    quality
        Of a lossy codec, 1 to 100; None for other settings.
    """

    arm: Arm
    pixels: NDArray[np.uint8]
    bytes: NDArray[np.int64]
    width: int
    height: int
    quality: int | None = None
