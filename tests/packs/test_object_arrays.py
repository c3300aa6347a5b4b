"""Arrays in an object store: the objects equal the files of a folder, whenever a run ends."""

import json
import threading

import pytest

from helpers import compress_into, image_bytes, synthetic_photo
from icsys import Options, compress_folder
from icsys.files import object_store as objects
from icsys.outputs import lease
from memory_store import memory_store

URL = "memory://bucket/small"
NAMES = ("cat/a.png", "cat/b.png", "dog/a.png", "test/cat/x.png", "c.png")


@pytest.fixture(params=["image", "dataset", "SO"])
def options(request):
    few = {"strategy": "SO"} if request.param == "SO" else {"colors": 3, "palette": request.param}
    return Options(format="arrays", size="9x7", fit="cover", **few)


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(objects, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(lease, "_LEASE", 0.01)
    return memory_store(monkeypatch)


@pytest.fixture
def source(tmp_path):
    for seed, name in enumerate(NAMES):
        put(tmp_path / "in" / name, seed)
    return tmp_path / "in"


def put(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(synthetic_photo(12, 16, seed=seed)))


def run(source, destination, options, **settings):
    return compress_into(source, destination, options, jobs=1, **settings)[1]


def steady(files):
    """Return files without the times of sources, and without the name that a palette has in an editor."""
    files = {name: data for name, data in files.items() if name not in {"run.json", ".ics-lock", "palette.gpl"}}
    lines = [json.loads(line) | {"source_mtime_ns": 0} for line in files.get("manifest.jsonl", b"").splitlines()]
    return files | {"manifest.jsonl": lines}


def small(store):
    return steady(store.objects("bucket/small"))


def local(folder):
    return steady(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    )


def test_arrays_equal_those_of_a_folder_after_every_change(store, source, tmp_path, options):
    out = tmp_path / "out"
    for change in (
        lambda: None,
        lambda: None,
        lambda: put(source / "cat" / "b.png", 9),
        lambda: put(source / "val" / "cat" / "a.png", 8),
        lambda: [(source / name).unlink() for name in ("c.png", "dog/a.png", "val/cat/a.png")],
        lambda: None,
    ):
        change()
        here, there = run(source, out, options), run(source, URL, options)
        assert (there.compressed, there.skipped, there.shards) == (here.compressed, here.skipped, here.shards)
        assert small(store) == local(out)


def test_a_run_with_nothing_to_do_reads_no_array(store, source):
    options = Options(format="arrays", size="9x7", fit="cover", colors=3)
    run(source, URL, options)
    asked = []
    store.trouble = staticmethod(lambda _number, kind, path: asked.append((kind, path)))
    run(source, URL, options)
    assert not [path for kind, path in asked if kind in {"read", "write"} and path.endswith(".npy")]


def test_images_of_a_stopped_run_become_arrays_in_the_next(store, source, tmp_path, options):
    stop = threading.Event()
    compress_folder(source, URL, options, jobs=1, stop=stop, progress=lambda step: step.result and stop.set())
    assert not any(name.endswith(".npy") for name in small(store))
    run(source, URL, options)
    run(source, tmp_path / "out", options)
    assert small(store) == local(tmp_path / "out")
