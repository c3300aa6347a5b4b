"""What handing out the work costs, for every engine, and how long a hundred million images take by that.

Every engine is given empty work: 100,000 images that are nothing but a result, to clusters in shards as a run divides
them. What one process does for all of them is measured too, on a folder of empty files: listing and dividing it, and
merging the books of its shards. From these comes a model of the run time on any number of cores.

What counts for it is the processor time of the one process that hands out (with Dask its scheduler is in it): workers,
which share a machine with it here, have machines of their own there, and a busy machine changes it little.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from icsys import Options, compress_folder, merge_shards
from icsys.engine import ENGINE_TABLE
from icsys.engine.cluster import CLUSTER_MODULES, open_cluster, run_cluster
from icsys.engine.executor import Executor
from icsys.files.atomic import write_whole
from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST
from icsys.records.manifest import to_line
from icsys.records.manifest_rows import image_row
from icsys.records.run_json import write_run
from icsys.results import Compressed
from icsys.run.cluster import SHARD_IMAGES, choose_shard_count
from icsys.run.shard_job import ShardResult
from icsys.shard import Shard, all_shards, shard_index
from icsys.shards.shared_listing import list_for_shards
from icsys.shards.state_folders import State, state_folder_of, write_state
from icsys.sources.folder import plan_folder
from icsys.summary import RunSummary
from machine import describe
from measure import Watch
from page import publish
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.engine.executor import Limits

_FOLDER = 1000  # images
_MANY = 100_000_000
_CORES = 1000
_MICRO = 1e6
_HOUR = 3600.0
_NOTE = """
Micro- and milliseconds are processor time of the one process that hands out, lists and merges; on the clock, its
workers share the machine with it here. Handing out goes on beside the work, so the longer of the two counts; listing
comes before, merging after. Files lie on a local disk: on a network file system listing takes longer.
"""
_PACKAGE = {engine: package for engine, (_, package) in CLUSTER_MODULES.items()}


def empty(name: int) -> Compressed:
    """Return what an image leaves that took no time."""
    source = f"train/class {name % 10}/{name:09}.jpg"
    return Compressed(
        source=source,
        output=source.replace(".jpg", ".png"),
        bytes_in=120_000,
        bytes_out=9_000,
        source_width=640,
        source_height=480,
        width=128,
        height=96,
        elements_in=921_600,
        elements_out=12_288,
        source_mtime_ns=1_700_000_000_000_000_000 + name,
        source_sha256=f"{name:064x}",
        sha256=f"{name + 1:064x}",
        colors=32,
        format="JPEG",
        mode="RGB",
        orientation=1,
        frames=1,
        mse=12.5,
        seconds=0.0,
        kmeans_seconds=0.0,
    )


def empty_batch(batch: Sequence[tuple[int, None]], limits: Limits) -> list[Compressed]:  # noqa: ARG001 - a worker's
    """Return what a batch leaves that took no time."""
    return [empty(name) for name, _ in batch]


def empty_shard(names: range, _: bool) -> ShardResult:
    """Return what a shard leaves that took no time."""
    return ShardResult(Shard(1, 1), [empty(name) for name in names], 0, "")


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Handing:
    """What an engine needs to hand out empty work.

    Attributes
    ----------
    images, tasks
        How much there was to hand out.
    seconds, busy
        From the first to the last outcome, and the processor time of this process in between.
    start
        Seconds to the first outcome.
    """

    engine: str
    images: int
    tasks: int
    seconds: float
    busy: float
    start: float

    @property
    def image(self) -> float:
        """Seconds of processor time for an image."""
        return self.busy / self.images


def hand_out(engine: str, images: int, jobs: int) -> Handing:
    """Give an engine of one machine, or a cluster of its own, empty work for so many images."""
    summary = RunSummary()
    watch = Watch()
    tasks = 0
    if engine in ENGINE_TABLE:
        executor = Executor(engine, jobs, timeout=None, remote=False, stop=threading.Event())
        outcomes = executor.map(empty_batch, ((name, None) for name in range(images)), nothing)
        first = next(outcomes)
        start, _ = watch.lap()
        for batch in chain([first], outcomes):
            tasks += 1
            for result in batch:
                summary.add(result)
        laps = watch.lap()
    else:
        shards = [range(first, min(images, first + SHARD_IMAGES)) for first in range(0, images, SHARD_IMAGES)]
        with closing(open_cluster(engine, None, jobs)) as cluster:
            # The first tasks load what workers need.
            list(run_cluster(cluster, empty_shard, [range(1)] * 4 * jobs, threading.Event()))
            start, _ = watch.lap()
            for shard in run_cluster(cluster, empty_shard, shards, threading.Event()):
                for result in shard.results:
                    summary.add(result)
            tasks, laps = len(shards), watch.lap()
    if summary.images != images:
        raise RuntimeError(f"{engine} has done {summary.images} of {images} images")
    return Handing(engine, images, tasks, *laps, start)


@dataclass(frozen=True, slots=True)
class Serial:
    """What one process does for all images, in seconds of processor time for each, and what a shard costs its worker.

    Attributes
    ----------
    listing, dividing
        Walking the folder; writing the list, and every shard its part of it.
    merge, books
        Merging a line, and the books of a shard beside its lines, in seconds for a shard.
    shard
        Seconds of a shard that has nothing to do.
    """

    listing: float
    dividing: float
    merge: float
    books: float
    shard: float

    def merging(self, images: int, shards: int) -> float:
        """Return the seconds of a merge."""
        return images * self.merge + shards * self.books


def busy_with(work: Callable[[], object]) -> float:
    """Return the processor time that a call takes."""
    watch = Watch()
    work()
    return watch.lap()[1]


def measure_serial(images: int) -> Serial:
    """Measure what one process does, on a folder of empty files named as photos."""
    with tempfile.TemporaryDirectory() as folder:
        source, destination = Path(folder, "in"), Path(folder, "out")
        place = RootedPath(destination)
        for number_ in range(images):
            if number_ % _FOLDER == 0:
                (source / f"{number_ // _FOLDER:05}").mkdir(parents=True)
            (source / f"{number_ // _FOLDER:05}" / f"{number_:09}.jpg").touch()
        plan = partial(plan_folder, source, destination, ".png")
        listing = min(busy_with(lambda: list(plan())) for _ in range(3))
        destination.mkdir()
        count = choose_shard_count(images, slots=1)
        settings = {"source": str(source.absolute()), "suffix": ".png", "follow_links": False}
        both = busy_with(lambda: list_for_shards(place, plan(), settings, lambda _: count, stop=threading.Event()))
        shard = min(busy_with(partial(_empty_shard, Path(folder, f"one{turn}"))) for turn in range(5))
        few, many = max(1, images // 1000), max(2, images // 25)
        lines = _merge(images, few, Path(folder, "few"))
        books = max(0.0, _merge(images, many, Path(folder, "many")) - lines) / (many - few)
        merge = max(0.0, lines - few * books)
    return Serial(listing / images, max(0.0, both - listing) / images, merge / images, books, shard)


def _empty_shard(destination: Path) -> None:
    """Run on a shard of one image that is none."""
    source = destination.with_name(f"{destination.name}-in")
    source.mkdir()
    (source / "a.jpg").touch()
    compress_folder(source, destination, Options(strategy="SO"), jobs=1, shard="1/1")


def _merge(images: int, count: int, destination: Path) -> float:
    """Write the books of ``count`` finished shards and merge them."""
    lines: dict[int, list[bytes]] = {shard.index: [] for shard in all_shards(count)}
    for name in range(images):
        result = empty(name)
        lines[shard_index(result.source, count)].append(to_line(image_row(result, "0123456789abcdef", "0")))
    with patch("os.fsync"):
        for index, mine in lines.items():
            books = state_folder_of(RootedPath(destination), Shard(index, count))
            write_whole(books / MANIFEST, sorted(mine))
            write_run(books, {}, RunSummary(), "0", source="photos", started=0.0)
            write_state(books, State({}, follow_links=False, finished=True))
    watch = Watch()
    summary = merge_shards(destination)
    _, seconds = watch.lap()
    if summary.images != images:
        raise RuntimeError(f"{summary.images} of {images} lines were merged")
    print(f"merged {images} lines of {count} shards: {seconds:.1f} s", file=sys.stderr, flush=True)
    return seconds


@dataclass(frozen=True, slots=True)
class Model:
    """How long the parts of a run take, in seconds: the first and the last by one process, the others at once."""

    listing: float
    work: float
    handing: float
    merging: float

    @property
    def total(self) -> float:
        """From start to end."""
        return self.listing + max(self.work, self.handing) + self.merging


def model(images: int, cores: int, work: float, serial: Serial, handing: Handing) -> Model:
    """Model a run of images that take ``work`` seconds of a core each.

    Handing out a task costs a fixed part and a part for each image in it.
    """
    shards = choose_shard_count(images, slots=cores)
    return Model(
        listing=images * (serial.listing + serial.dividing),
        work=(images * work + shards * serial.shard) / cores,
        handing=images * handing.image,
        merging=serial.merging(images, shards),
    )


def plot(serial: Serial, handings: list[Handing], work: float, path: Path) -> None:
    """Draw run times against cores, and where they go at 1,000 of them, as SVG; equal figures give equal files."""
    import matplotlib as mpl  # noqa: PLC0415 - only plots need it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "icsys"
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    plt.style.use("icsys.report.style")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    cores = [round(10 ** (step / 8)) for step in range(33)]
    for handing in handings:
        hours = [model(_MANY, count, work, serial, handing).total / _HOUR for count in cores]
        left.plot(cores, hours, marker="", label=handing.engine)
    left.plot(
        cores, [_MANY * work / count / _HOUR for count in cores], "--", color="grey", marker="", label="work alone"
    )
    left.axvline(_CORES, color="grey", linewidth=0.8)
    left.set(xscale="log", yscale="log", xlabel="cores", ylabel="hours", title="100 million images")
    left.legend()
    for place, handing in enumerate(handings):
        parts = model(_MANY, _CORES, work, serial, handing)
        start = 0.0
        for part, width in (
            ("listing and dividing", parts.listing),
            ("work, or handing it out", max(parts.work, parts.handing)),
            ("merging", parts.merging),
        ):
            color = {"listing and dividing": "C2", "merging": "C1"}.get(part, "C0")
            right.barh(place, width / _HOUR, 0.5, left=start, color=color, label=None if place else part)
            start += width / _HOUR
    right.set(yticks=range(len(handings)), yticklabels=[handing.engine for handing in handings])
    right.set(xlabel="hours", title=f"{_CORES} cores")
    right.set_ylim(-0.5, len(handings) + 0.4)
    right.legend(loc="upper right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def tables(serial: Serial, handings: list[Handing], work: float) -> str:
    """Return what was measured and what follows from it as Markdown."""
    rows = [
        [
            handing.engine,
            f"{handing.tasks:,}",
            number(handing.seconds),
            number(handing.image * _MICRO),
            number(handing.busy / handing.tasks * 1000),
            f"{1 / handing.image:,.0f}",
            number(handing.start),
        ]
        for handing in handings
    ]
    shards = choose_shard_count(_MANY, slots=_CORES)
    merging = serial.merging(_MANY, shards) / _MANY
    text = f"\n## Handing out {handings[0].images:,} images of empty work\n\n"
    text += markdown_table(
        ("engine", "tasks", "s on the clock", "us an image", "ms a task", "images/s at most", "s to start"), rows
    )
    text += "\n\n## What one process does for all\n\n"
    parts = [
        ["listing", number(serial.listing * _MICRO)],
        ["dividing into shards", number(serial.dividing * _MICRO)],
        [f"merging {shards:,} shards", number(merging * _MICRO)],
    ]
    text += markdown_table(("", "us an image"), parts)
    text += f"\n\nA shard with nothing to do costs its worker {number(serial.shard * 1000)} ms.\n"
    text += f"\n## {_MANY:,} images on {_CORES:,} cores, {work * 1000:g} ms of a core each\n\n"
    rows = []
    for handing in handings:
        if handing.engine in CLUSTER_MODULES:
            parts = model(_MANY, _CORES, work, serial, handing)
            values = parts.listing, parts.work, parts.handing, parts.merging, parts.total
            rows.append([handing.engine, *(number(value / _HOUR) for value in values)])
    text += markdown_table(("engine", "listing, h", "work, h", "handing out, h", "merging, h", "in all, h"), rows)
    return text + "\n"


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="images of empty work (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="workers of every engine (default: %(default)s)")
    parser.add_argument("--work", type=float, default=0.02, help="seconds an image takes a core (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write this Markdown file, and the plot beside it as .svg")
    options = parser.parse_args(arguments)
    handings = []
    for engine in (*ENGINE_TABLE, *CLUSTER_MODULES):
        if engine in CLUSTER_MODULES and find_spec(_PACKAGE[engine]) is None:
            print(f"{engine} is not installed and left out", file=sys.stderr)
            continue
        handings.append(hand_out(engine, options.images, options.jobs))
        print(f"{engine}: {handings[-1].seconds:.2f} s", file=sys.stderr, flush=True)
    serial = measure_serial(options.images)
    clusters = [handing for handing in handings if handing.engine in CLUSTER_MODULES]
    report = f"# Scheduling\n\n{describe('scheduling.py', arguments, 'distributed', 'ray', 'numpy')}\n"
    report += tables(serial, handings, options.work)
    if options.out and clusters:
        picture = options.out.with_suffix(".svg")
        plot(serial, clusters, options.work, picture)
        report += f"\n![Run time against cores, and where it goes at {_CORES} of them]({picture.name})\n"
    report += _NOTE
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
