"""Folders of packs hold the images of a plain run, and after any history they equal the folder of a clean run."""

import json
import os
import random
import shutil
import sys
import tarfile
import threading
from contextlib import suppress

import pyarrow as pa
import pytest
from pyarrow import parquet

from helpers import compress_into, everything, image_bytes, synthetic_photo, tree
from icsys import MissingExtraError, Options, UsageError, compress_folder, load, merge_shards
from icsys.choices import ARRAYS, IMAGE_PACKINGS, PACKINGS
from icsys.files.rooted_path import RootedPath
from icsys.layout import PACK_INDEX, RUN, UNPACKED
from icsys.packs.formats import PACK_FORMATS
from icsys.packs.local_packs import pack_images
from pack_readers import READERS, each_pack_format, pixels, read_all, shards

NAMES = ("cat/a.png", "cat/b.v2.png", "dog/a.jpg", "top.png", "dog/old/c.png")


@pytest.fixture
def source(tmp_path):
    """Five photos in class folders."""
    for seed, name in enumerate(NAMES):
        put(tmp_path / "in" / name, seed)
    return tmp_path / "in"


def put(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(synthetic_photo(40, 60, seed=seed), "JPEG" if path.suffix == ".jpg" else "PNG"))


def options(packing, **others):
    return Options(format=packing, strategy="SO", step=2, **others)


def assert_as_clean(source, out, chosen):
    """The folder equals that of a first run into an empty folder, and the next run has nothing to do."""
    compress_folder(source, out.parent / "clean", chosen, overwrite="always")
    assert everything(out) == everything(out.parent / "clean")
    before = {path: path.stat().st_ino for path in shards(out)}
    again = compress_folder(source, out, chosen)
    assert again.skipped == again.images - again.failed
    assert {path: path.stat().st_ino for path in shards(out)} == before
    shutil.rmtree(out.parent / "clean")


def test_every_pack_format_is_in_the_table():
    for name in IMAGE_PACKINGS:
        module = PACK_FORMATS[name]
        assert all(hasattr(module, member) for member in ("suffix", "prepare", "member", "write", "read"))
        assert name in READERS


@each_pack_format
@pytest.mark.parametrize(("strategy", "png"), [("SO", "indexed"), ("MKM", "indexed"), ("MKM", "truecolor")])
def test_packs_hold_the_images_of_a_plain_run_with_class_and_facts(packing, strategy, png, source, tmp_path):
    chosen = Options(format=packing, strategy=strategy, step=2, colors=5, png=png)
    results, summary = compress_into(source, tmp_path / "out", chosen)
    plain, _ = compress_into(source, tmp_path / "plain", chosen.replace(format="png"))
    assert summary.compressed == len(NAMES)
    assert summary.shards == [f"data/train-00000{PACK_FORMATS[packing].suffix}"]
    assert set(everything(tmp_path / "out")) == {"manifest.jsonl", PACK_INDEX, *summary.shards}
    images = read_all(tmp_path / "out", packing)
    labels = {"cat/a.png": 0, "cat/b.v2.png": 0, "dog/a.jpg": 1, "dog/old/c.png": 2, "top.png": None}
    assert {name: label for name, (_, label) in images.items()} == labels
    for name, (data, _) in images.items():
        assert data == (tmp_path / "plain" / plain[name].output).read_bytes()
        assert results[name].output == plain[name].output
    facts = {facts["source_path"]: facts for _, _, facts in READERS[packing](shards(tmp_path / "out")[0])}
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert [row["source_path"] for row in rows] == sorted(NAMES)
    for row in rows:
        assert row["shard"] == summary.shards[0]
        recorded = facts[row["source_path"]]
        assert all(row.get(name) == value for name, value in recorded.items() if name != "label")
        assert (recorded["width"], recorded["height"], recorded["colors"]) == (30, 20, None if strategy == "SO" else 5)


