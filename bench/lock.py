"""How much of a run holds Python's lock (the GIL), and with how many threads that stops it from growing faster.

A thread that only reads the clock runs beside a run with one job. Whenever the run takes the lock, that thread stands
still, so its gaps are the times for which the lock was held. Two things make gaps too and are subtracted: handing the
lock over and back, measured with a thread that takes it and does nothing, and what the machine itself stops, measured
with no other thread. What is left is an upper bound: whatever else delays the loop, such as other programs on the
same cores, counts as held. So the smallest of several figures is taken, and the machine should be idle.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import STRATEGIES
from icsys import Options, Progress, compress_folder
from machine import describe
from page import publish
from photos import find_photos, gather, write_photos
from table import MISSING, markdown_table, number, times

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS = (1, 2, 4, 8, 16, 32, 64)
# A round of the probe's loop takes a third of a microsecond; a hand-over between threads some microseconds.
_SHORTEST_GAP = 2_000  # nanoseconds
_SWITCH = 1e-4  # seconds a thread waits before it asks for the lock; the run asks often, so the usual 5 ms slow it
_CALIBRATION = 0.5  # seconds
_PHOTOS = 20  # at least, so that a rate can be measured
_IDLE = 0.03  # part of the time that an idle machine keeps from the probe at most


@dataclass(frozen=True, slots=True)
class Standstill:
    """How a loop got on that wants the lock all the time: its gaps, their sum and the whole time in seconds."""

    gaps: int
    stopped: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Share:
    """What one strategy costs on a folder: seconds with one job, two threads and two processes, and of lock with one.

    Seconds count from the end of the first photo, without the start of processes.
    """

    one_job: float
    two_jobs: float
    two_processes: float
    held: float

    @property
    def locked(self) -> float:
        """Part of the time with one job, 0 to 1, in which the lock is held."""
        return min(1.0, self.held / self.one_job)


def loop_beside(work: Callable[[], object]) -> Standstill:
    """Run ``work`` in a thread, and beside it a loop that reads the clock until it is done."""
    gaps = stopped = 0
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        with ThreadPoolExecutor(1) as pool:
            # Work that holds the lock may be done before the first look: the clock starts before it, and ends after it.
            start = last = time.perf_counter_ns()
            future = pool.submit(work)
            done = False
            while not done:
                done = future.done()
                now = time.perf_counter_ns()
                if now - last > _SHORTEST_GAP:
                    gaps += 1
                    stopped += now - last
                last = now
    finally:
        sys.setswitchinterval(usual)
    future.result()
    return Standstill(gaps, stopped / 1e9, (last - start) / 1e9)


def disturbance() -> float:
    """Return the part of the time for which the probe stands still with nothing beside it."""
    # An event that is never set lets its thread sleep without ever asking for the lock.
    idle = loop_beside(lambda: threading.Event().wait(_CALIBRATION))
    return idle.stopped / idle.seconds


def held_seconds(work: Callable[[], object]) -> float:
    """Return the seconds for which ``work`` holds the lock."""
    stop = disturbance()
    handing = loop_beside(_nod)
    beside = loop_beside(work)
    hand_over = max(0.0, handing.stopped - stop * handing.seconds) / max(1, handing.gaps)
    return max(0.0, beside.stopped - stop * beside.seconds - hand_over * beside.gaps)


def _nod() -> None:
    """Take the lock a thousand times a second and do nothing with it."""
    end = time.perf_counter() + _CALIBRATION
    while time.perf_counter() < end:
        time.sleep(0.001)


def queued_speedup(locked: float, threads: int) -> float:
    """Predict how many times as fast ``threads`` are as one when they only wait for the lock.

    Each thread alternates between work without the lock and work with it; waiting threads queue. Mean value
    analysis of this closed network (Reiser and Lavenberg, 1980) with one queue gives the throughput.

    Parameters
    ----------
    locked
        Part of the time of one thread that holds the lock, 0 to 1.
    threads
        At least 1.
    """
    waiting = throughput = 0.0
    for number_of_threads in range(1, threads + 1):
        response = locked * (1 + waiting)
        throughput = number_of_threads / (1 - locked + response)
        waiting = throughput * response
    return throughput


def amdahl_speedup(serial: float, threads: int) -> float:
    """Return Amdahl's speed-up when nothing else goes on during the ``serial`` part of the time."""
    return 1 / (serial + (1 - serial) / threads)


