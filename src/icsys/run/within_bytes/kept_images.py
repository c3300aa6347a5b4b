"""A sample of the images of a source, held in memory, and what they would take with any options."""

from __future__ import annotations

import math
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from icsys import pipeline
from icsys.engine import Lost
from icsys.errors import ImageError
from icsys.image.geometry import plan_resize
from icsys.image.picture_header import read_header
from icsys.results import Compressed
from icsys.run.worker import WorkerContext, compress_tasks
from icsys.sources.base import read_loaded
from icsys.sources.random_sample import draw_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor
    from icsys.options import Options
    from icsys.outputs.base import Outputs
    from icsys.selection import SizeRules
    from icsys.sources.base import Loaded, Source, Task

ESTIMATED_FROM = 96
"""Most images that totals are estimated from."""

_FEW = 16  # images whose quality is measured
_MOST_BYTES = 2**28  # of files in memory
_MOST_PIXELS, _FEW_PIXELS = 160_000_000, 32_000_000  # of sources
_FEWEST = 4
_ROUGHLY = 2.0  # how far the mean of the few images may be from that of all
_QUANTILE = 2.0  # of Student's t, for about 95 %


class StoppedChoice(Exception):  # noqa: N818 - no error
    """The run was stopped while it chose."""


class Interval(NamedTuple):
    """An estimate of a total, in bytes, with the interval that holds the true one in about 95 of 100 samples."""

    total: float
    low: float
    high: float


