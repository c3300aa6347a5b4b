"""What each stage of a run costs an image, and how many cores that allows to be kept busy.

The real functions are called stage by stage on the sets of photos of bench/small_photos.py: those of workers in one
process and in two at once, and those of the one process that keeps the books. What the books allow on more cores
follows from these by a model, and is marked as computed. Times are medians of the rounds. Photos of a folder that has
fewer than asked for repeat, so that what a run does once counts little.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.engine.batches import MOST_ITEMS
from machine import describe
from page import publish
from small_sets import add_options, make_sets
from stage_costs import BOOKS, ENDING, WORK, Spent, books_of, take_sample, work_of
from table import MISSING, markdown_table, number, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from small_sets import PhotoSet

_MICRO = 1e6
_PROCESSES = 2
_CORES = (1, 2, 4, 8, 16, 32, 64)
_PACKAGES = ("numpy", "pillow", "simplejpeg", "deflate")
_NOTES = f"""
Microseconds an image, on the clock and of the processor: writing and the pending outputs wait for the disk. What a run
does for a batch at once (writing, pending outputs, handing over, recording) has batches of {MOST_ITEMS} images here.
"Two processes" is the time in each of two processes that work at once, on halves of the images, and the gain is that of
both together over one. Handing over is the pickling and unpickling of a batch of tasks and of one of outcomes, each on
its side; threads do not need it.

Computed from these, by the clock and for processes: workers share no lock, and the process that keeps the books does
its stages for all, beside them. So an image takes the longer of two: all its stages over the cores, and those of the
books. The end of the run comes on top, when no worker works. "Never above" is the inverse of the books' stages alone,
and "cores kept busy" the time of a worker for an image by that of the books. Threads of one process share Python's lock
besides, which bench/lock.py measures. The model leaves out memory bandwidth, what a disk takes at once, and clocks that
drop when many cores work.
"""


@dataclass(frozen=True, slots=True)
class Costs:
    """What the stages take for an image of one set.

    Attributes
    ----------
    images
        How many were measured.
    one, two
        Stages of a worker in one process, and in each of two.
    books
        Stages of the process that keeps the books.
    run
        Seconds an image of whole runs, with one job and with two.
    """

    images: int
    one: dict[str, Spent]
    two: dict[str, Spent]
    books: dict[str, Spent]
    run: tuple[float, float]

    @property
    def work(self) -> float:
        """Seconds that a worker takes for an image."""
        return sum(spent.clock for spent in self.one.values())

    @property
    def beside(self) -> float:
        """Seconds that the books take for an image beside the workers."""
        return sum(spent.clock for name, spent in self.books.items() if name != ENDING)

    @property
    def ending(self) -> float:
        """Seconds that the end of the run takes for an image."""
        return self.books[ENDING].clock

    @property
    def most(self) -> float:
        """Images a second that the books allow at most."""
        return 1 / (self.beside + self.ending)

    @property
    def cores(self) -> float:
        """Cores that the books can keep busy."""
        return self.work * self.most

    def rate(self, cores: int) -> float:
        """Return the images a second on so many cores, by the model."""
        return 1 / (max((self.work + self.beside) / cores, self.beside) + self.ending)


def middle(rounds: Sequence[dict[str, Spent]], names: Sequence[str]) -> dict[str, Spent]:
    """Return the medians of several rounds, stage by stage in the given order."""
    return {
        name: Spent(*(statistics.median(values) for values in zip(*(found[name] for found in rounds), strict=True)))
        for name in names
    }


def measure(photos: PhotoSet, work: Path, rounds: int) -> Costs:
    """Measure the stages of one set, in turn in every round; folders stay until the end, as in small_photos.py."""
    one, two, books, single, double = [], [], [], [], []
    for turn in range(rounds):
        sample = take_sample(photos, work / f"single{turn}")
        single.append(sample.seconds / len(sample.tasks))
        both = take_sample(photos, work / f"double{turn}", jobs=_PROCESSES)
        double.append(both.seconds / len(sample.tasks))
        one.append(work_of(photos, sample, work / f"one{turn}", 1))
        two.append(work_of(photos, sample, work / f"two{turn}", _PROCESSES))
        books.append(books_of(photos, sample, work / f"books{turn}"))
        print(f"{photos.name}  round {turn + 1}", file=sys.stderr, flush=True)
    runs = statistics.median(single), statistics.median(double)
    return Costs(len(sample.tasks), middle(one, WORK), middle(two, WORK), middle(books, BOOKS), runs)


def rows(costs: Costs) -> list[list[str]]:
    """Return the rows of the table of stages, with a sum for the workers and one for the books."""

    def micro(*spent: Spent) -> list[str]:
        return [number(_MICRO * sum(one.clock for one in spent)), number(_MICRO * sum(one.busy for one in spent))]

    def row(name: str, one: Sequence[Spent], two: Sequence[Spent]) -> list[str]:
        alone, beside = sum(spent.clock for spent in one), sum(spent.clock for spent in two)
        return [name, *micro(*one), *micro(*two), times(_PROCESSES * alone / beside if beside else None)]

    no_two = [MISSING] * 3
    return [
        *(row(name, [spent], [costs.two[name]]) for name, spent in costs.one.items()),
        row("**a worker, in all**", [*costs.one.values()], [*costs.two.values()]),
        *([name, *micro(spent), *no_two] for name, spent in costs.books.items()),
        ["**the books, in all**", *micro(*costs.books.values()), *no_two],
    ]


_HEADER = ("", "us", "of processor", "two processes, us", "of processor", "gain")


def lines(costs: Costs) -> list[str]:
    """Return in sentences what follows from the table."""
    single, double = (number(_MICRO * seconds) for seconds in costs.run)
    serial = sorted(costs.books.items(), key=lambda item: -item[1].clock)
    shares = ", ".join(f"{name} {spent.clock * costs.most:.0%}" for name, spent in serial)
    most, cores = number(costs.most), number(costs.cores)
    computing = number(1 / sum(spent.busy for spent in costs.books.values()))
    return [
        f"A run with one job: {single} us an image; with two {double}.",
        f"Parts of the books: {shares}.",
        f"Computed: the books allow at most {most} images a second, {computing} by their processor time alone.",
        f"Computed: they keep {cores} cores busy.",
    ]


def model_table(found: dict[str, Costs]) -> str:
    """Return what the model says for more cores."""
    cores = ["1 core" if count == 1 else f"{count} cores" for count in _CORES]
    header = ("images a second, computed", *cores, "never above", "cores kept busy")
    return markdown_table(
        header,
        [
            [name, *(number(costs.rate(cores)) for cores in _CORES), number(costs.most), number(costs.cores)]
            for name, costs in found.items()
        ],
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, several=1000, many=3000, camera=64)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each stage (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if min(options.images, options.tiny_images, options.camera_images) < _PROCESSES:
        parser.error("expected at least two photos of each kind, as two processes divide them")
    found = {}
    report = f"# The stages of a run\n\n{describe('stages.py', arguments, *_PACKAGES)}\n{_NOTES}"
    with tempfile.TemporaryDirectory() as folder:
        for index, photos in enumerate(make_sets(options, Path(folder, "photos"), repeat=True)):
            name = f"{photos.name[0].upper()}{photos.name[1:]}"
            found[name] = costs = measure(photos, Path(folder, str(index)), options.rounds)
            report += f"\n## {name}\n\n{costs.images:,} images.\n\n{markdown_table(_HEADER, rows(costs))}\n\n"
            report += "\n".join(f"- {line}" for line in lines(costs)) + "\n"
    report += f"\n## On more cores, computed\n\n{model_table(found)}\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
