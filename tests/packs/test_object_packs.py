"""Packs in an object store: the objects equal the files of a folder, whenever a run ends."""

import threading

import pytest

from icsys import Options, UsageError, compress_folder
from icsys.layout import PACK_INDEX
from packed_trees import Beside, pack_in_store, pack_tree
from small_store import URL, local, put, run, small


@pytest.fixture(params=["webdataset", "parquet"])
def options(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return Options(strategy="SO", step=2, format=request.param, shard_images=2)


def test_packs_equal_those_of_a_folder_after_every_change(store, source, tmp_path, options):
    out = tmp_path / "out"
    for change in (
        lambda: None,
        lambda: None,
        lambda: put(source / "cat" / "b.png", 9),
        lambda: put(source / "a.png", 8),
        lambda: [(source / name).unlink() for name in ("c.png", "dog/a.png", "a.png")],
        lambda: None,
    ):
        change()
        here, there = run(source, out, options), run(source, URL, options)
        assert (there.compressed, there.skipped, there.shards) == (here.compressed, here.skipped, here.shards)
        assert small(store) == local(out)


def test_a_run_with_nothing_to_do_reads_no_pack(store, source, options):
    run(source, URL, options)
    asked = []
    store.trouble = staticmethod(lambda _number, kind, path: asked.append((kind, path)))
    run(source, URL, options)
    assert not [path for kind, path in asked if kind in {"read", "write"} and "/data/" in path]
    assert not [path for _, path in asked if path.endswith(".png")]


def test_images_of_a_stopped_run_are_packed_by_the_next(store, source, tmp_path, options):
    stop = threading.Event()
    compress_folder(source, URL, options, jobs=1, stop=stop, progress=lambda step: step.result and stop.set())
    assert any(name.startswith(".ics-parts/") for name in small(store))
    run(source, URL, options, stop=stop)  # which ends before it begins
    assert any(name.startswith(".ics-parts/") for name in small(store))
    assert run(source, URL, options).skipped >= 1
    run(source, tmp_path / "out", options)
    assert small(store) == local(tmp_path / "out")


IMAGES = {"x/a.jpg": b"a", "x/b.jpg": b"b"}


def mask(picture, data):
    return Beside("mask", "mask", picture, data)


def table(data):
    return Beside("sidecar", "table", "", data)


LABELLED = [
    (IMAGES, {"masks/a.png": mask("x/a.jpg", b"mask a"), "t.csv": table(b"t")}),
    (IMAGES, {"masks/a.png": mask("x/a.jpg", b"mask a"), "t.csv": table(b"another")}),
    (IMAGES, {"masks/a.png": mask("x/a.jpg", b"new"), "masks/c.png": mask("c.jpg", b"c")}),
    ({"c.jpg": b"c"}, {"masks/c.png": mask("c.jpg", b"c"), "b.json": Beside("annotation", "coco", "", b"{}")}),
]


def test_companions_are_in_the_packs_of_a_store_as_in_those_of_a_folder(store, tmp_path, options):
    """After every change: of a table, of a mask, of what has an image."""
    for images, companions in (one for one in LABELLED for _ in range(2)):
        pack_tree(tmp_path / "out", images, companions, options.format, shard_images=1)
        pack_in_store(URL, images, companions, options.format, shard_images=1)
        assert small(store) == local(tmp_path / "out")


def test_an_unchanged_table_beside_the_packs_is_not_read_again(store, options):
    pack_in_store(URL, *LABELLED[0], options.format)
    asked = []
    store.trouble = staticmethod(lambda _number, kind, path: asked.append((kind, path)))
    pack_in_store(URL, *LABELLED[0], options.format)
    assert not [
        path for kind, path in asked if kind in {"read", "write"} and path.endswith(("t.csv", ".tar", ".parquet"))
    ]


def test_a_destination_of_packs_accepts_no_single_files(store, source, options):
    run(source, URL, options)
    before = small(store)
    with pytest.raises(UsageError, match=r"holds .* packs of an earlier run"):
        run(source, URL, Options(strategy="SO", step=2))
    assert small(store) == before


def test_a_lost_list_of_packs_is_named(store, source, options):
    run(source, URL, options)
    store().rm_file(f"bucket/small/{PACK_INDEX}")
    before = small(store)
    for asked in options, Options(strategy="SO", step=2):
        with pytest.raises(UsageError, match=f"{PACK_INDEX}, which lists them, is lost"):
            run(source, URL, asked)
    assert small(store) == before


def test_a_foreign_file_is_not_overwritten(store, source, tmp_path, options):
    suffix = "tar" if options.format == "webdataset" else "parquet"
    store().pipe_file(f"bucket/small/data/train-00000.{suffix}", b"theirs")
    assert "is a file that ics did not write" in run(source, URL, options).stopped
    assert store.objects("bucket/small")[f"data/train-00000.{suffix}"] == b"theirs"
    run(source, URL, options, overwrite="always")
    run(source, tmp_path / "out", options)
    assert small(store) == local(tmp_path / "out")


@pytest.mark.parametrize("lost", [False, True], ids=["unasked", "unanswered"])
def test_after_a_crash_at_any_request_the_next_run_completes_the_packs(store, source, options, lost):
    run(source, URL, options)
    put(source / "a.png", 7)
    put(source / "cat" / "b.png", 9)
    (source / "dog" / "a.png").unlink()
    before = store.objects()
    run(source, URL, options)
    expected = small(store)
    for last in range(1000):
        store.put_back(before)
        numbers, dead = iter(range(10**6)), threading.Event()

        def die(*_, numbers=numbers, last=last, dead=dead):
            if dead.is_set() or next(numbers) >= last:
                dead.set()
                raise PermissionError("dead")

        setattr(store, "after" if lost else "trouble", staticmethod(die))
        if lost:
            store.trouble = staticmethod(lambda *_, dead=dead, die=die: die() if dead.is_set() else None)
        try:
            run(source, URL, options)
        except UsageError:
            assert dead.is_set()
        store.trouble = store.after = staticmethod(lambda *_: None)
        assert run(source, URL, options).stopped == ""
        assert small(store) == expected
        if not dead.is_set():
            return
    raise AssertionError
