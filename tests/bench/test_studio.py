"""The benchmark of the studio: its photos, what it sees of a server, and what its page says."""

import pytest
from PIL import Image

import studio
import studio_sets
from photos import find_photos
from studio_measures import Answers, FirstViews, GridTimes, Latency
from studio_server import Memory, StudioServer
from studio_sets import make_studio_sets

MEGA = 1_000_000


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Pictures of few pixels, which take no time."""
    for name, size in {"CAMERA": (160, 120), "TYPICAL": (80, 60), "MIDDLE": (40, 30), "SMALL": (24, 18)}.items():
        monkeypatch.setattr(studio_sets, name, size)


def test_made_photos_have_their_sizes_and_differ(tmp_path):
    sets = make_studio_sets(None, tmp_path, 45, 3)
    sizes = {"classes": (6, (40, 30)), "tree": (45, (24, 18)), "camera": (3, (160, 120)), "typical": (3, (80, 60))}
    for name, (count, size) in sizes.items():
        paths = find_photos(getattr(sets, name))
        assert len(paths) == count
        assert len({path.read_bytes() for path in paths}) == count
        for path in paths:
            with Image.open(path) as image:
                assert image.size == size
    assert len(list(sets.tree.iterdir())) == 20
    before = [path.stat().st_mtime_ns for path in find_photos(tmp_path)]
    assert make_studio_sets(None, tmp_path, 45, 3) == sets
    assert [path.stat().st_mtime_ns for path in find_photos(tmp_path)] == before
    assert make_studio_sets(tmp_path / "own", tmp_path, 45, 3).classes == tmp_path / "own"


def test_a_server_is_watched_while_it_answers_many_requests(tmp_path):
    tree = make_studio_sets(None, tmp_path, 20, 1).tree
    with StudioServer(tree, tmp_path) as server:
        with server.watched() as peak:
            seconds, statuses = server.at_once(
                [b"GET /api/state HTTP/1.1\r\n\r\n"] * 40 + [b"GET /no HTTP/1.1\r\n\r\n"]
            )
        assert statuses == {200: 40, 404: 1}
        assert 0 < seconds < 60
        assert 10 * MEGA < peak.resident < 4000 * MEGA
        assert peak.proportional is None or 10 * MEGA < peak.proportional <= peak.resident
        assert server.cpu_seconds() > 0
        assert server.seconds_to_answer > 0
    assert server.at_once([b"GET / HTTP/1.1\r\n\r\n"])[1] == {0: 1}


def test_a_server_that_does_not_start_is_named(tmp_path):
    with pytest.raises(RuntimeError, match="printed no address"):
        StudioServer(tmp_path / "missing", tmp_path)


def test_the_page_says_what_was_measured():
    found = studio.Figures(
        [FirstViews("large tree", 20_000, [400.0, 500.0, 900.0], [800.0, 700.0, 1234.0])],
        [Latency("all changes", [float(value) for value in range(1, 41)], 12.5)],
        {"the large tree": [("300 photos", Memory(345 * MEGA, 321 * MEGA)), ("elsewhere", Memory(100 * MEGA, None))]},
        [Answers("1,000 for previews", 2.5, {200: 936, 409: 64})],
        [GridTimes("scrolled fast", {"frames": 50, "long": 1, "longest": 51.2}, [30.0, 20.0, 10.0])],
    )
    text = studio.report_of(found)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert ["large tree", "20,000", "500", "800", "1,234", "1,234"] in rows
    assert ["all changes", "40", "20.5", "36.0", "40.0", "12.5"] in rows
    assert ["300 photos", "345", "321"] in rows
    assert ["elsewhere", "100", "-"] in rows
    assert ["1,000 for previews", "2.50", "936 of 200, 64 of 409"] in rows
    assert ["scrolled fast", "50", "1", "51", "20.0", "30.0", "30.0"] in rows