@each_pack_format
def test_packs_record_the_result_of_automatic_colours(packing, source, tmp_path):
    compress_folder(source, tmp_path / "out", Options(format=packing, colors="auto", max_delta_e=4, step=2))
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    facts = {facts["source_path"]: facts for _, _, facts in READERS[packing](shards(tmp_path / "out")[0])}
    for row in rows:
        recorded = facts[row["source_path"]]
        names = ("colors", "delta_e", "quality_target", "quality_met")
        assert [recorded[name] for name in names] == [row[name] for name in names]
        assert recorded["delta_e"] <= 4
        assert recorded["quality_met"] is True
        assert recorded["ssim"] is recorded["psnr"] is None


@each_pack_format
def test_packs_depend_only_on_images_and_options(packing, source, tmp_path):
    compress_folder(source, tmp_path / "a", options(packing), jobs=1)
    for path in source.rglob("*.*"):
        os.utime(path, ns=(10**18, 10**18))
    compress_folder(source, tmp_path / "b", options(packing), jobs=2, engine="processes")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


@each_pack_format
def test_without_class_folders_there_are_no_labels(packing, tmp_path):
    put(tmp_path / "in" / "a.png", 1)
    compress_folder(tmp_path / "in", tmp_path / "out", options(packing))
    [(_, label, facts)] = READERS[packing](shards(tmp_path / "out")[0])
    assert label is None
    assert "label" not in facts
    assert json.loads((tmp_path / "out" / PACK_INDEX).read_bytes())["classes"] == []


@each_pack_format
def test_folders_with_the_name_of_a_split_become_that_split(packing, tmp_path):
    for seed, name in enumerate(
        ("Training/cat/a.png", "val/cat/b.png", "test/dog/c.png", "eval/dog/d.png", "cat/e.png")
    ):
        put(tmp_path / "in" / name, seed)
    summary = compress_folder(tmp_path / "in", tmp_path / "out", options(packing))
    suffix = PACK_FORMATS[packing].suffix
    assert summary.shards == [f"data/{split}-00000{suffix}" for split in ("test", "train", "validation")]
    held = {path.name.partition("-")[0]: READERS[packing](path) for path in shards(tmp_path / "out")}
    assert {split: [(facts["source_path"], label) for _, label, facts in images] for split, images in held.items()} == {
        "train": [("Training/cat/a.png", 0), ("cat/e.png", 0)],
        "validation": [("val/cat/b.png", 0)],
        "test": [("eval/dog/d.png", 1), ("test/dog/c.png", 1)],
    }
    assert_as_clean(tmp_path / "in", tmp_path / "out", options(packing))


def change_nothing(source):
    pass


def change_one(source):
    put(source / "cat" / "a.png", 77)


def add_one(source):
    put(source / "aardvark" / "new.png", 78)


def remove_one(source):
    (source / "cat" / "b.v2.png").unlink()


def remove_a_class(source):
    shutil.rmtree(source / "dog" / "old")


def break_one(source):
    (source / "dog" / "a.jpg").write_bytes(b"\xff\xd8\xff no photo")


def rename_one(source):
    (source / "top.png").rename(source / "cat" / "top.png")


def touch_one(source):
    os.utime(source / "top.png", ns=(10**18, 10**18))


CHANGES = [change_nothing, change_one, add_one, remove_one, remove_a_class, break_one, rename_one, touch_one]


@each_pack_format
@pytest.mark.parametrize("most_images", [2, 10_000])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_after_a_change_the_folder_equals_that_of_a_clean_run(packing, change, most_images, source, tmp_path):
    chosen = options(packing, shard_images=most_images)
    compress_folder(source, tmp_path / "out", chosen)
    change(source)
    compress_folder(source, tmp_path / "out", chosen)
    assert_as_clean(source, tmp_path / "out", chosen)


@each_pack_format
def test_other_limits_pack_again_and_compress_nothing(packing, source, tmp_path):
    compress_folder(source, tmp_path / "out", options(packing, shard_images=4))
    summary = compress_folder(source, tmp_path / "out", options(packing, shard_images=2))
    assert (summary.skipped, summary.compressed, len(summary.shards)) == (5, 0, 3)
    assert_as_clean(source, tmp_path / "out", options(packing, shard_images=2))
    summary = compress_folder(source, tmp_path / "out", options(packing, shard_bytes=1))
    assert (summary.skipped, len(summary.shards)) == (5, 5)
    compress_folder(source, tmp_path / "out", options(packing))
    assert_as_clean(source, tmp_path / "out", options(packing))


