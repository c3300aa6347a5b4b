"""The photos of a sample: each is compressed as a run does it, and measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from icsys.image.decode import decode_photo
from icsys.pipeline import compress_photo
from icsys.run.worker import broken_size_rule
from icsys.studio.images.photo_cache import DecodedPhoto, as_decoded

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    from numpy.typing import NDArray

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.selection import SizeRules
    from icsys.studio.images.image_list import ImageList

_MOST_BYTES = 32 * 2**20


class MeasuredPhoto(NamedTuple):
    """What one photo takes.

    Attributes
    ----------
    bytes_in, bytes_out
        Of its file, and of its output; 0 if there is no output.
    seconds, decoding
        What it costs one core, and what of that decoding costs.
    failed, left_out
        Whether it cannot be compressed, or a rule of the run passes over it.
    """

    bytes_in: int
    bytes_out: int
    seconds: float
    decoding: float = 0.0
    failed: bool = False
    left_out: bool = False


class _Held(NamedTuple):
    decoded: DecodedPhoto
    seconds: float


class SampledPhotos:
    """Compresses photos of a sample, and keeps the first decoded ones, so that another number of colours is faster.

    It is for one thread. What it keeps is its own: photos that the page shows stay where they are.

    Parameters
    ----------
    images
        The images to read.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, admit: Admit) -> None:
        self._images, self._admit = images, admit
        self._held: dict[int, _Held] = {}
        self._decoding: Hashable = None
        self._bytes = 0

    def measure(
        self, number: int, options: Options, palette: NDArray[np.uint8] | None, rules: SizeRules | None
    ) -> MeasuredPhoto:
        """Compress a photo, with a palette if it is given. Any fault is a failure of this photo, as it is in a run."""
        start, held = time.thread_time(), None
        try:
            held = self._decoded(number, options, rules)
            if held is None:
                return MeasuredPhoto(0, 0, time.thread_time() - start, left_out=True)
            photo, data, _ = held.decoded
            start = time.thread_time()
            output = compress_photo(photo, data, options, palette)
            seconds = held.seconds + time.thread_time() - start
            return MeasuredPhoto(len(data), len(output.data), seconds, held.seconds)
        except Exception:  # noqa: BLE001 - as in a run
            before = held.seconds if held is not None else 0.0
            return MeasuredPhoto(0, 0, before + time.thread_time() - start, before, failed=True)

    def forget(self) -> None:
        """Keep nothing."""
        self._held.clear()
        self._bytes = 0

    def _decoded(self, number: int, options: Options, rules: SizeRules | None) -> _Held | None:
        """Return a decoded photo, with the seconds that it took; None if a rule leaves it out."""
        if (decoding := (as_decoded(options), rules)) != self._decoding:
            self.forget()
            self._decoding = decoding
        found = self._held.get(number)
        if found and found.decoded.version == self._images.version(number):
            return found
        start = time.thread_time()
        data, version = self._images.file(number, options)
        if broken_size_rule(data, options, rules):
            return None
        photo = decode_photo(data, as_decoded(options), self._admit)
        held = _Held(DecodedPhoto(photo, data, version), time.thread_time() - start)
        size = photo.pixels.nbytes + len(data)
        if found:  # of a photo that has changed
            del self._held[number]
            self._bytes -= found.decoded.photo.pixels.nbytes + len(found.decoded.data)
        if self._bytes + size <= _MOST_BYTES:  # the first ones stay: every estimate begins with them
            self._held[number] = held
            self._bytes += size
        return held
