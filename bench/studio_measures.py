"""What is measured of the studio: each function starts servers of its own, and ends them."""

from __future__ import annotations

import contextlib
import json
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from photos import find_photos
from studio_server import StudioServer
from studio_visit import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from studio_server import Memory
    from studio_sets import StudioSets

PAUSE = 300
"""Milliseconds from a new picture to the next change."""

_STRATEGIES = ("MBKM", "SO", "MKM")
_ROW = 20  # pixels that the grid scrolls in each frame
_SCROLLED = 20_000  # pixels
_JUMPS = (0.5, 0.9, 0.2, 0.7, 0.35, 0.05, 0.6, 0.8, 0.1, 0.95)


class Counts(NamedTuple):
    """How much is measured.

    Attributes
    ----------
    changes
        Of each control, for each kind of photo.
    looked_at
        Photos, one after the other.
    requests
        At once.
    rounds
        Of opening the page.
    """

    changes: int
    looked_at: int
    requests: int
    rounds: int


class FirstViews(NamedTuple):
    """Milliseconds from the start of the server to its address, and from the navigation to the first picture."""

    name: str
    images: int
    starts: list[float]
    times: list[float]


class Latency(NamedTuple):
    """Milliseconds from changes to pictures, and processor time of the server a change."""

    name: str
    times: list[float]
    processor: float


class Answers(NamedTuple):
    """What requests at once got, by status, and in how many seconds."""

    name: str
    seconds: float
    statuses: dict[int, int]


class GridTimes(NamedTuple):
    """Frames while a grid was scrolled, and milliseconds until thumbnails were shown after jumps."""

    name: str
    scrolled: dict[str, float]
    jumps: list[float]


def first_views(browser: Browser, home: Path, sets: StudioSets, counts: Counts) -> list[FirstViews]:
    """Open the page of a new server again and again."""
    found = []
    for name, source in (("folders of classes", sets.classes), ("large tree", sets.tree)):
        starts, times = [], []
        for _ in range(counts.rounds):
            with StudioServer(source, home) as server, _visit(browser, server) as visit:
                starts.append(server.seconds_to_answer * 1000)
                times.append(visit.first_view)
        found.append(FirstViews(name, len(find_photos(source)), starts, times))
    return found


def latencies(browser: Browser, home: Path, sets: StudioSets, counts: Counts) -> list[Latency]:
    """Change one control after the other."""
    found = []
    for title, source, views in (
        ("12 megapixels", sets.camera, 1),
        ("2 megapixels", sets.typical, 1),
        ("12 megapixels, four views", sets.camera, 4),
    ):
        with StudioServer(source, home) as server, _visit(browser, server) as visit:
            visit.begin(0, [{"colors": 16 + view} for view in range(views)])
            firsts, goes_on = len(find_photos(source)) - 1, partial(_next_photo, visit, views)
            first = _latency("a photo for the first time", goes_on, firsts, server, visit)
            changes = _changes(visit, views, counts.changes)
            rows = [_latency(name, change, counts.changes, server, visit) for name, change in changes]
        times = [one for row in rows for one in row.times]
        processor = sum(row.processor * len(row.times) for row in rows) / len(times)
        every = Latency("all changes below", times, processor)
        found += [row._replace(name=f"{title}: {row.name}") for row in (first, every, *rows)]
    return found


def _latency(name: str, change: Callable[[int], float], count: int, server: StudioServer, visit: Visit) -> Latency:
    """Change something again and again, with a number that counts on."""
    busy, times = server.cpu_seconds(), []
    for number in range(count):
        times.append(change(number))
        time.sleep(PAUSE / 1000)
    visit.await_figures()
    return Latency(name, times, (server.cpu_seconds() - busy) / count * 1000)


def _next_photo(visit: Visit, views: int, _: int) -> float:
    return visit.next_photo(views)


def _changes(visit: Visit, views: int, count: int) -> Iterator[tuple[str, Callable[[int], float]]]:
    """Yield what changes, and a function that changes it for the n-th time; the page is brought to its beginning."""
    begin = [{"colors": 200 + view} for view in range(views)]

    def share(number: float) -> float:
        return 0.35 + 0.6 * number / count

    visit.begin(0, begin)
    yield "colours by the slider, pressed", lambda number: visit.slide(share(number))
    visit.begin(0, begin)
    yield "colours by the slider, dragged", lambda number: visit.drag(share(number + 0.5))
    visit.begin(0, begin)
    yield "colours as a number", lambda number: visit.type("Colours", 20 + 2 * number)
    visit.begin(0, begin)

    def strategy(number: int) -> float:
        if number % len(_STRATEGIES) == 0 and number:
            visit.type("Colours", 100 + number)  # or the picture would be one that was made
        return visit.choose("Strategy", _STRATEGIES[number % len(_STRATEGIES)])

    yield "strategy", strategy
    visit.begin(0, begin)
    yield "block", lambda number: visit.type("Block", 6 + number)
    visit.begin(0, begin)
    yield "width", lambda number: visit.type("Width", 640 - 8 * number)