@each_pack_format
def test_failures_are_retried_alone(packing, source, tmp_path):
    whole = (source / "cat" / "a.png").read_bytes()
    (source / "cat" / "a.png").write_bytes(b"")
    compress_folder(source, tmp_path / "out", options(packing))
    (source / "cat" / "a.png").write_bytes(whole)
    summary = compress_folder(source, tmp_path / "out", options(packing), retry_failed=True)
    assert (summary.compressed, summary.skipped) == (1, 4)
    assert_as_clean(source, tmp_path / "out", options(packing))


def test_without_outputs_there_is_no_pack(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"")
    summary = compress_folder(tmp_path / "in", tmp_path / "out", options("webdataset"))
    assert (summary.failed, summary.shards, summary.stopped) == (1, [], "")
    assert shards(tmp_path / "out") == []


@each_pack_format
def test_a_stopped_run_leaves_single_files_and_the_next_run_packs_them(packing, source, tmp_path):
    """Stopped before the first pack, and at the second of three."""
    chosen = options(packing, shard_images=2)
    for moment in 1, 2:
        out, stop, notes = tmp_path / f"out{moment}", threading.Event(), []

        def watch(progress, stop=stop, notes=notes, moment=moment):
            notes.append(progress.note)
            if notes.count("Packing") == moment:
                stop.set()

        summary = compress_folder(source, out, chosen, stop=stop, progress=watch)
        assert (summary.compressed, summary.shards, summary.stopped) == (5, [], "interrupted")
        assert not list(out.glob("data/*"))
        assert len(list((out / UNPACKED).rglob("*.png"))) == 5
        again = compress_folder(source, out, chosen)
        assert (again.skipped, len(again.shards)) == (5, 3)
        assert_as_clean(source, out, chosen)


