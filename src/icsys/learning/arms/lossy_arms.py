"""Make the arms of lossy codecs: the highest quality at which images take no more bytes than another arm."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.engine.executor import one_by_one
from icsys.files.failure_reason import failure_reason
from icsys.image.encode import encode_lossy
from icsys.image.read_output import read_pixels
from icsys.image.resize import stretched
from icsys.learning.arm import ArmPictures
from icsys.learning.arms.temporary_pixels import StoredPixels, new_pixels
from icsys.learning.learn_progress import LearnProgress
from icsys.pipeline.lossy_quality import LOWEST, even_sample, highest_quality, highest_quality_near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.learning.arm import Arm

# The quality is searched on so many images first, then on more: each quality tried on all images takes long.
_SEARCHED_IMAGES, _SEARCHED_PIXELS = (32, 200), 4_000_000
# Sizes of the files of an image that failed, and of one that was not encoded.
_ABSENT, _UNKNOWN = -1, -2


class LossyArms:
    """Makes the arms of lossy codecs from the images in full.

    Parameters
    ----------
    full
        The pixels of the images in full, without transparency.
    executor
        Threads that do the work.
    folder
        Where temporary files lie.
    size
        Side of the pictures that a model sees, in pixels.
    report
        Called with how far an arm is.

    Attributes
    ----------
    failures
        Code and message of the images that a codec could not hold, by row.
    notes
        Sentences on arms that cannot be made.
    """

    def __init__(
        self,
        full: StoredPixels,
        executor: Executor,
        *,
        folder: Path,
        size: int,
        report: Callable[[LearnProgress], object],
    ) -> None:
        self._full, self._executor, self._folder, self._report = full, executor, folder, report
        self._size = size
        self._sizes: dict[tuple[str, int], NDArray[np.int64]] = {}
        self._step = LearnProgress(0, None, "")
        self.failures: dict[int, tuple[str, str]] = {}
        self.notes: list[str] = []

    def make(
        self, arm: Arm, aim: NDArray[np.int64], usable: NDArray[np.bool_], full: ArmPictures
    ) -> ArmPictures | None:
        """Make an arm of a codec; None, with a note, if its files are larger than the aim even at the lowest quality.

        Parameters
        ----------
        aim
            Shape (n,), int64: size of each file of the arm whose bytes are not to be exceeded.
        usable
            Shape (n,), bool: images that can be used. What the codec cannot hold is taken out.
        full
            The images in full, which have the same sizes in pixels.
        """
        arm = arm._replace(is_judged=arm.is_judged and max(full.width, full.height) <= self._size)
        assert arm.codec is not None  # noqa: S101 - the caller chooses these arms
        self._step = LearnProgress(0, None, f"Finding the quality of {arm.codec}")
        codec, known = arm.codec, -1
        quality: int | None = LOWEST
        while known != (known := int(usable.sum())) and known and not self._executor.stop.is_set():
            quality = self._quality(codec, aim, usable, full.width * full.height)
        if quality is None:
            least, most = (sizes[usable].mean() for sizes in (self._sizes[codec, LOWEST], aim))
            self.notes.append(
                f"{arm.name} is left out: even at the lowest quality an image takes {least:.0f} bytes, and "
                f"{most:.0f} in {arm.as_small_as}."
            )
            return None
        pixels = new_pixels(self._folder / f"{arm.codec}-{arm.as_small_as}.u8", len(usable) * arm.is_judged, self._size)
        encoded = np.zeros(len(usable), np.int64)
        if known and not self._executor.stop.is_set():
            self._step = LearnProgress(0, known, f"Making the forms of the images: {arm.name}")
            encoded = self._encode(codec, quality, np.flatnonzero(usable), pixels if arm.is_judged else None)
        return ArmPictures(arm, pixels, encoded, full.width, full.height, quality)

    def _quality(self, codec: str, aim: NDArray[np.int64], usable: NDArray[np.bool_], area: int) -> int | None:
        """Return the highest quality at which all images take no more bytes than an arm; None if none is."""
        rows = np.flatnonzero(usable)

        def size_of(quality: int, some: NDArray[np.intp]) -> int:
            sizes = self._sizes_of(codec, quality, some)
            usable[some[sizes == _ABSENT]] = False
            return int(np.maximum(sizes, 0).sum())

        quality: int | None = None
        for most in _SEARCHED_IMAGES:
            few = rows[even_sample([max(1, area)] * len(rows), most, _SEARCHED_PIXELS)]
            size_of_few, limit = partial(size_of, some=few), int(aim[few].sum())
            near = quality
            quality = highest_quality_near(size_of_few, limit, near) if near else highest_quality(size_of_few, limit)
        limit = int(aim[rows].sum())
        quality = highest_quality_near(partial(size_of, some=rows), limit, quality or LOWEST)
        return None if quality == LOWEST and size_of(LOWEST, rows) > limit else quality

    def _sizes_of(self, codec: str, quality: int, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the size of the file of the images in some rows; each is encoded once at each quality."""
        sizes = self._sizes.setdefault((codec, quality), np.full(self._full.images, _UNKNOWN))
        unknown = rows[sizes[rows] == _UNKNOWN]
        if len(unknown) and not self._executor.stop.is_set():
            sizes[unknown] = self._encode(codec, quality, unknown, None)[unknown]
        return sizes[rows]

    def _encode(
        self, codec: str, quality: int, rows: NDArray[np.intp], pixels: NDArray[np.uint8] | None
    ) -> NDArray[np.int64]:
        """Encode the images in some rows; return the size of each file, and write what it shows to ``pixels``."""
        sizes = np.zeros(self._full.images, np.int64)
        encode = partial(self._encode_one, codec=codec, quality=quality, pixels=pixels)
        worker: Callable[..., list[_Encoded]] = partial(one_by_one, function=encode)
        items: Iterable[tuple[int, None]] = ((int(row), None) for row in rows)
        executor = self._executor._replace(left=lambda: None)
        done = 0
        with closing(executor.map(worker, items, lambda: None)) as batches:
            for one in chain.from_iterable(batches):
                assert isinstance(one, _Encoded)  # noqa: S101 - threads lose nothing
                sizes[one.row] = one.size
                if one.failure is not None:
                    self.failures[one.row] = one.failure
                done += 1
                if self._step.total is not None:
                    self._report(self._step._replace(done=done))
        return sizes

    def _encode_one(
        self,
        item: tuple[int, None],
        limits: Limits,
        *,
        codec: str,
        quality: int,
        pixels: NDArray[np.uint8] | None,
    ) -> _Encoded:
        row, _ = item
        shown = self._full.read(row)
        with limits.slots:
            try:
                encoded = encode_lossy(codec, shown, quality)
                if pixels is not None:
                    pixels[row] = stretched(read_pixels(encoded), self._size)
            except Exception as error:  # noqa: BLE001 - an image that a codec cannot hold is data
                return _Encoded(row, _ABSENT, failure_reason(error))
        return _Encoded(row, len(encoded))


class _Encoded(NamedTuple):
    """The size of one file; with code and message of a failure."""

    row: int
    size: int
    failure: tuple[str, str] | None = None
