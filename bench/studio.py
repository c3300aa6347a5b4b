"""The studio's promises of speed: first view, from a change to the new picture, memory, many requests, a long grid.

The real server is started as users start it, and a headless Chromium does in its page what a user does. Times are taken
in the page, from the event of the change to the frame that shows the new picture. A full run takes about five minutes,
and ``--tree 400 --photos 3 --changes 2 --looked-at 20 --requests 50 --rounds 1`` half a minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from machine import describe
from page import publish
from studio_measures import PAUSE, Counts, first_views, grid_times, latencies, many_requests, memory_peaks
from studio_sets import CAMERA, CLASSES, MIDDLE, SMALL, TYPICAL, make_studio_sets
from studio_visit import chromium
from table import markdown_table, number

if TYPE_CHECKING:
    from studio_measures import Answers, FirstViews, GridTimes, Latency
    from studio_server import Memory

_MEGA = 1_000_000
_PACKAGES = ("numpy", "pillow", "simplejpeg", "starlette", "uvicorn", "playwright")
_NOTES = f"""
The server is `python -m icsys studio`, the browser a headless Chromium {{browser}} on the same machine, in a window of
1280 by 800 pixels: both share its cores. A time begins with the event in the browser that brings the change (a slider
pressed at a place, Enter behind a number, a choice from a list, an arrow key; letting go of a dragged slider) and ends
when the frame with the decoded new picture is drawn. Each change leads to a picture that was not made before, and comes
{PAUSE} ms after the last one was shown, when its quality and codecs at equal bytes are being measured. "Processor" is
the time that the server takes a change, with that work. The strategies are MBKM, SO and MKM: FKM is full K-means, which
takes seconds. The first choice of MBKM loads scikit-learn.

Made photos are parts of two pictures drawn from seeds, each another part: {{photos}} of {CAMERA[0]}x{CAMERA[1]} pixels,
{{photos}} of {TYPICAL[0]}x{TYPICAL[1]}, {{tree}} of {SMALL[0]}x{SMALL[1]} in {CLASSES} folders of classes, the large
tree, and {{classes}}.
"""

_ABOUT_MEMORY = """
The most that was resident while this went on, in the order of the rows; each table begins with a new server. The
promise: at most 500 MB. PSS counts memory that several processes share in parts.
"""


class Figures(NamedTuple):
    """All that is measured, by the titles of the page."""

    first_views: list[FirstViews]
    latencies: list[Latency]
    memory: dict[str, list[tuple[str, Memory]]]
    requests: list[Answers]
    grid: list[GridTimes]


def report_of(found: Figures) -> str:
    """Return all tables with their titles."""
    views = [(one.name, f"{one.images:,}", *_spread(one.starts)[:1], *_spread(one.times)) for one in found.first_views]
    changes = [(one.name, f"{len(one.times)}", *_spread(one.times), number(one.processor)) for one in found.latencies]
    memory = [
        markdown_table(
            (title, "RSS, MB", "PSS, MB"),
            [(name, _mega(peak.resident), _mega(peak.proportional)) for name, peak in peaks],
        )
        for title, peaks in found.memory.items()
    ]
    requests = [
        (one.name, number(one.seconds), ", ".join(f"{count:,} of {status}" for status, count in one.statuses.items()))
        for one in found.requests
    ]
    scrolled = [
        (one.name, *(f"{one.scrolled[key]:,.0f}" for key in ("frames", "long", "longest")), *_spread(one.jumps))
        for one in found.grid
    ]
    spread = ("median, ms", "90th percentile, ms", "slowest, ms")
    parts = (
        "## First view",
        "From the navigation, with the token, to the first picture. The promise: at most 1,500 ms.",
        markdown_table(("set", "photos", "server answers, ms", *spread), views),
        "## From a change to the new picture",
        "The promises for 12 megapixels at step 5: a median of at most 150 ms, and at most 600 ms for the first time.",
        markdown_table(("what changes", "changes", *spread, "processor, ms"), changes),
        "## Memory of the server",
        _ABOUT_MEMORY.strip(),
        *memory,
        "## Requests at once",
        "A preview that waits gives way to newer ones with the status 409: a page asks again for what it still wants.",
        markdown_table(("requests", "seconds", "answers of each status"), requests),
        "## The grid of the large tree",
        "Frames while it is scrolled, and times from a jump to the thumbnails of all photos in sight.",
        markdown_table(("", "frames", "over 50 ms", "longest, ms", *(f"jump: {word}" for word in spread)), scrolled),
    )
    return "\n\n".join(parts)


def _spread(times: list[float]) -> tuple[str, str, str]:
    """Return the median, the 90th percentile and the longest."""
    ordered = sorted(times)
    return number(statistics.median(ordered)), number(ordered[ceil(0.9 * len(ordered)) - 1]), number(ordered[-1])


def _mega(count: int | None) -> str:
    return number(None if count is None else count / _MEGA)


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folders of classes for the first view; made if left out")
    parser.add_argument("--tree", type=int, default=20_000, help="photos of the large tree (default: %(default)s)")
    parser.add_argument("--photos", type=int, default=8, help="photos of each large size (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=10, help="of each control (default: %(default)s)")
    parser.add_argument("--looked-at", type=int, default=300, help="photos for the memory (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="requests at once (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times that the page is opened (default: %(default)s)")
    parser.add_argument("--sets", type=Path, help="where made photos are kept for the next time; not kept if left out")
    parser.add_argument("--out", type=Path, help="also write the report to this Markdown file")
    options = parser.parse_args(arguments)
    counts = Counts(options.changes, options.looked_at, options.requests, options.rounds)
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        sets = make_studio_sets(options.folder, options.sets or Path(place, "sets"), options.tree, options.photos)
        home = Path(place, "home")
        home.mkdir()
        found = Figures(
            first_views(browser, home, sets, counts),
            latencies(browser, home, sets, counts),
            memory_peaks(browser, home, sets, counts),
            many_requests(browser, home, sets, counts),
            grid_times(browser, home, sets),
        )
        version = browser.version
    classes = f"{2 * options.photos} of {MIDDLE[0]}x{MIDDLE[1]} in two"
    if options.folder:
        classes = "the folders of classes hold photos that were given"
    notes = _NOTES.format(browser=version, photos=options.photos, tree=f"{options.tree:,}", classes=classes)
    about = describe("studio.py", arguments, *_PACKAGES)
    publish(f"# Speed of the studio\n\n{about}\n{notes}\n{report_of(found)}\n", options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
