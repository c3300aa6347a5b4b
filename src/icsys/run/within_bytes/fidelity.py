"""How close pictures come to those of the largest size: CIEDE2000 and SSIM on a few images."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color.image_quality import measure
from icsys.image.decode import decode_photo, unlimited
from icsys.image.read_output import flat_pixels, read_pixels
from icsys.image.resize import window_at
from icsys.pipeline import compress_image
from icsys.run.within_bytes.choice import Judgement
from icsys.run.within_bytes.kept_images import images_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.run.within_bytes.candidates import Candidates, Setting
    from icsys.run.within_bytes.choice import HowGood
    from icsys.run.within_bytes.kept_images import Sample

_WINDOW = 192  # pixels
_EXACT = 1e-9  # the error of equal pictures, which no other may reach


class Fidelity(NamedTuple):
    """Means over the few images of a sample, against the largest size in all colours.

    Attributes
    ----------
    delta_e
        Mean colour difference CIEDE2000.
    ssim
        Mean structural similarity of the luma.
    images
        Number of images.
    """

    delta_e: float
    ssim: float
    images: int

    @property
    def loss(self) -> float:
        """CIEDE2000 times (1 - SSIM): halving either counts the same, whatever their scales are."""
        return max(self.delta_e, _EXACT) * max(1 - self.ssim, _EXACT)


class FidelityMeter:
    """Measures settings on the few images of a sample.

    A window in the middle of each picture is measured, so that large pictures take no longer.

    Parameters
    ----------
    largest
        Options of the largest size.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, sample: Sample, largest: Options, admit: Admit = unlimited) -> None:
        self._sample, self._largest, self._admit = sample, largest, admit
        self._references: dict[bytes, tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int, int, int]]] = {}

    def of(self, options: Options) -> Fidelity:
        """Return what options keep."""
        rows = self._sample.for_each(
            lambda data: self.errors(data, compress_image(data, options, admit=self._admit).data)
        )
        if not len(rows):
            return Fidelity(0.0, 1.0, 0)
        return Fidelity(float(rows[:, 0].mean()), float(rows[:, 1].mean()), len(rows))

    def errors(self, data: bytes, output: bytes) -> NDArray[np.float64]:
        """Return mean CIEDE2000 and SSIM of an output against the picture at the largest size, shape (2,)."""
        reference, size, window = self._reference(data)
        shown = window_at(read_pixels(output, self._largest.background), size, window)
        found = measure(reference, shown)
        return np.array([found.delta_e, found.ssim])

    def _reference(self, data: bytes) -> tuple[NDArray[np.uint8], tuple[int, int], tuple[int, int, int, int]]:
        """Return a window of the largest picture, the size of that picture, and the place of the window."""
        if data not in self._references:
            pixels = flat_pixels(decode_photo(data, self._largest, self._admit).pixels, self._largest.background)
            height, width = pixels.shape[:2]
            left, top = max(0, (width - _WINDOW) // 2), max(0, (height - _WINDOW) // 2)
            window = left, top, min(width, left + _WINDOW), min(height, top + _WINDOW)
            part = pixels[window[1] : window[3], window[0] : window[2]].copy()
            self._references[data] = part, (width, height), window
        return self._references[data]


def meter_of(sample: Sample, candidates: Candidates, admit: Admit = unlimited) -> FidelityMeter:
    """Return what measures how close pictures come to those of the largest size in all colours."""
    return FidelityMeter(sample, candidates.largest.replace(strategy="SO", format="png"), admit)


def judge_by_fidelity(meter: FidelityMeter, candidates: Candidates, on_step: Callable[[Setting], object]) -> HowGood:
    """Return what tells settings of equal bytes apart: how close pictures come to those of the largest size.

    Parameters
    ----------
    on_step
        Called with each setting before it is measured.
    """

    def by_fidelity(setting: Setting) -> Judgement:
        on_step(setting)
        found = meter.of(candidates.options_of(setting))
        seen = f"mean CIEDE2000 {found.delta_e:.2f}, SSIM {found.ssim:.3f}, {images_of(found.images)} sampled"
        return Judgement(-found.loss, f"comes closest to the pictures at the largest size ({seen})")

    return by_fidelity
