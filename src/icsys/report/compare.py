"""Every strategy on the same images: what each costs in time and bytes, and what it does to the pictures."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from icsys.color.strategies import STRATEGIES
from icsys.dataset.folder import Task, Unreadable, plan_folder
from icsys.dataset.reading import open_regular, read_whole
from icsys.dataset.resume import Work
from icsys.engine import ENGINES, available_cores
from icsys.engine.budget import Budget
from icsys.errors import ICSError, ImageError, UsageError
from icsys.image.formats import open_image
from icsys.image.geometry import plan_resize
from icsys.options import MAX_COLORS, Options, whole_number
from icsys.pipeline import prepare
from icsys.report.comparison import Candidate, Comparison, Example, Row, Score, Shown
from icsys.report.examples import choose, detail, shown_names
from icsys.report.extra import need
from icsys.report.pixels import palette_of, read_pixels
from icsys.report.quality import measure
from icsys.results import Compressed, Failed
from icsys.run import BYTES_IN_FLIGHT, check_folders, check_run
from icsys.work import do

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.report.quality import Quality

Outcome = TypeVar("Outcome")

MOST_SAMPLED = 10**7
MOST_EXAMPLES = 100
_HEAD = 2**18  # bytes, in which a file tells the size of its picture
# Of a pixel of a source and of an output, relative to one another: one is decoded, the other reduced and judged.
_COST = np.array([1, 50])
_NO_ROOM = {"disk_full", "read_only"}


@dataclass(frozen=True, slots=True)
class Step:
    """Where a comparison stands.

    Attributes
    ----------
    note
        What goes on, in a few words.
    done, total
        Images done and to do, each counted once for every candidate and once for its quality; both 0 during the trial.
    estimate
        Seconds that all of it is expected to take; None until the trial has told.
    """

    note: str
    done: int
    total: int
    estimate: float | None


def compare_folder(
    source: str | os.PathLike[str],
    options: Options | None = None,
    *,
    colors: Sequence[int] = (32,),
    strategies: Sequence[str] = tuple(STRATEGIES),
    sample: int | None = None,
    jobs: int | None = None,
    examples: int = 6,
    progress: Callable[[Step], object] | None = None,
) -> Comparison:
    """Put a sample of a folder's images through every strategy, at one or several numbers of colours.

    Each candidate does what a run does, from reading to writing, into a temporary folder that is gone at the end. The
    sources are read once before, so that none of them pays for a slow disk. Then each output is decoded and held
    against that of SO: the resized picture in truecolour, so quality tells what the colours cost and nothing else.

    Parameters
    ----------
    source
        A folder; it is only read.
    options
        What all candidates share; ``strategy``, ``colors`` and ``format`` are not used, ``seed`` draws the sample too.
    colors
        Numbers of colours K.
    strategies
        Names of strategies; SO, which the others are held against, is always among them.
    sample
        Images to draw; all of them if left out.
    jobs
        Images worked on at once; as many as there are cores if left out.
    examples
        Images whose pixels are kept, to be looked at.
    progress
        Called in the calling thread after every image.

    Returns
    -------
    Comparison
        An image that one candidate cannot do counts for none of them, and is among its failures.

    Raises
    ------
    UsageError
        If a setting is not as above, the folder holds no image, or the temporary folder has no room.
    MissingExtraError
        If scikit-image is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import Options, compare_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.radial_gradient("L").save(Path(folder, "a.png"))
    ...     comparison = compare_folder(folder, Options(step=2), colors=[4, 16], strategies=["MKM"])
    >>> sorted(row.name for row in comparison.rows)
    ['MKM 16', 'MKM 4', 'SO']
    """
    options = (options or Options()).replace(format="png")
    candidates = plan_candidates(strategies, colors)
    check_run(jobs=jobs, engine=None, overwrite="never")
    if sample is not None:
        whole_number("sample", sample, 1, MOST_SAMPLED)
    whole_number("examples", examples, 0, MOST_EXAMPLES)
    need("skimage.metrics")
    with tempfile.TemporaryDirectory(prefix="icsys-") as folder:
        source, _ = check_folders(source, folder)
        draw = _draw(source, sample, options.seed)
        bench = _Bench(source, Path(folder), options, candidates, jobs or available_cores())
        bench.report = progress or bench.report
        bench.tell("Loading")
        for candidate in candidates:
            prepare(candidate.options(options))
        estimate = bench.expect(draw.works)
        start = time.perf_counter()
        rows, failures = bench.run(draw.works)
        kept = tuple(bench.examples(rows, examples))
        seconds = time.perf_counter() - start
    return Comparison(
        source=str(source),
        options=options,
        rows=tuple(sorted(rows, key=lambda row: (row.bytes_out, row.seconds))),
        images=len(rows[0].scores) if rows else 0,
        found=draw.found,
        ignored=draw.ignored,
        sample=None if sample is None or sample >= draw.found else sample,
        failures=(*draw.failures, *failures),
        jobs=bench.jobs,
        estimate=estimate,
        seconds=seconds,
        examples=kept,
    )


def plan_candidates(strategies: Sequence[str], colors: Sequence[int]) -> list[Candidate]:
    """Return what is compared: SO first, then each strategy at each number of colours.

    Raises
    ------
    UsageError
        If a name or a number is not accepted, or none of the strategies reduces colours.
    """
    names = {Options(strategy=name).strategy for name in strategies}
    reducing = [name for name, strategy in STRATEGIES.items() if name in names and strategy.reduce is not None]
    if not reducing or not colors:
        raise UsageError("nothing to compare: expected at least one strategy that reduces colours, and one K")
    ks = sorted({whole_number("colors", k, 1, MAX_COLORS) for k in colors})
    return [Candidate("SO", None), *(Candidate(name, k) for name in reducing for k in ks)]


@dataclass(slots=True)
class _Draw:
    """The images to compare on, and what else is in the folder."""

    works: list[Work]
    found: int
    ignored: int
    failures: list[Failed]


def _draw(source: Path, sample: int | None, seed: int) -> _Draw:
    """Draw a sample of the images below a folder, in the order of the folder; the same seed draws the same.

    Algorithm R of Vitter, "Random sampling with a reservoir" (1985): no more than the sample is held.
    """
    random = np.random.default_rng(seed)
    draw = _Draw([], 0, 0, [])
    reservoir: list[tuple[int, Work]] = []
    for planned in plan_folder(source, source / ".ics-none", ".png"):
        if isinstance(planned, Task):
            numbered = draw.found, Work(planned.source, planned.output)
            if sample is None or draw.found < sample:
                reservoir.append(numbered)
            elif (place := int(random.integers(draw.found + 1))) < sample:
                reservoir[place] = numbered
            draw.found += 1
        elif isinstance(planned, Unreadable):
            draw.failures.append(Failed(source=planned.source, code="io", message=planned.message))
        else:
            draw.ignored += 1
    if not reservoir:
        raise UsageError(f"no image was found in {str(source)!r}: expected a folder with photos")
    draw.works = [work for _, work in sorted(reservoir, key=lambda numbered: numbered[0])]
    return draw


class _Bench:
    """Puts images through the candidates, all in the same way."""

    def __init__(self, source: Path, folder: Path, options: Options, candidates: list[Candidate], jobs: int) -> None:
        self.jobs = jobs
        self.report: Callable[[Step], object] = lambda _: None
        self._source, self._folder, self._options, self._candidates = source, folder, options, candidates
        self._step = Step("", 0, 0, None)

    def tell(self, note: str, *, done: int = 0) -> None:
        """Say what goes on, and that so many more images are done."""
        self._step = replace(self._step, note=note, done=self._step.done + (done if self._step.total else 0))
        self.report(self._step)

    def expect(self, works: list[Work]) -> float:
        """Try out as many images as there are jobs, and return the seconds that all of them are expected to take.

        What is tried are images of the mean size and about alike, so that all jobs have as much to do, and time is
        taken to grow with pixels.
        """
        self.tell("Trying out")
        weights = self._weights(works)
        order = np.argsort(weights, kind="stable")
        few = min(self.jobs, len(works))
        middle = int(np.searchsorted(weights[order], weights.mean()))
        start_at = min(max(middle - few // 2, 0), len(works) - few)
        chosen = order[start_at : start_at + few]
        # What is slow only once, in the first image that a library works on, is not to be multiplied.
        self.run([works[order[0]]])
        start = time.perf_counter()
        self.run([works[i] for i in chosen])
        estimate = (time.perf_counter() - start) * float(weights.sum() / weights[chosen].sum())
        self._step = Step("", 0, len(works) * (len(self._candidates) + 1), estimate)
        return estimate

    def _weights(self, works: list[Work]) -> NDArray[np.float64]:
        """Return how much there is to do for each image, from what the heads of the files tell."""
        sizes = [_pixels(self._source / work.source, self._options) for work in works]
        known = [size for size in sizes if size is not None]
        usual = np.mean(known, axis=0) if known else (1, 1)
        pixels = np.array([usual if size is None else size for size in sizes], dtype=np.float64)
        return pixels @ _COST

    def run(self, works: list[Work]) -> tuple[list[Row], list[Failed]]:
        """Do every image with every candidate, and judge what all of them could do."""
        self._read(works)
        passes = [(candidate, *self._pass(candidate, works)) for candidate in self._candidates]
        failures = {failure.source: failure for *_, failed in passes for failure in failed}
        common = [work for work in works if work.source not in failures]
        judged = dict(self._each("Judging", self._judge, common, self.jobs))
        failures |= {source: found for source, found in judged.items() if isinstance(found, Failed)}
        rows = []
        for place, (candidate, seconds, done, _) in enumerate(passes):
            qualities = ((work.source, judged[work.source]) for work in common)
            scores = [Score(done[source], found[place]) for source, found in qualities if not isinstance(found, Failed)]
            if scores:
                rows.append(Row(candidate, seconds, tuple(scores)))
        return rows, list(failures.values())

    def examples(self, rows: list[Row], number: int) -> Iterator[Example]:
        """Read again what is to be looked at."""
        names = shown_names(self._candidates)
        for source, rank in choose(rows, number):
            scores = {row.name: next(score for score in row.scores if score.result.source == source) for row in rows}
            output = scores["SO"].result.output
            reference = self._pixels("SO", output)
            pixels = {name: self._pixels(name, output) for name in names}
            part = detail(reference, pixels[names[0]])
            shown = {
                name: Shown(some[part] if part else some, palette_of(some), scores[name].quality)
                for name, some in pixels.items()
            }
            whole = (reference.shape[0], reference.shape[1]) if part else None
            yield Example(source, rank, reference[part] if part else reference, shown, whole)

    def _read(self, works: list[Work]) -> None:
        """Read every file once, for it to be in the memory of the system when the clock runs."""

        def read(work: Work) -> None:
            try:
                read_whole(self._source / work.source, self._options)
            except (ImageError, OSError):
                return  # each candidate will find it

        for _ in self._each("", read, works, self.jobs):
            pass

    def _pass(self, candidate: Candidate, works: list[Work]) -> tuple[float, dict[str, Compressed], list[Failed]]:
        """Do the images as a run would, and return the seconds and what came of them."""
        work = partial(
            do,
            source=self._source,
            destination=self._folder / candidate.name,
            options=candidate.options(self._options),
            dry_run=False,
            admit=Budget(BYTES_IN_FLIGHT * self.jobs).hold,
            slots=threading.Semaphore(self.jobs),
            over=None,
        )
        start = time.perf_counter()
        outcomes = list(self._each(candidate.name, work, works, 2 * self.jobs))
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
        return seconds, done, failed

    def _judge(self, work: Work) -> tuple[str, list[Quality] | Failed]:
        """Hold what every candidate made of an image against the truecolour picture."""
        try:
            reference = self._pixels("SO", work.output)
            qualities = [measure(reference, self._pixels(c.name, work.output)) for c in self._candidates]
        except (ImageError, OSError, MemoryError) as error:
            return work.source, Failed(
                source=work.source, code="internal", message=f"the output cannot be read: {error}"
            )
        return work.source, qualities

    def _pixels(self, name: str, output: str) -> NDArray[np.uint8]:
        return read_pixels((self._folder / name / output).read_bytes())

    def _each(
        self, note: str, function: Callable[[Work], Outcome], works: Iterable[Work], threads: int
    ) -> Iterator[Outcome]:
        """Apply a function to every image, in threads."""
        stop = threading.Event()
        outcomes = ENGINES["threads"](function, works, jobs=threads, prepare=lambda: None, stop=stop)
        with threadpool_limits(1, user_api="blas"), closing(outcomes):
            for outcome in outcomes:
                yield outcome
                if note:
                    self.tell(f"{'Trying out' if not self._step.total else note}", done=1)


def _pixels(path: Path, options: Options) -> tuple[int, int] | None:
    """Return the pixels of a source and of its output, by its head; None where that does not tell."""
    try:
        with open_regular(path) as file:
            _, image = open_image(file.read(_HEAD))
        width, height = plan_resize(*image.size, options).canvas
    except Exception:  # noqa: BLE001 - a decoder may raise anything, and only the estimate needs this
        return None
    return image.size[0] * image.size[1], width * height
