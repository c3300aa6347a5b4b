"""The photos of a sample: each is compressed as a run does it, and measured."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import IMAGE_PACKINGS
from icsys.image.decode import decode_photo
from icsys.packs.packed_image import REPEATED_COLUMNS
from icsys.pipeline import compress_photo
from icsys.records.manifest_rows import image_row
from icsys.results import Compressed
from icsys.run.worker import broken_size_rule, facts_of_image
from icsys.studio.images.photo_cache import DecodedPhoto, as_decoded

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.pipeline import CompressedImage
    from icsys.selection import SizeRules
    from icsys.sources.base import Task
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.surveys.shared_palettes import Shared

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
    facts
        What a pack says of it; None where the output is no part of a pack, or there is none.
    """

    bytes_in: int
    bytes_out: int
    seconds: float
    decoding: float = 0.0
    failed: bool = False
    left_out: bool = False
    facts: Mapping[str, Any] | None = None


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

    def measure(self, number: int, shared: Shared, rules: SizeRules | None) -> MeasuredPhoto:
        """Compress a photo with what it shares. Any fault is a failure of this photo, as it is in a run."""
        options = shared.options
        start, held = time.thread_time(), None
        try:
            held = self._decoded(number, options, rules)
            if held is None:
                return MeasuredPhoto(0, 0, time.thread_time() - start, left_out=True)
            photo, data, _ = held.decoded
            start = time.thread_time()
            output = compress_photo(photo, data, options, shared.palette)
            seconds = held.seconds + time.thread_time() - start
            facts = None
            if options.format in IMAGE_PACKINGS:
                facts = _facts_in_packs(self._images[number].task, data, output, shared.palette_hash)
            return MeasuredPhoto(len(data), len(output.data), seconds, held.seconds, facts=facts)
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


def _facts_in_packs(task: Task, data: bytes, image: CompressedImage, palette: str) -> dict[str, Any]:
    """Return what a pack says of an image: the columns of its manifest row that packs repeat."""
    result = Compressed(
        source=task.source,
        output=task.output,
        bytes_in=len(data),
        source_mtime_ns=0,
        source_sha256=hashlib.sha256(data).hexdigest(),
        sha256=hashlib.sha256(image.data).hexdigest(),
        palette=palette or None,
        seconds=0.0,
        **facts_of_image(image),
    )
    row = image_row(result, "", "")
    return {name: row.get(name) for name in REPEATED_COLUMNS}