class Soon(threading.Event):
    """An event that is set after a number of checks."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def is_set(self):
        self.looks -= 1
        return self.looks < 0


@each_pack_format
def test_a_stop_at_any_check_loses_nothing(packing, source, tmp_path):
    """The stop comes before each image that is read or packed, and before each file that is removed after packing."""
    chosen = options(packing, shard_images=2)
    compress_folder(source, tmp_path / "done", chosen)
    change_one(source)
    stop = threading.Event()
    compress_folder(
        source, tmp_path / "done", chosen, stop=stop, progress=lambda p: stop.set() if p.note == "Packing" else None
    )
    left = set()
    for looks in range(14):
        out = shutil.copytree(tmp_path / "done", tmp_path / f"out{looks}")
        limits = {"shard_images": 2, "shard_bytes": 10**9}
        pack_images(RootedPath(out), **limits, replace=False, stop=Soon(looks), on_pack=lambda: None)
        left.add((out / UNPACKED / "cat" / "a.png").exists())
        assert compress_folder(source, out, chosen).compressed == 0
        assert not (out / UNPACKED).exists()
        assert_as_clean(source, out, chosen)
    assert left == {True, False}


@each_pack_format
def test_a_run_stopped_while_packing_leaves_the_old_packs(packing, source, tmp_path):
    compress_folder(source, tmp_path / "out", options(packing))
    before = {path: path.read_bytes() for path in shards(tmp_path / "out")}
    change_one(source)
    stop = threading.Event()
    compress_folder(
        source,
        tmp_path / "out",
        options(packing),
        stop=stop,
        progress=lambda p: stop.set() if p.note == "Packing" else 0,
    )
    assert {path: path.read_bytes() for path in shards(tmp_path / "out")} == before
    compress_folder(source, tmp_path / "out", options(packing))
    assert_as_clean(source, tmp_path / "out", options(packing))


@each_pack_format
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_the_images_of_a_lost_pack_are_made_again(packing, damage, source, tmp_path):
    chosen = options(packing, shard_images=2)
    compress_folder(source, tmp_path / "out", chosen)
    lost = shards(tmp_path / "out")[1]
    os.truncate(lost, 100) if damage == "cut" else lost.unlink()
    summary = compress_folder(source, tmp_path / "out", chosen)
    assert (summary.compressed, summary.skipped) == (2, 3)
    assert_as_clean(source, tmp_path / "out", chosen)


def test_a_folder_of_files_never_becomes_one_of_packs_or_the_reverse(source, tmp_path):
    compress_folder(source, tmp_path / "files", Options(strategy="SO"))
    with pytest.raises(UsageError, match="holds image files of an earlier run"):
        compress_folder(source, tmp_path / "files", options("webdataset"))
    compress_folder(source, tmp_path / "shards", options("webdataset"))
    for other in Options(strategy="SO"), options("webdataset").replace(format="parquet"):
        with pytest.raises(UsageError, match="holds webdataset packs of an earlier run"):
            compress_folder(source, tmp_path / "shards", other)
    assert_as_clean(source, tmp_path / "shards", options("webdataset"))


@pytest.mark.parametrize("with_record", [True, False])
@pytest.mark.parametrize(
    "chosen",
    [*(options(packing) for packing in IMAGE_PACKINGS), Options(format=ARRAYS, size="8x8", fit="cover", colors=4)],
    ids=PACKINGS,
)
def test_a_lost_list_of_packs_is_named_and_nothing_is_mixed_into_the_folder(chosen, with_record, source, tmp_path):
    out = tmp_path / "out"
    for number in 1, 2:
        compress_folder(source, out, chosen, shard=(number, 2))
    (out / PACK_INDEX).unlink()
    with pytest.raises(UsageError, match=f"holds no {PACK_INDEX}: .* run one of its shards again"):
        merge_shards(out)
    compress_folder(source, out, chosen, shard=(2, 2))
    merge_shards(out)
    compress_folder(source, tmp_path / "clean", chosen)
    assert everything(out) == everything(tmp_path / "clean")
    (out / PACK_INDEX).unlink()
    if not with_record:
        (out / RUN).unlink()
    before = everything(out)
    lost = rf"{PACK_INDEX}, which lists them, is lost: put that file back from a copy, or name another destination"
    for asked in chosen, Options(strategy="SO"):
        for shard in None, (1, 2):
            with pytest.raises(UsageError, match=lost):
                compress_folder(source, out, asked, shard=shard)
    with pytest.raises(UsageError, match=lost):
        merge_shards(out)
    if chosen.format == ARRAYS:  # dataset.json says all that reading needs
        load(out, verify=True).pixels()
    else:
        with pytest.raises(UsageError, match=lost):
            load(out)
    assert everything(out) == before


def test_a_stray_folder_of_waiting_images_makes_no_packs_of_files(source, tmp_path):
    out = tmp_path / "out"
    compress_folder(source, out, Options(strategy="SO"))
    (out / UNPACKED / "cat").mkdir(parents=True)
    before = tree(out)
    compress_folder(source, out, Options(strategy="SO"))
    assert tree(out) == before
    assert not (out / PACK_INDEX).exists()


def test_a_foreign_file_with_the_name_of_a_pack_is_not_overwritten(source, tmp_path):
    theirs = tmp_path / "out" / "data" / "train-00000.tar"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    summary = compress_folder(source, tmp_path / "out", options("webdataset"))
    assert "'data/train-00000.tar' is a file that ics did not write" in summary.stopped
    assert theirs.read_bytes() == b"theirs"
    compress_folder(source, tmp_path / "out", options("webdataset"), overwrite="always")
    assert_as_clean(source, tmp_path / "out", options("webdataset"))


def test_nothing_is_written_through_a_link(source, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "data").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(UsageError, match="'data' is a link"):
        compress_folder(source, tmp_path / "out", options("webdataset"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data"]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_invalid_index_is_refused(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PACK_INDEX).write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match=r"shards\.json' is not what ics has written"):
        compress_folder(source, tmp_path / "out", options("webdataset"))


def test_a_dry_run_writes_nothing(source, tmp_path):
    summary = compress_folder(source, tmp_path / "out", options("webdataset"), dry_run=True)
    assert summary.compressed == 5
    assert not (tmp_path / "out").exists()
    compress_folder(source, tmp_path / "out", options("webdataset"))
    assert compress_folder(source, tmp_path / "out", options("webdataset"), dry_run=True).skipped == 5


def test_without_pyarrow_the_error_names_the_package_to_install(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'icsys\[parquet\]'"):
        compress_folder(source, tmp_path / "out", options("parquet"))
    assert not (tmp_path / "out").exists()


@each_pack_format
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_names_outside_utf8_are_kept(packing, tmp_path):
    (tmp_path / "in").mkdir()
    with open(os.path.join(os.fsencode(tmp_path / "in"), b"caf\xe9.png"), "wb") as file:  # noqa: PTH123, PTH118
        file.write(image_bytes(synthetic_photo(20, 20)))
    summary = compress_folder(tmp_path / "in", tmp_path / "out", options(packing))
    assert (summary.compressed, summary.stopped) == (1, "")
    [(data, _, facts)] = READERS[packing](shards(tmp_path / "out")[0])
    assert pixels(data).shape == (10, 10, 3)
    assert os.fsencode(facts["source_path"].replace("\\udce9", "\udce9")) == b"caf\xe9.png"
    assert_as_clean(tmp_path / "in", tmp_path / "out", options(packing))


@each_pack_format
def test_a_damaged_pack_gives_oserror_only(packing, source, tmp_path):
    """Two hundred mutants of a pack."""
    compress_folder(source, tmp_path / "out", options(packing))
    whole = shards(tmp_path / "out")[0].read_bytes()
    chance = random.Random(3)  # noqa: S311 - damage to try, no secret
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 4))):
            place = chance.randrange(len(data))
            data[place : place + 4] = chance.choice(
                (chance.randbytes(4), bytes([data[place] ^ 1 << chance.randrange(8)]))
            )
        (tmp_path / "mutant").write_bytes(data)
        with suppress(OSError), (tmp_path / "mutant").open("rb") as file:
            list(PACK_FORMATS[packing].read(file))


def test_a_sparse_file_in_a_pack_is_refused_unread(tmp_path):
    """Seven hundred bytes that would expand to a terabyte."""
    with tarfile.open(tmp_path / "hole.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a.png")
        info.pax_headers = {"GNU.sparse.size": str(2**40), "GNU.sparse.numblocks": "0", "GNU.sparse.map": "0,0"}
        tar.addfile(info)
    with (tmp_path / "hole.tar").open("rb") as file, pytest.raises(OSError, match="is a sparse file"):
        list(PACK_FORMATS["webdataset"].read(file))


def test_an_image_that_extends_beyond_its_pack_is_refused(tmp_path):
    info = tarfile.TarInfo("a.png")
    info.size = 2**50
    (tmp_path / "short.tar").write_bytes(info.tobuf() + b"1234")
    with (tmp_path / "short.tar").open("rb") as file, pytest.raises(OSError, match="beyond the end"):
        list(PACK_FORMATS["webdataset"].read(file))


@pytest.mark.parametrize("settings", [{"compression": "ZSTD"}, {"compression": "NONE", "use_dictionary": True}])
def test_compressed_image_columns_are_refused_unread(settings, tmp_path):
    """A megabyte of zeros in a few hundred bytes, a hundred times."""
    images = [{"bytes": bytes(2**20), "path": f"{number}.png"} for number in range(100)]
    parquet.write_table(pa.table({"image": images}), tmp_path / "bomb.parquet", **settings)
    assert (tmp_path / "bomb.parquet").stat().st_size < 2**21
    with (tmp_path / "bomb.parquet").open("rb") as file, pytest.raises(OSError, match="is compressed"):
        list(PACK_FORMATS["parquet"].read(file))
