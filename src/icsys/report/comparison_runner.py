"""Run a comparison: compress all images with every candidate, and measure time and quality."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from icsys.color.image_quality import measure
from icsys.engine import ENGINE_TABLE
from icsys.engine.executor import thread_limits, threads_for
from icsys.errors import ICSError, ImageError
from icsys.files.rooted_path import RootedPath
from icsys.image.encode import encode_lossy
from icsys.image.geometry import plan_resize
from icsys.image.open_image import open_image
from icsys.image.read_output import read_pixels
from icsys.outputs.folder import FolderOutputs
from icsys.pipeline.lossy_quality import LOWEST, even_sample, highest_quality, highest_quality_near
from icsys.report.comparison import (
    Candidate,
    ComparisonExample,
    ComparisonProgress,
    ComparisonRow,
    ImageScore,
    ShownPicture,
)
from icsys.report.example_images import choose, detail, shown_names
from icsys.report.lossy_codecs import USUAL_QUALITY, compress_lossy
from icsys.report.page_pictures import palette_of
from icsys.results import Compressed, Failed
from icsys.run.worker import WorkerContext, compress_one
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from icsys.color.image_quality import Quality
    from icsys.engine.pool import Returned
    from icsys.options import Options
    from icsys.run.worker import Outcome
    from icsys.sources.base import Loaded, Source, Task


_HEAD = 2**18  # bytes at the start of a file that hold the size of its picture
# Relative cost of a pixel of a source, which is decoded, and of an output, which is reduced and measured.
_COST = np.array([1, 50])
# A short comparison is easily disturbed by other programs, so it is repeated within this many seconds.
_TIMED, _MOST_ROUNDS = 20.0, 3
_TRIAL = 1.0  # seconds; a shorter trial is repeated with more images
_SHORTEST = 1e-6  # seconds
# The quality of a lossy codec is searched on so many images first.
_SEARCHED_IMAGES, _SEARCHED_PIXELS = 32, 4_000_000
_NO_ROOM = {"disk_full", "read_only"}


@dataclass(frozen=True, slots=True)
class _Pass:
    """The results of one pass over all images with one candidate, and its seconds."""

    candidate: Candidate
    seconds: float
    done: dict[str, Compressed]
    failed: list[Failed]


class ComparisonRunner:
    """Compresses the same images with every candidate, and measures them."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        options: Options,
        candidates: list[Candidate],
        jobs: int,
        *,
        codecs: Sequence[str] = (),
    ) -> None:
        self.jobs = jobs
        self.left_out: dict[str, str] = {}
        self.report: Callable[[ComparisonProgress], object] = lambda _: None
        self._source, self._folder, self._options, self._candidates = source, folder, options, candidates
        self._codecs = codecs
        self._step = ComparisonProgress("", 0, 0, None)
        self.rounds = 1

    def report_step(self, note: str, *, done: int = 0) -> None:
        """Report the current step, and the number of images that were finished."""
        self._step = replace(self._step, note=note, done=self._step.done + (done if self._step.total else 0))
        self.report(self._step)

    def expect(self, works: list[Task]) -> float:
        """Compress some images as a trial, and return the expected seconds of the comparison."""
        self.report_step("Trying out")
        weights = self._weights(works)
        # Libraries are slow on their first image; that must not be multiplied.
        self.run([works[int(weights.argmin())]])
        few = max(self.jobs, min(2 * self.jobs, len(works) // 4))
        total, once, taken = self._try_out(works, weights, few)
        more = min(len(works) // 4, int(few * _TRIAL / taken))
        if more > few:
            total, once, _ = self._try_out(works, weights, more)
        self.rounds = min(_MOST_ROUNDS, max(1, int(_TIMED / once)))
        estimate = total + (self.rounds - 1) * once
        self.left_out.clear()
        passes = len(self._candidates) + len(self._codecs) * (1 + len(self._aims()))
        self._step = ComparisonProgress("", 0, len(works) * (passes * self.rounds + 1), estimate)
        return estimate

    def _try_out(self, works: list[Task], weights: NDArray[np.float64], few: int) -> tuple[float, float, float]:
        """Compress a few images of about the mean size, and extrapolate by pixels.

        Returns
        -------
        total, once, taken
            Expected seconds of all images in one round, the candidates' part of it, and the seconds of the few images.
        """
        few = min(few, len(works))
        order = np.argsort(weights, kind="stable")
        middle = int(np.searchsorted(weights[order], weights.mean()))
        first = min(max(middle - few // 2, 0), len(works) - few)
        chosen = order[first : first + few]
        start = time.perf_counter()
        rows, _ = self.run([works[i] for i in sorted(chosen)])  # some sources can only be read in their order
        taken = max(time.perf_counter() - start, _SHORTEST)
        share = float(weights[chosen].sum() / weights.sum())
        once = max(sum(row.seconds for row in rows) / share, _SHORTEST)
        # The search for the quality of a codec encodes about as many images as a pass.
        search = sum(row.seconds for row in rows if row.candidate.as_small_as) / share
        return taken / share + search, once, taken

    def _weights(self, works: list[Task]) -> NDArray[np.float64]:
        """Return the relative cost of each image, from the sizes in the heads of the files."""
        sizes = [_pixels(self._source, loaded, self._options) for loaded in self._source.load(works, self._options)]
        known = [size for size in sizes if size is not None]
        usual = np.mean(known, axis=0) if known else (1, 1)
        pixels = np.array([usual if size is None else size for size in sizes], dtype=np.float64)
        return pixels @ _COST

    def run(self, works: list[Task]) -> tuple[list[ComparisonRow], list[Failed]]:
        """Compress every image with every candidate, and measure the images that succeeded with all.

        Rounds of candidates alternate, so that a disturbance hits all of them; the fastest time of each counts.
        """
        self._read(works)
        rounds = [[self._pass(candidate, works) for candidate in self._candidates] for _ in range(self.rounds)]
        passes = [min(several, key=lambda one: one.seconds) for several in zip(*rounds, strict=True)]
        failures = {failure.source: failure for some in rounds for one in some for failure in one.failed}
        common = [work for work in works if work.source not in failures]
        if common:
            passes += [one for codec in self._codecs for one in self._lossy_passes(codec, common, passes)]
        judge = partial(self._judge, candidates=[one.candidate for one in passes])
        judged = dict(self._each("Judging", judge, common, self.jobs))
        failures |= {source: found for source, found in judged.items() if isinstance(found, Failed)}
        rows = []
        for place, one in enumerate(passes):
            found = ((work.source, judged[work.source]) for work in common)
            scores = [
                ImageScore(one.done[source], some[place]) for source, some in found if not isinstance(some, Failed)
            ]
            if scores:
                rows.append(ComparisonRow(one.candidate, one.seconds, tuple(scores)))
        return rows, list(failures.values())

    def examples(self, rows: list[ComparisonRow], number: int) -> Iterator[ComparisonExample]:
        """Yield the example images, read again from the outputs."""
        names = shown_names([row.candidate for row in rows]) if rows else []
        for source, rank in choose(rows, number):
            scores = {row.name: next(score for score in row.scores if score.result.source == source) for row in rows}
            output = scores["SO"].result.output
            reference = self._pixels("SO", output)
            pixels = {name: self._pixels(name, output) for name in names}
            part = detail(reference, pixels[names[0]])
            shown = {
                name: ShownPicture(some[part] if part else some, palette_of(some), scores[name].quality)
                for name, some in pixels.items()
            }
            whole = (reference.shape[0], reference.shape[1]) if part else None
            yield ComparisonExample(source, rank, reference[part] if part else reference, shown, whole)

    def _read(self, works: list[Task]) -> None:
        """Read every file once, so that it is in the system's cache when time is measured."""

        def read(loaded: Loaded) -> None:
            try:
                read_loaded(self._source, loaded, self._options)
            except (ImageError, OSError):
                return  # each candidate reports it

        for _ in self._each("", read, works, self.jobs):
            pass

    def _aims(self) -> list[Candidate]:
        """Return the candidates whose bytes the lossy codecs keep to: the first strategy at each number of colours."""
        reduced = [candidate for candidate in self._candidates if candidate.colors is not None]
        return [candidate for candidate in reduced if candidate.strategy == reduced[0].strategy]

    def _lossy_passes(self, codec: str, works: list[Task], passes: list[_Pass]) -> list[_Pass]:
        """Compress all images with a lossy codec, at the usual quality and at the bytes of strategies.

        Nothing is returned for a codec that cannot hold an image.
        """
        done = {one.candidate.name: one.done for one in passes}
        found: dict[int, _Pass] = {}
        aims: dict[int, list[str]] = {}

        def try_quality(quality: int) -> bool:
            several = [self._pass(Candidate(codec, None, quality), works, done["SO"]) for _ in range(self.rounds)]
            found[quality] = min(several, key=lambda one: one.seconds)
            failed = [failure for one in several for failure in one.failed]
            if failed:
                self.left_out[codec] = f"{codec} is left out: {failed[0].source}: {failed[0].message}."
            return not failed

        if not try_quality(USUAL_QUALITY):
            return []
        for place, aim in enumerate(self._aims(), 1):
            is_trial = not self._step.total
            self.report_step("Trying out" if is_trial else f"Finding the quality of {codec}")
            quality = (
                max(LOWEST, USUAL_QUALITY - place)
                if is_trial
                else self._quality(codec, works, done["SO"], done[aim.name])
            )
            if quality in found:
                self.report_step(codec, done=len(works) * self.rounds)
            elif not try_quality(quality):
                return []
            aims.setdefault(quality, []).append(aim.name)
        return [
            replace(one, candidate=replace(one.candidate, as_small_as=tuple(aims.get(quality, ()))))
            for quality, one in found.items()
        ]

    def _quality(
        self, codec: str, works: list[Task], resized: dict[str, Compressed], aim: dict[str, Compressed]
    ) -> int:
        """Return the highest quality at which the outputs of a codec take no more bytes than those of a strategy."""

        def size_at(quality: int, some: list[Task]) -> int:
            def size(loaded: Loaded) -> int:
                try:
                    return len(encode_lossy(codec, self._pixels("SO", loaded[0].output), quality))
                except (ImageError, OSError, MemoryError):
                    return 0  # the image fails when it is judged

            return sum(self._map(size, ((work, b"") for work in some), self.jobs))

        def limit(some: list[Task]) -> int:
            return sum(aim[work.source].bytes_out for work in some)

        pixels = [resized[work.source].width * resized[work.source].height for work in works]
        few = [works[place] for place in even_sample(pixels, _SEARCHED_IMAGES, _SEARCHED_PIXELS)]
        near = highest_quality(partial(size_at, some=few), limit(few))
        if len(few) == len(works):
            return near
        return highest_quality_near(cache(partial(size_at, some=works)), limit(works), near)

    def _pass(self, candidate: Candidate, works: list[Task], resized: dict[str, Compressed] | None = None) -> _Pass:
        """Compress all images with one candidate, as a run would; a lossy codec needs the results of SO."""
        outputs = FolderOutputs(RootedPath(self._folder / candidate.name))
        limits = thread_limits(self.jobs)
        worker: Callable[[Loaded], Outcome]
        if resized is None or candidate.quality is None:
            context = WorkerContext(self._source, outputs, candidate.options(self._options))
            worker = partial(compress_one, context=context, limits=limits)
        else:
            context = WorkerContext(self._source, outputs, self._options)
            codec, quality = candidate.strategy, candidate.quality
            worker = partial(
                compress_lossy, context=context, limits=limits, codec=codec, quality=quality, resized=resized
            )
        start = time.perf_counter()
        outcomes = list(self._each(candidate.name, worker, works, threads_for(self.jobs)))
        seconds = time.perf_counter() - start
        failed = [outcome.result for outcome in outcomes if isinstance(outcome.result, Failed)]
        for failure in failed:
            if failure.code in _NO_ROOM:
                room = shutil.disk_usage(self._folder).free / 1e6
                raise ICSError(
                    f"no room for the outputs of {candidate.name} "
                    f"in {str(self._folder.parent)!r}, where {room:.0f} MB are free: "
                    "take a smaller sample, or set TMPDIR to a folder with more room"
                )
        done = {o.result.source: o.result for o in outcomes if isinstance(o.result, Compressed)}
        return _Pass(candidate, seconds, done, failed)

    def _judge(self, loaded: Loaded, candidates: list[Candidate]) -> tuple[str, list[Quality] | Failed]:
        """Measure the outputs of all candidates for an image against the truecolour picture."""
        work, _ = loaded
        try:
            reference = self._pixels("SO", work.output)
            qualities = [measure(reference, self._pixels(c.name, work.output)) for c in candidates]
        except (ImageError, OSError, MemoryError) as error:
            return work.source, Failed(
                source=work.source, code="internal", message=f"the output cannot be read: {error}"
            )
        return work.source, qualities

    def _pixels(self, name: str, output: str) -> NDArray[np.uint8]:
        return read_pixels((self._folder / name / output).read_bytes(), self._options.background)

    def _each(
        self, note: str, function: Callable[[Loaded], Returned], works: Iterable[Task], threads: int
    ) -> Iterator[Returned]:
        """Load every image, apply a function to it in threads, and report each one that is done."""
        for outcome in self._map(function, self._source.load(works, self._options), threads):
            yield outcome
            if note:
                self.report_step(f"{'Trying out' if not self._step.total else note}", done=1)

    def _map(self, function: Callable[[Loaded], Returned], items: Iterable[Loaded], threads: int) -> Iterator[Returned]:
        """Apply a function to all items, in threads."""
        stop = threading.Event()
        outcomes = ENGINE_TABLE["threads"](function, items, jobs=threads, prepare=lambda: None, stop=stop)
        with threadpool_limits(1, user_api="blas"), closing(outcomes):
            yield from outcomes


def _pixels(source: Source, loaded: Loaded, options: Options) -> tuple[int, int] | None:
    """Return the numbers of pixels of a source and of its output, from its head; None if they are not there."""
    try:
        task, data = loaded
        _, image = open_image(source.head(task, _HEAD) if data is None else read_loaded(source, loaded, options)[0])
        width, height = plan_resize(*image.size, options).canvas
    except Exception:  # noqa: BLE001 - a decoder may raise anything, and only the estimate needs this
        return None
    return image.size[0] * image.size[1], width * height