class KeptImages:
    """Some images of a source with their bytes; a source itself, as far as workers need one."""

    def __init__(self, images: dict[str, bytes]) -> None:
        self._images = images

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:  # noqa: ARG002 - as sources have it
        """Pair each task with its bytes."""
        return ((task, self._images[task.source]) for task in tasks)

    def stat(self, task: Task) -> tuple[int | None, int | None]:  # noqa: ARG002 - likewise
        """Return no size and no time."""
        return None, None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the bytes to :meth:`load`, which hands each worker those of its tasks."""
        return {"_images": {}}


class Sample:
    """Images that totals are estimated from.

    Attributes
    ----------
    found
        Number of images in the source.
    drawn
        Number of images in the sample.
    images
        Bytes of the images by their paths.
    """

    def __init__(self, source: Source, options: Options, executor: Executor, rules: SizeRules | None) -> None:
        drawn = draw_sample(source, ESTIMATED_FROM, options.seed)
        self.found = drawn.found
        self._executor = executor._replace(left=lambda: 0)  # too few for helper processes
        self._rules = rules
        self.images: dict[str, bytes] = {}
        self._pixels: dict[str, tuple[int, int]] = {}
        self._known: dict[tuple[str, ...], dict[str, int]] = {}
        self._lost: set[str] = set()
        tasks = _evenly(drawn.tasks, self._most(source, drawn.tasks))
        for loaded in source.load(tasks, options):
            self._read(source, loaded, options)
            self._check_stop()
        self.tasks = _evenly(tasks, self._fitting(_MOST_PIXELS, ESTIMATED_FROM))
        self.drawn = len(self.tasks)
        self.few = _evenly(
            [task for task in self.tasks if task.source in self.images], self._fitting(_FEW_PIXELS, _FEW)
        )
        kept = {task.source for task in self.tasks}
        self.images = {name: data for name, data in self.images.items() if name in kept}

    @property
    def is_all(self) -> bool:
        """Whether the sample has every image of the source, so that estimates are exact."""
        return self.drawn == self.found

    def largest_side(self, options: Options) -> int:
        """Return the longest side of the pictures that options make, in pixels."""
        sides = (max(plan_resize(*size, options).canvas) for size in self._pixels.values())
        return max(sides, default=1)

    def estimate(self, options: Options) -> Interval:
        """Return what all images of the source would take with options."""
        made = self._made(options, self.tasks)
        sizes = np.array([made.get(task.source, 0) for task in self.tasks], np.float64)
        total = float(sizes.mean()) * self.found
        if self.is_all or len(sizes) <= 1:
            return Interval(total, total, total)
        spread = float(sizes.std(ddof=1)) / math.sqrt(len(sizes)) * math.sqrt(1 - len(sizes) / self.found)
        half = _QUANTILE * spread * self.found
        return Interval(total, max(0.0, total - half), total + half)

    def bytes_of_few(self, options: Options) -> float:
        """Return what the few images take together with options."""
        made = self._made(options, self.few)
        return float(sum(made.get(task.source, 0) for task in self.few))

    def may_fit(self, options: Options, limit: float) -> bool:
        """Return whether all images may keep to a number of bytes, by the few images alone, which takes less time."""
        return not self.few or self.bytes_of_few(options) / len(self.few) * self.found <= _ROUGHLY * limit

    def for_each(self, work: Callable[[bytes], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return what a function finds in each of the few images, shape (n, m), without images that fail."""
        from threadpoolctl import threadpool_limits  # noqa: PLC0415 - few runs need it

        from icsys.engine.threads import run_threads  # noqa: PLC0415 - likewise

        numbered = [(place, task) for place, task in enumerate(self.few) if task.source not in self._lost]

        def one(item: tuple[int, Task]) -> tuple[int, NDArray[np.float64] | None]:
            try:
                return item[0], work(self.images[item[1].source])
            except Exception:  # noqa: BLE001 - one image never ends the run, which reports it
                return item[0], None

        stop = self._executor.stop
        # Images are worked on in parallel; with one thread for each, sums do not depend on the number of cores.
        with threadpool_limits(1, user_api="blas"):
            found = dict(run_threads(one, numbered, self._executor.jobs, lambda: None, stop))
        self._check_stop()
        return np.array([row for _, row in sorted(found.items()) if row is not None])

    def _made(self, options: Options, tasks: Sequence[Task]) -> dict[str, int]:
        """Return the bytes of the output of each image, by its path; nothing of images that fail or are left out."""
        key = (options.digest(), options.format)
        known = self._known.setdefault(key, {})
        missing = [task for task in tasks if task.source in self.images and task.source not in {*known, *self._lost}]
        if missing:
            source = cast("Source", KeptImages(self.images))
            context = WorkerContext(source, cast("Outputs", None), options, dry_run=True, rules=self._rules)
            with pipeline.one_thread(options), closing(compress_tasks(missing, context, self._executor)) as batches:
                for outcome in chain.from_iterable(batches):
                    if isinstance(outcome, Lost):
                        self._lost.add(outcome.item[0].source)  # each try would take as long, or end a process
                    else:
                        result = outcome.result
                        known[outcome.task.source] = result.bytes_out if isinstance(result, Compressed) else 0
            self._check_stop()
        return known

    @staticmethod
    def _most(source: Source, tasks: Sequence[Task]) -> int:
        """Return how many images fit in memory, by the sizes of their files."""
        sizes = []
        for task in tasks:
            try:
                sizes.append(source.stat(task)[0] or 0)
            except OSError:  # the run reports it
                continue
        usual = max(1, sum(sizes) // max(1, len(sizes)))
        return max(1, min(len(tasks), _MOST_BYTES // usual))

    def _read(self, source: Source, loaded: Loaded, options: Options) -> None:
        """Keep the bytes of an image, unless it cannot be read: the run reports that."""
        try:
            data = read_loaded(source, loaded, options)[0]
            self._pixels[loaded[0].source] = read_header(data, options).stored
        except (ImageError, OSError):
            return
        self.images[loaded[0].source] = data

    def _fitting(self, most_pixels: int, most: int) -> int:
        """Return how many images of usual size have so many pixels together."""
        pixels = [self._pixels[name][0] * self._pixels[name][1] for name in self.images]
        usual = sum(pixels) / max(1, len(pixels))
        return min(most, max(_FEWEST, int(most_pixels / max(usual, 1.0))))

    def _check_stop(self) -> None:
        if self._executor.stop.is_set():
            raise StoppedChoice


def images_of(count: int) -> str:
    """Return "1 image" or "5 images"."""
    return "1 image" if count == 1 else f"{count:,} images"


def _evenly(tasks: Sequence[Task], most: int) -> list[Task]:
    """Return at most so many tasks, spread evenly over all."""
    if len(tasks) <= most:
        return list(tasks)
    return [tasks[(2 * i + 1) * len(tasks) // (2 * most)] for i in range(most)]