def memory_peaks(browser: Browser, home: Path, sets: StudioSets, counts: Counts) -> dict[str, list[tuple[str, Memory]]]:
    """Watch the memory while photos are looked at."""
    found: dict[str, list[tuple[str, Memory]]] = {}
    with StudioServer(sets.tree, home) as server, _visit(browser, server) as visit:
        rows = found["the large tree"] = []
        with _watched(rows, server, "the first photo"):
            visit.await_figures()
        with _watched(rows, server, f"{counts.looked_at} photos, settings changed at each third"):
            _look(visit, counts.looked_at)
        with _watched(rows, server, "inspection of all"):
            visit.inspect()
        with _watched(rows, server, "estimate and frontier"):
            visit.estimate()
        with _watched(rows, server, "worst first"):
            visit.order_by_worst()
    with StudioServer(sets.camera, home) as server, _visit(browser, server) as visit:
        rows = found["photos of 12 megapixels"] = []
        images = len(find_photos(sets.camera))
        for name, options in (
            ("step 5", [{}]),
            ("step 5, four views", [{"colors": 16 * (view + 1)} for view in range(4)]),
            ("step 1", [{"step": 1}]),
            ("step 1, four views", [{"step": 1, "colors": 16 * (view + 1)} for view in range(4)]),
        ):
            with _watched(rows, server, f"{images} photos at {name}"):
                visit.begin(0, options)
                _look(visit, images - 1, len(options))
                visit.await_figures()
    return found


def _look(visit: Visit, photos: int, views: int = 1) -> None:
    """Go from photo to photo, and change the colours of each third one."""
    for number in range(photos):
        visit.next_photo(views)
        if number % 3 == 0:
            visit.type("Colours", 10 + number % 80)


@contextlib.contextmanager
def _watched(rows: list[tuple[str, Memory]], server: StudioServer, name: str) -> Iterator[None]:
    with server.watched() as peak:
        yield
    rows.append((name, peak))


def many_requests(browser: Browser, home: Path, sets: StudioSets, counts: Counts) -> list[Answers]:
    """Send requests at once: for thumbnails of as many photos, and for previews of as many views."""
    images, found = len(find_photos(sets.tree)), []
    with StudioServer(sets.tree, home) as server:
        with _visit(browser, server) as visit:
            visit.await_all_listed()
        for name, request in (("the state of the page", _state), ("thumbnails", _thumbnail), ("previews", _preview)):
            requests = [request(number, number % images) for number in range(counts.requests)]
            found.append(Answers(f"{counts.requests:,} for {name}", *server.at_once(requests)))
    return found


def _state(_: int, __: int) -> bytes:
    return b"GET /api/state HTTP/1.1\r\n\r\n"


def _thumbnail(_: int, image: int) -> bytes:
    return f"GET /api/images/{image}/thumbnail HTTP/1.1\r\n\r\n".encode()


def _preview(number: int, image: int) -> bytes:
    body = json.dumps({"image": image, "options": {"step": 5}, "slot": f"slot {number}"})
    return f"POST /api/preview HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}".encode()


def grid_times(browser: Browser, home: Path, sets: StudioSets) -> list[GridTimes]:
    """Scroll through the grid of the large tree, and jump in it."""
    with StudioServer(sets.tree, home) as server, _visit(browser, server) as visit:
        visit.await_all_listed()
        rows = []
        for name, step in (("slowly", _ROW), ("fast", 20 * _ROW)):
            visit.jump(0)
            rows.append((name, visit.scroll(_SCROLLED, step)))
        jumps = [visit.jump(share) for share in _JUMPS]
    return [GridTimes(f"scrolled {name}", scrolled, jumps) for name, scrolled in rows]


@contextlib.contextmanager
def _visit(browser: Browser, server: StudioServer) -> Iterator[Visit]:
    visit = Visit(browser, server.address)
    try:
        yield visit
    finally:
        visit.close()