def steady_seconds(folder: Path, destination: str, options: Options, jobs: int, engine: str) -> float:
    """Return the seconds from the first result of a run to its last, stretched to all of its photos."""
    done: list[float] = []

    def note(progress: Progress) -> None:
        if progress.result:
            done.append(time.perf_counter())

    compress_folder(folder, destination, options, jobs=jobs, engine=engine, overwrite="always", progress=note)
    # Several workers end their first photos together: the rate begins behind those.
    return (done[-1] - done[jobs - 1]) * len(done) / (len(done) - jobs)


def measure(folder: Path, strategy: str, colors: int, repeats: int) -> Share:
    """Time one job, two threads and two processes on a folder, in turn, and the lock with one job; all minima."""
    options = Options(strategy=strategy, colors=colors)
    ways = ((1, "threads"), (2, "threads"), (2, "processes"))
    seconds: dict[tuple[int, str], list[float]] = {way: [] for way in ways}
    held = []
    with tempfile.TemporaryDirectory() as destination:

        def run() -> None:
            compress_folder(folder, destination, options, jobs=1, overwrite="always")

        run()  # loads what is needed
        for _ in range(repeats):
            for (jobs, engine), several in seconds.items():
                several.append(steady_seconds(folder, destination, options, jobs, engine))
            held.append(held_seconds(run))
    one, threads, processes = (min(several) for several in seconds.values())
    print(f"{strategy}  one job {one:.2f} s", file=sys.stderr, flush=True)
    return Share(one, threads, processes, min(held))


def tables(shares: dict[str, Share], images: int) -> str:
    """Return the tables of what was measured and of what it predicts."""
    header = (
        "",
        "ms a photo, one job",
        "of it with the lock",
        "share",
        "two threads, measured",
        "two threads, predicted",
        "two processes, measured",
    )
    measured = [
        [
            name,
            number(1000 * share.one_job / images),
            number(1000 * share.held / images),
            f"{share.locked:.1%}",
            times(share.one_job / share.two_jobs),
            times(queued_speedup(share.locked, 2)),
            times(share.one_job / share.two_processes),
        ]
        for name, share in shares.items()
    ]
    predicted = [
        [
            name,
            *(
                f"{queued_speedup(share.locked, threads):.1f} / {amdahl_speedup(share.locked, threads):.1f}"
                for threads in _THREADS
            ),
            f"{1 / share.locked:.0f}" if share.locked > 0 else MISSING,
        ]
        for name, share in shares.items()
    ]
    columns = ("times as fast with threads", *(str(threads) for threads in _THREADS), "never above")
    return f"{markdown_table(header, measured)}\n\n{markdown_table(columns, predicted)}\n"


_NOTES = """
The share is measured beside the run with one job, as the gaps of a thread that does nothing but read the clock, less
the cost of handing the lock over; it is an upper bound. Figures are the smallest of several, and scikit-learn is held
to one thread in each job. The prediction lets threads queue for the lock and wait for nothing else; after the slash
stands Amdahl's law with the share as its serial part, which is lower because it lets nothing go on while one thread
holds the lock. Processes share no lock. This model ignores memory bandwidth, clocks that drop when many cores work,
or disks, which the measured two do.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with photos; four generated ones if left out")
    parser.add_argument("--images", type=int, help="use only the first N photos")
    parser.add_argument("--colors", type=int, default=32, help="number of colours K (default: %(default)s)")
    parser.add_argument("--megapixels", type=float, default=12, help="of generated photos (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    # The threads that scikit-learn starts inside one job would take the probe's core.
    os.environ["OMP_NUM_THREADS"] = "1"
    print("about a minute", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if options.folder:
            chosen = find_photos(options.folder, options.images)
        else:
            side = round((options.megapixels * 1_000_000 / 12) ** 0.5)
            chosen = write_photos(work / "generated", options.images or 4, 4 * side, 3 * side)
        photos = gather(chosen, work / "photos", max(len(chosen), _PHOTOS))
        disturbed = [disturbance()]
        shares = {name: measure(work / "photos", name, options.colors, options.repeats) for name in STRATEGIES}
        disturbed.append(disturbance())
    about = describe("lock.py", arguments, "numpy", "pillow", "scikit-learn")
    report = f"# Python's lock and threads\n\n{len(photos)} photos.\n\n{about}\n\n{tables(shares, len(photos))}{_NOTES}"
    report += f"\nWith nothing beside it, the probe stood still for {max(disturbed):.1%} of the time.\n"
    if max(disturbed) > _IDLE:
        report += "That is too much: the machine was not idle, and the shares are too high to be used.\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
