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
from icsys.learning.arms.encoded_files import EncodedFiles, new_pixels
from icsys.learning.learn_progress import LearnProgress
from icsys.pipeline.lossy_quality import even_sample, highest_quality, highest_quality_near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.learning.arm import Arm

# The quality is searched on so many images first. Each quality tried on all images takes longer than the sample.
_SEARCHED_IMAGES, _SEARCHED_PIXELS = 200, 4_000_000
_ABSENT = -1  # size of the file of an image that failed


class LossyArms:
    """Makes the arms of lossy codecs from the images in full.

    Parameters
    ----------
    full
        The files of the images in full, in a lossless format.
    executor
        Threads that do the work.
    folder
        Where temporary files lie.
    size
        Side of the pictures that a model sees, in pixels.
    background
        Colour ``#RRGGBB`` behind transparent pixels, which the codecs do not keep.
    report
        Called with how far an arm is.

    Attributes
    ----------
    failures
        Code and message of the images that a codec could not hold, by row.
    """

    def __init__(
        self,
        full: EncodedFiles,
        executor: Executor,
        *,
        folder: Path,
        size: int,
        background: str,
        report: Callable[[LearnProgress], object],
    ) -> None:
        self._full, self._executor, self._folder, self._report = full, executor, folder, report
        self._size, self._background = size, background
        self._sizes: dict[tuple[str, int], NDArray[np.int64]] = {}
        self._step = LearnProgress(0, None, "")
        self.failures: dict[int, tuple[str, str]] = {}

    def make(self, arm: Arm, aim: NDArray[np.int64], usable: NDArray[np.bool_], full: ArmPictures) -> ArmPictures:
        """Make an arm of a codec.

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
        codec, quality, known = arm.codec, 0, -1
        while known != (known := int(usable.sum())) and known and not self._executor.stop.is_set():
            quality = self._quality(codec, aim, usable, full.width * full.height)
        pixels = new_pixels(self._folder / f"{arm.codec}-{arm.as_small_as}.u8", len(usable) * arm.is_judged, self._size)
        encoded = np.zeros(len(usable), np.int64)
        if known and not self._executor.stop.is_set():
            self._step = LearnProgress(0, known, f"Making the forms of the images: {arm.name}")
            encoded = self._encode(codec, quality, np.flatnonzero(usable), pixels if arm.is_judged else None)
        return ArmPictures(arm, pixels, encoded, full.width, full.height, quality)

    def _quality(self, codec: str, aim: NDArray[np.int64], usable: NDArray[np.bool_], area: int) -> int:
        """Return the highest quality at which all images take no more bytes than an arm."""
        rows = np.flatnonzero(usable)
        few = rows[even_sample([max(1, area)] * len(rows), _SEARCHED_IMAGES, _SEARCHED_PIXELS)]

        def size_of_few(quality: int) -> int:
            return int(np.maximum(self._encode(codec, quality, few, None)[few], 0).sum())

        def size_of_all(quality: int) -> int:
            if (codec, quality) not in self._sizes and not self._executor.stop.is_set():
                self._sizes[codec, quality] = self._encode(codec, quality, rows, None)
            sizes = self._sizes.get((codec, quality))
            if sizes is None:
                return 0  # stopped: the quality is of no use
            usable[rows[sizes[rows] == _ABSENT]] = False
            return int(np.maximum(sizes[rows], 0).sum())

        near = highest_quality(size_of_few, int(aim[few].sum()))
        return highest_quality_near(size_of_all, int(aim[rows].sum()), near)

    def _encode(
        self, codec: str, quality: int, rows: NDArray[np.intp], pixels: NDArray[np.uint8] | None
    ) -> NDArray[np.int64]:
        """Encode the images in some rows; return the size of each file, and write what it shows to ``pixels``."""
        sizes = np.zeros(len(self._full.sizes), np.int64)
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
        data = self._full.read(row)
        with limits.slots:
            try:
                encoded = encode_lossy(codec, read_pixels(data, self._background), quality)
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
