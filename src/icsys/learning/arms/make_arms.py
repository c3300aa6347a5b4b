"""Make the pictures of all arms by the pipeline of ``compress``: each image is read once."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys import pipeline
from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.errors import UsageError
from icsys.files.failure_reason import failure_reason
from icsys.image.decode import decode_photo
from icsys.image.geometry import ResizeSettings
from icsys.image.read_output import read_pixels
from icsys.image.resize import stretched
from icsys.learning.arm import FULL, ArmPictures
from icsys.learning.arms.lossy_arms import LossyArms
from icsys.learning.arms.temporary_pixels import StoredPixels, new_pixels
from icsys.learning.learn_progress import LearnProgress
from icsys.results import Failed
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.learning.arm import Arm
    from icsys.options import Options
    from icsys.sources.base import Loaded, Source, Task

    Report = Callable[[LearnProgress], object]

_SPARE = 2**28  # bytes that stay free on the disk
_CHANNELS = 3
_NOTE = "Making the forms of the images"


class MadeArms(NamedTuple):
    """The pictures of all arms; n images.

    Attributes
    ----------
    pictures
        In the order of the arms, without lossy ones that the lowest quality still makes too large. A part of the images
        has the bytes of the images in full, and no pixels.
    usable
        Shape (n,), bool: images that every arm was made from. Other images have no pixels and no bytes.
    failures
        Why the others were not made; images that a stop left undone are not named.
    notes
        Sentences on arms that cannot be made, which are left out.
    """

    pictures: list[ArmPictures]
    usable: NDArray[np.bool_]
    failures: list[Failed]
    notes: list[str] = []  # noqa: RUF012 - never changed


def make_arms(
    source: Source,
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    executor: Executor,
    *,
    folder: Path,
    size: int,
    report: Report = lambda _: None,
) -> MadeArms:
    """Make the pictures of all arms.

    The files are what ``compress`` writes with the options of an arm; their pixels are decoded again. Threads of
    this process do the work, whatever the engine, because they share what they write.

    Parameters
    ----------
    source
        Where the images are read from.
    tasks
        The n images, in the order of the source.
    arms
        The arms; the one named ``full`` is among them.
    executor
        Its ``jobs`` and ``stop`` are used.
    folder
        An empty folder for temporary files, which hold the pixels: n S S 3 bytes for each arm.
    size
        S, the side of the pictures, in pixels.
    report
        Called with how far this step is.

    Raises
    ------
    UsageError
        If the disk has no room for the pixels.
    """
    _check_room(len(tasks), arms, folder, size)
    made = [arm for arm in arms if arm.options is not None]
    executor = executor._replace(engine="threads", crashed=lambda _: None)
    maker = _Maker(source, tasks, made, folder, size)
    try:
        maker.run(executor, report)
        lossy = LossyArms(maker.full, executor, folder=folder, size=size, report=report)
        aims = {arm.name: maker.bytes[place] for place, arm in enumerate(made)}
        pictures = {arm.name: maker.pictures_of(place) for place, arm in enumerate(made)}
        for arm in arms:
            if arm.codec is not None and arm.as_small_as is not None and not executor.stop.is_set():
                one = lossy.make(arm, aims[arm.as_small_as], maker.usable, pictures[FULL])
                pictures |= {} if one is None else {arm.name: one}
    finally:
        maker.full.remove()
    failures = maker.failures + [
        Failed(source=tasks[row].source, code=code, message=message) for row, (code, message) in lossy.failures.items()
    ]
    whole = pictures[FULL]
    parts = {arm.name: whole._replace(arm=arm, pixels=whole.pixels[:0]) for arm in arms if arm.is_subset}
    pictures |= parts
    shown = [pictures[arm.name] for arm in arms if arm.name in pictures]
    shown = [one._replace(bytes=np.where(maker.usable, one.bytes, 0)) for one in shown]
    return MadeArms(shown, maker.usable, failures, lossy.notes)


def _check_room(images: int, arms: Sequence[Arm], folder: Path, size: int) -> None:
    """Refuse a disk without room for the pictures of all arms and for those in full."""
    shown = sum((arm.options is not None or arm.codec is not None) and arm.is_judged for arm in arms) * size**2
    in_full = next((arm.options.final_size for arm in arms if arm.name == FULL and arm.options), None) or (size, size)
    need = images * _CHANNELS * (shown + in_full[0] * in_full[1]) + _SPARE
    free = shutil.disk_usage(folder).free
    if free < need:
        raise UsageError(
            f"the pictures of {images:,} image{'' if images == 1 else 's'} need {need / 1e6:,.0f} MB in "
            f"{str(folder)!r}, where {free / 1e6:,.0f} MB are free: judge fewer (--images), or set TMPDIR to a folder "
            "with more room"
        )


class _Maker:
    """Makes the arms that options make.

    Attributes
    ----------
    bytes
        Shape (arms, n), int64: size of each file.
    full
        The pixels of the images in full.
    usable, failures
        As in :class:`MadeArms`.
    """

    def __init__(self, source: Source, tasks: Sequence[Task], arms: Sequence[Arm], folder: Path, size: int) -> None:
        self._source, self._tasks, self._arms, self._size = source, tasks, arms, size
        self._rows = {task.source: row for row, task in enumerate(tasks)}
        self._options = [arm.options for arm in arms if arm.options is not None]
        self._geometries = _by_geometry(self._options)
        self._pixels = [
            new_pixels(folder / f"arm-{place}.u8", len(tasks) if arm.is_judged else 0, size)
            for place, arm in enumerate(arms)
        ]
        self._sizes: list[Counter[tuple[int, int]]] = [Counter() for _ in arms]
        self.bytes = np.zeros((len(arms), len(tasks)), np.int64)
        self.full = StoredPixels(folder / "full.u8", len(tasks))
        self.usable = np.zeros(len(tasks), np.bool_)
        self.failures: list[Failed] = []
        self._disk_fault: OSError | None = None

    def run(self, executor: Executor, report: Report) -> None:
        """Make the arms of all images."""
        for options in self._options:
            pipeline.load_packages(options)
        done, total = 0, len(self._tasks)
        executor = executor._replace(left=lambda: total - done)
        report(LearnProgress(0, total, _NOTE))
        worker: Callable[..., list[_Outcome]] = partial(one_by_one, function=self._make)
        loaded = self._source.load(self._tasks, self._options[0])
        with (
            pipeline.one_thread(self._options[-1]),
            closing(executor.map(worker, loaded, lambda: None)) as batches,
        ):
            for outcome in chain.from_iterable(batches):
                if self._disk_fault is not None:  # of the temporary file, not of an image
                    raise UsageError(
                        f"the pictures of {total:,} images cannot be held on the disk: {self._disk_fault.strerror}: "
                        "judge fewer (--images), give a smaller --size, or set TMPDIR to a folder with more room"
                    ) from self._disk_fault
                self._add(_Outcome(outcome.item[0], failure=outcome[1:]) if isinstance(outcome, Lost) else outcome)
                done += 1
                report(LearnProgress(done, total, _NOTE))

    def pictures_of(self, place: int) -> ArmPictures:
        """Return the pictures of the arm in this place; without pixels if most are larger than what a model sees."""
        arm, pixels = self._arms[place], self._pixels[place]
        width, height = self._sizes[place].most_common(1)[0][0] if self._sizes[place] else (0, 0)
        if max(width, height) > self._size and arm.name != FULL:
            arm, pixels = arm._replace(is_judged=False), pixels[:0]
        return ArmPictures(arm, pixels, self.bytes[place], width, height)

    def _add(self, outcome: _Outcome) -> None:
        if outcome.failure is not None:
            code, message = outcome.failure
            self.failures.append(Failed(source=outcome.task.source, code=code, message=message))
            return
        self.usable[self._rows[outcome.task.source]] = True
        for counts, size in zip(self._sizes, outcome.sizes, strict=True):
            counts[size] += 1

    def _make(self, loaded: Loaded, limits: Limits) -> _Outcome:
        """Make all arms of one image. Any fault becomes its failure."""
        task, _ = loaded
        try:
            data, _ = read_loaded(self._source, loaded, self._options[0])
            with limits.slots:
                return _Outcome(task, self._make_all(self._rows[task.source], data, limits))
        except Exception as error:  # noqa: BLE001 - one image never ends the work
            return _Outcome(task, failure=failure_reason(error))

    def _make_all(self, row: int, data: bytes, limits: Limits) -> list[tuple[int, int]]:
        """Make all arms of an image, and return the size of each in pixels."""
        sizes = [(0, 0)] * len(self._arms)
        for decoding, places in self._geometries:
            photo = decode_photo(data, decoding, limits.admit)
            for place in places:
                options = self._options[place]
                image = pipeline.compress_photo(photo, data, options)
                self.bytes[place, row] = len(image.data)
                sizes[place] = image.width, image.height
                if self._arms[place].is_judged:
                    shown = read_pixels(image.data, options.background)
                    self._pixels[place][row] = stretched(shown, self._size)
                    if self._arms[place].name == FULL:
                        self._hold(row, shown)
        return sizes

    def _hold(self, row: int, shown: NDArray[np.uint8]) -> None:
        """Hold a picture in full."""
        try:
            self.full.add(row, shown)
        except OSError as error:
            self._disk_fault = error
            raise


class _Outcome(NamedTuple):
    """What became of one image: the size of each arm in pixels, or code and message of its failure."""

    task: Task
    sizes: Sequence[tuple[int, int]] = ()
    failure: tuple[str, str] | None = None


def _by_geometry(several: Sequence[Options]) -> list[tuple[Options, list[int]]]:
    """Return the options that decode for each geometry, and the places of all that share it.

    Positions in the palette of a file are decoded for strategies that reduce colours only, so one of these decodes.
    """
    places: dict[tuple[object, ...], list[int]] = {}
    for place, options in enumerate(several):
        others = options.background, options.alpha, options.on_corrupt
        limits = options.max_pixels, options.max_bytes, options.max_frames
        places.setdefault((*ResizeSettings.of(options), *others, *limits), []).append(place)
    groups = []
    for some in places.values():
        decoding = next((several[place] for place in some if several[place].strategy != "SO"), several[some[0]])
        groups.append((decoding, some))
    return groups
