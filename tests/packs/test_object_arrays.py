"""Arrays in an object store: the objects equal the files of a folder, whenever a run ends."""

import hashlib
import json
import threading

import pytest
from PIL import Image

from icsys import Options, compress_folder
from label_trees import write_pairs
from small_store import URL, local, put, run, small


@pytest.fixture(params=["image", "dataset", "SO"])
def options(request):
    few = {"strategy": "SO"} if request.param == "SO" else {"colors": 3, "palette": request.param}
    return Options(format="arrays", size="9x7", fit="cover", **few)


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


def test_masks_and_boxes_equal_those_of_a_folder_after_every_change(store, tmp_path):
    """They come from objects beside the arrays, which are read only where something has changed."""
    options, out = Options(format="arrays", size="9x7", fit="cover", colors=3), tmp_path / "out"
    tree = write_pairs(tmp_path / "in", count=3)
    root, size = tree.root, tree.pictures["images/0001.jpg"]
    images = [{"id": number, "file_name": f"{number:04}.jpg"} for number in range(3)]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 30, 20]}
    record = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "cat"}]}
    (root / "instances.json").write_text(json.dumps(record), "utf-8")
    for change in (
        lambda: None,
        lambda: None,
        lambda: Image.new("L", size, 255).save(root / "masks" / "0001.png"),
        lambda: put(root / "images" / "0000.jpg", 5),
        (root / "instances.json").unlink,
        lambda: None,
    ):
        change()
        here, there = run(root, out, options), run(root, URL, options)
        assert (there.stopped, there.shards) == ("", here.shards)
        assert small(store) == local(out)
    asked = []
    store.trouble = staticmethod(lambda _number, kind, path: asked.append((kind, path)))
    run(root, URL, options)
    assert not [path for kind, path in asked if kind == "read" and path.endswith((".npy", ".png"))]


def test_a_run_with_nothing_to_do_reads_no_array(store, source):
    options = Options(format="arrays", size="9x7", fit="cover", colors=3)
    run(source, URL, options)
    asked = []
    store.trouble = staticmethod(lambda _number, kind, path: asked.append((kind, path)))
    run(source, URL, options)
    assert not [path for kind, path in asked if kind in {"read", "write"} and path.endswith(".npy")]


def test_a_dataset_json_that_someone_changed_is_written_again(store, source):
    options = Options(format="arrays", size="9x7", fit="cover", colors=3)
    run(source, URL, options)
    before = small(store)
    changed = before["dataset.json"].replace(b'"width": 9', b'"width": 8')
    store.put_back(store.objects() | {"bucket/small/dataset.json": changed})
    assert small(store) != before
    assert run(source, URL, options).compressed == 0
    assert small(store) == before


def test_images_of_a_stopped_run_become_arrays_in_the_next(store, source, tmp_path, options):
    stop = threading.Event()
    compress_folder(source, URL, options, jobs=1, stop=stop, progress=lambda step: step.result and stop.set())
    assert not any(name.endswith(".npy") for name in small(store))
    run(source, URL, options)
    run(source, tmp_path / "out", options)
    assert small(store) == local(tmp_path / "out")


def compared(store):
    """Return what a reader finds: no ``dataset.json``, one that fits all arrays, or one that does not."""
    objects = store.objects("bucket/small")
    if "dataset.json" not in objects:
        return "none"
    hashes = {
        f"{split}/{name}": stored["sha256"]
        for split, about in json.loads(objects["dataset.json"])["splits"].items()
        for name, stored in about["files"].items()
    }
    return "fits" if hashes == {name: sha256(objects.get(name, b"")) for name in hashes} else "differs"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("failing", ["", "indices.npy", "names.jsonl", "test/labels.npy", "dataset.json"])
def test_a_reader_never_finds_a_record_that_does_not_fit_the_arrays(store, source, tmp_path, failing):
    """Whenever it looks while a run replaces all arrays, and after a run that cannot upload one of them."""
    options = Options(format="arrays", size="9x7", fit="cover", colors=3)
    run(source, URL, options)
    assert compared(store) == "fits"
    put(source / "cat" / "a.png", 7)
    put(source / "test" / "cat" / "x.png", 8)
    found = []

    def look(_number, kind, path):
        found.append(compared(store))
        if failing and kind == "write" and path.endswith(failing):
            raise PermissionError("refused")

    store.trouble = store.after = staticmethod(look)
    assert bool(run(source, URL, options).stopped) == bool(failing)
    assert set(found) == {"none", "fits"}
    store.trouble = store.after = staticmethod(lambda *_: None)
    run(source, URL, options)
    run(source, tmp_path / "out", options)
    assert small(store) == local(tmp_path / "out")
