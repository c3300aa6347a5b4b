"""Packs of folders that were done in shards, compared byte for byte with those of undivided runs."""

import json
import shutil
import threading
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from helpers import everything, image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder, merge_shards, verify_folder, write_palette
from icsys.errors import MissingExtraError
from icsys.files.rooted_path import RootedPath
from icsys.journal import ledger
from icsys.packs import install_packs, local_packs, packing, write_packs
from icsys.packs.formats import PACK_FORMATS
from icsys.records.pack_index import load_pack_index, save_pack_index
from icsys.run import merge as merge_module
from icsys.shard import Shard, all_shards, shard_index
from label_trees import write_coco, write_voc, write_yolo

PACKED = {
    "arrays": Options(strategy="MKM", colors=4, size=6, fit="cover", format="arrays"),
    "pixels": Options(strategy="SO", size=6, fit="cover", format="arrays"),
    "webdataset": Options(strategy="SO", step=2, format="webdataset", shard_images=3),
    "parquet": Options(strategy="SO", step=2, format="parquet", shard_images=3),
}
each_packing = pytest.mark.parametrize("options", PACKED.values(), ids=PACKED)
BROKEN = -1

FOLDERS = st.sampled_from(["", "a", "b", "train/a", "train/b", "val/a", "train/a/b"])
NAMES = st.tuples(FOLDERS, st.sampled_from(["1.png", "1.caption", "2.png", "2.bmp", "é.png", "x y.png"]))


def images_in(tree):
    return [name for name in tree if not name.endswith(".caption")]


def without_broken_heirs(tree):
    """Return a tree where no broken image may take the place of the output of another one, which then has gone."""
    return {name: abs(seed) if "/2." in f"/{name}" else seed for name, seed in tree.items()}


TREES = (
    st.dictionaries(NAMES.map("/".join).map(lambda name: name.lstrip("/")), st.integers(BROKEN, 3), min_size=1)
    .filter(images_in)
    .map(without_broken_heirs)
)


@cache
def photo(seed, suffix):
    if suffix == "caption":
        return f"words {seed}".encode()
    return b"broken" if seed == BROKEN else image_bytes(synthetic_photo(8, 9, seed=seed), suffix)


def write_tree(folder, tree):
    """Make a folder hold these photos, and write only what has changed."""
    for path in [path for path in folder.rglob("*.*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in tree:
            path.unlink()
    for name, seed in tree.items():
        data, path = photo(seed, name.rpartition(".")[2]), folder / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


def do_shards(source, out, options, shards, **words):
    return [compress_folder(source, out, options, shard=str(shard), jobs=1, **words) for shard in shards]


def run(source, out, options, **words):
    return compress_folder(source, out, options, jobs=1, **words)


def hidden(folder):
    """Return the names of all that only a run that goes on has."""
    return {path.name for path in folder.glob(".ics-*")} - {".ics-lock"}


@st.composite
def stages(draw):
    """Draw trees that follow each other in one folder, each with its number of shards and their order."""
    found = []
    for tree in draw(st.lists(TREES, min_size=1, max_size=3)):
        count = draw(st.integers(1, 4))
        order = draw(st.permutations(all_shards(count)))
        how = draw(st.sampled_from(["merged", "merged", "undivided", "in two parts"]))
        found.append((tree, order, how))
    return found


@settings(deadline=None, max_examples=10)
@given(stages(), st.sampled_from(sorted(PACKED)))
def test_merged_packs_are_those_of_an_undivided_run(tmp_path_factory, stages, name):
    """Photos are added, changed, broken and removed between runs, which are divided or not, and merged in parts."""
    folder, options = tmp_path_factory.mktemp("stages"), PACKED[name]
    out, twin = folder / "out", folder / "twin"
    for number, (tree, order, how) in enumerate(stages):
        source = write_tree(folder / "in", tree)
        undivided = run(source, twin, options)
        if how == "undivided":
            run(source, out, options)
            continue
        if how == "in two parts":
            do_shards(source, out, options, order[:1])
            partly = merge_shards(out, partial=True)
            assert not hidden(out) & {".ics-books", ".ics-parts", ".ics-shards"}
            assert ("merged although" in partly.stopped) == (len(order) > 1)
            if number == 0:
                assert partly.images == len([name for name in images_in(tree) if order[0].owns(name)])
        do_shards(source, out, options, order)
        merged = merge_shards(out)
        assert (merged.failed, merged.shards) == (undivided.failed, undivided.shards)
        assert (merged.stopped, merged.stale) == ("", [])
        assert hidden(out) == set()
        assert everything(out) == everything(twin)
    assert verify_folder(out).is_intact
    again = run(folder / "in", out, options)
    assert (again.compressed, again.shards) == (0, undivided.shards)
    assert everything(out) == everything(twin)


@pytest.fixture
def source(tmp_path):
    """Photos of two splits and three classes, of which the shards see different ones."""
    names = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in "abc" for n in range(2)]
    assert len({shard_index(name, 3) for name in names}) == 3
    return write_tree(tmp_path / "in", {name: seed for seed, name in enumerate(names)} | {"train/a/bad.bmp": BROKEN})


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def whole(source, tmp_path):
    """Return what an undivided run with some options writes."""

    def made(options, **words):
        shutil.rmtree(tmp_path / "whole", ignore_errors=True)
        run(source, tmp_path / "whole", options, **words)
        return everything(tmp_path / "whole")

    return made


@each_packing
def test_a_shard_leaves_single_files_and_a_merged_folder_is_whole(options, source, out, whole):
    for index, shard in enumerate(all_shards(3)):
        (summary,) = do_shards(source, out, options, [shard])
        assert (summary.shards, summary.stale) == ([], [])
        found = verify_folder(out)
        assert found.is_intact
        assert found.checked == len([path for path in (out / ".ics-parts").rglob("*") if path.is_file()])
        assert json.loads((out / "shards.json").read_bytes())["state"] == "empty"
        assert not (out / "manifest.jsonl").exists() or index
    merged = merge_shards(out)
    assert everything(out) == whole(options)
    record = json.loads((out / "run.json").read_bytes())
    assert record["summary"]["shards"] == len(merged.shards) > 0
    assert record["options"]["format"] == options.format
    assert merged.shards == [pack["name"] for pack in json.loads((out / "shards.json").read_bytes())["shards"]]


def test_numbers_of_classes_are_those_of_all_shards(source, out):
    do_shards(source, out, PACKED["arrays"], all_shards(7))
    merge_shards(out)
    data = icsys.load(out)
    for split in ("train", "val"):
        names = [name.split("/")[0] for name in data.split(split).names]
        assert data.classes == ["a", "b", "c"]
        np.testing.assert_array_equal(data.split(split).labels, [data.classes.index(name) for name in names])


def test_classes_that_the_source_names_keep_their_numbers(source, out, tmp_path):
    """A class of the table has no image in the source."""
    table, options = ["none", "a", "b", "c"], PACKED["arrays"]
    small = tmp_path / "small"
    run(source, small, Options(strategy="SO", step=2))
    record = json.loads((small / "run.json").read_bytes()) | {"classes": table}
    (small / "run.json").write_text(json.dumps(record), "utf-8")
    do_shards(small, out, options, all_shards(3))
    merge_shards(out)
    run(small, tmp_path / "one", options)
    assert everything(out) == everything(tmp_path / "one")
    assert icsys.load(out).classes == json.loads((out / "run.json").read_bytes())["classes"] == table


@each_packing
def test_what_a_packed_folder_holds_is_not_done_again(options, source, out, whole):
    expected = whole(options)
    run(source, out, options)
    assert [summary.compressed for summary in do_shards(source, out, options, all_shards(3))] == [0, 0, 0]
    assert not (out / ".ics-parts").exists()
    merge_shards(out)
    assert everything(out) == expected
    (source / "val" / "c" / "9.png").write_bytes(photo(9, "png"))
    assert sum(one.compressed for one in do_shards(source, out, options, all_shards(2))) == 1
    assert verify_folder(out).is_intact
    merge_shards(out)
    assert everything(out) == whole(options)


def test_failed_images_are_tried_again_alone(source, out, whole):
    options = PACKED["arrays"]
    do_shards(source, out, options, all_shards(3))
    merge_shards(out)
    (source / "train" / "a" / "bad.bmp").write_bytes(photo(8, "bmp"))
    again = do_shards(source, out, options, all_shards(3), retry_failed=True)
    assert sum(one.compressed for one in again) == 1
    merged = merge_shards(out, partial=True)  # a shard that retries only failures is not finished
    assert (merged.compressed, merged.failed) == (13, 0)
    assert everything(out) == whole(options)


def test_overwrite_does_all_again_and_takes_the_places_of_other_files(source, out, whole):
    options = PACKED["arrays"]
    (out / "train").mkdir(parents=True)
    (out / "train" / "labels.npy").write_bytes(b"mine")
    do_shards(source, out, options, all_shards(2))
    merged = merge_shards(out)
    assert merged.stopped == (
        "the shards cannot be written: 'train/labels.npy' is a file that ics did not write: move it away, or use "
        "--overwrite always"
    )
    assert (out / "train" / "labels.npy").read_bytes() == b"mine"
    again = do_shards(source, out, options, all_shards(2), overwrite="always")
    assert sum(one.compressed for one in again) == 12
    assert merge_shards(out).stopped == ""
    assert everything(out) == whole(options)


@pytest.mark.parametrize("suffix", ["json", "gpl"])
def test_a_palette_file_is_one_palette_of_all_shards(suffix, source, out, whole, tmp_path):
    """Its path may differ between machines; the facts of arrays are those of the first shard."""
    palette = [[0, 0, 0], [255, 255, 255], [250, 120, 20]]
    paths = [tmp_path / str(index) / f"mine.{suffix}" for index in range(2)]
    for path in paths:
        path.parent.mkdir()
        write_palette(path, palette)
    options = [PACKED["arrays"].replace(palette=str(path), colors=3) for path in paths]
    for shard, one in zip(all_shards(2), options, strict=True):
        do_shards(source, out, one, [shard])
    merge_shards(out)
    expected = whole(options[0])
    found = everything(out)
    assert expected.pop("palette.gpl").replace(b"whole", b"out") == found.pop("palette.gpl")
    assert found == expected
    np.testing.assert_array_equal(icsys.load(out).palettes, palette)


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_voc, "arrays"), (write_voc, "webdataset"), (write_voc, "parquet"), (write_yolo, "arrays")],
)
def test_what_goes_with_images_is_packed_with_them(write, name, tmp_path, out):
    """A mask and its image lie in different shards; one image fails, so that its companions go."""
    tree, options = write(tmp_path / "tree"), PACKED[name]
    whole = tmp_path / "whole"
    for stage in range(2):
        do_shards(tree.root, out, options, all_shards(3))
        merge_shards(out)
        run(tree.root, out, options)  # what names many images
        run(tree.root, whole, options)
        assert everything(out) == everything(whole), stage
        assert verify_folder(out).is_intact
        (tree.root / min(tree.pictures)).write_bytes(b"broken")


def test_files_about_many_images_follow_in_an_undivided_run(tmp_path, out):
    tree, options = write_coco(tmp_path / "tree"), PACKED["webdataset"]
    do_shards(tree.root, out, options, all_shards(2))
    assert "after ics merge" in merge_shards(out).notes[0]
    run(tree.root, out, options)
    run(tree.root, tmp_path / "whole", options)
    assert everything(out) == everything(tmp_path / "whole")


# A merge that ends early


STEPS = {
    "manifests are merged": (merge_module, "remove_state_folders"),
    "shards are gone": (packing, "pack_images"),
    "packs are assigned": (local_packs, "write_packs"),
    "a pack is written": (write_packs, "_sha256"),
    "packs are written": (local_packs, "save_pack_index"),
    "packs count": (local_packs, "install_packs"),
    "packs are in their places": (install_packs, "save_pack_index"),
    "single files are left": (install_packs, "remove_staged"),
    "all is packed": (merge_module, "write_merged_summary"),
}


class Killed(BaseException):
    """Nothing of the program catches it."""


@pytest.fixture
def ended_at(monkeypatch):
    """Return a function that calls another and ends it where a step begins."""

    def die(*_, **__):
        raise Killed

    def call(place, name, function):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, die)
            with pytest.raises(Killed):
                function()

    return call


@pytest.mark.parametrize(
    ("step", "follows"),
    [
        *((step, "a merge") for step in STEPS),
        *((step, then) for step in ("shards are gone", "packs count") for then in ("a run", "shards")),
    ],
)
def test_a_merge_that_ends_at_a_step_is_completed(step, follows, source, whole, ended_at):
    options, out = PACKED["webdataset"], source.parent / "out"
    do_shards(source, out, options, all_shards(2))
    ended_at(*STEPS[step], lambda: merge_shards(out))
    assert verify_folder(out).is_intact
    is_merged = not (out / ".ics-books").exists()
    assert is_merged == (step != "manifests are merged")
    if follows == "shards" and is_merged:
        assert [one.compressed for one in do_shards(source, out, options, all_shards(3))] == [0, 0, 0]
    if follows == "a run" and is_merged:
        assert run(source, out, options).compressed == 0
    elif step == "all is packed" and follows == "a merge":
        with pytest.raises(UsageError, match="holds no shards"):
            merge_shards(out)
    else:
        merged = merge_shards(out)
        assert (merged.images, merged.compressed, merged.failed, merged.stopped) == (13, 12, 1, "")
        assert merged.shards
        assert json.loads((out / "run.json").read_bytes())["summary"]["shards"] == len(merged.shards)
    assert everything(out) == whole(options)


def test_a_merge_that_could_not_pack_goes_on(source, out, whole, monkeypatch):
    options = PACKED["arrays"]
    do_shards(source, out, options, [Shard(1, 2)])

    def full(*_, **__):
        raise OSError(28, "No space left on device", "indices.npy")

    with monkeypatch.context() as patch:
        patch.setattr(local_packs, "write_packs", full)
        stopped = merge_shards(out, partial=True).stopped
    lacking = "merged although shard 2/2 is missing"
    assert stopped == f"{lacking}; the shards cannot be written: No space left on device: indices.npy"
    merged = merge_shards(out)
    assert merged.stopped == lacking
    assert merged.shards[-1] == "dataset.json"
    assert not (out / ".ics-parts").exists()
    with pytest.raises(UsageError, match="holds no shards"):
        merge_shards(out)
    do_shards(source, out, options, all_shards(2))
    merge_shards(out)
    assert everything(out) == whole(options)


def test_a_run_that_is_stopped_after_a_merge_is_put_in_order(source, out, whole, ended_at):
    """Its rows lie behind those of the merge, and would be packed in this order."""
    options = PACKED["webdataset"]
    do_shards(source, out, options, all_shards(2))
    merge_shards(out)
    (source / "train" / "a" / "0.png").write_bytes(photo(20, "png"))
    (source / "train" / "b" / "7.png").write_bytes(photo(21, "png"))
    ended_at(ledger, "compact", lambda: run(source, out, options))
    assert merge_shards(out).compressed == 13
    expected, found = whole(options), everything(out)
    assert {name: found[name] for name in expected} == expected
    run(source, out, options)  # which alone knows of what the killed run has begun
    assert everything(out) == expected


def test_images_that_were_not_copied_are_named_and_done_again(source, out, whole):
    """Shards were copied in part: the merge names an image, and the next run does it."""
    options = PACKED["arrays"]
    do_shards(source, out, options, all_shards(2))
    (out / ".ics-parts" / "val" / "b" / "0.png").unlink()
    stopped = merge_shards(out).stopped
    assert "does not hold 'val/b/0.png' as recorded in the manifest" in stopped
    assert run(source, out, options).compressed == 1
    assert everything(out) == whole(options)


def test_state_folders_without_images_are_refused_and_nothing_is_changed(source, out, tmp_path):
    do_shards(source, out, PACKED["arrays"], all_shards(2))
    shutil.copytree(out / ".ics-books", tmp_path / "books" / ".ics-books")
    before = everything(tmp_path / "books")
    with pytest.raises(UsageError, match=r"holds no shards\.json: expected the whole folder"):
        merge_shards(tmp_path / "books")
    assert everything(tmp_path / "books") == before


def test_shards_that_were_made_apart_are_packed_together(source, out, whole, tmp_path):
    options = PACKED["parquet"]
    for shard in all_shards(3):
        do_shards(source, tmp_path / shard.name, options, [shard])
        shutil.copytree(tmp_path / shard.name, out, dirs_exist_ok=True)
    merge_shards(out)
    assert everything(out) == whole(options)


# What is refused


def test_shards_of_files_and_of_packs_do_not_mix(source, out, tmp_path):
    files = Options(strategy="SO", step=2)
    do_shards(source, out, files, [Shard(1, 2)])
    with pytest.raises(UsageError, match=r"holds image files of other shards \(format='png'\)"):
        do_shards(source, out, PACKED["arrays"], [Shard(2, 2)])
    do_shards(source, tmp_path / "packs", PACKED["arrays"], [Shard(1, 2)])
    for options, wanted in ((files, "image files"), (PACKED["webdataset"], "webdataset packs")):
        with pytest.raises(UsageError, match=f"holds arrays packs of an earlier run: expected {wanted}"):
            do_shards(source, tmp_path / "packs", options, [Shard(2, 2)])


def test_a_copy_of_packs_that_move_is_refused(source, out):
    do_shards(source, out, PACKED["webdataset"], [Shard(1, 2)])
    root = RootedPath(out)
    index = load_pack_index(root)
    index.state = "written"
    save_pack_index(root, index)
    for do in (
        lambda: do_shards(source, out, PACKED["webdataset"], [Shard(2, 2)]),
        lambda: merge_shards(out, partial=True),
    ):
        with pytest.raises(UsageError, match="packs that are not in their places: it was copied while"):
            do()


def test_a_package_that_is_missing_where_shards_are_merged_is_named_before_anything_is_changed(
    source, out, monkeypatch
):
    do_shards(source, out, PACKED["parquet"], all_shards(2))
    before = everything(out)

    def lack():
        raise MissingExtraError("pyarrow")

    monkeypatch.setattr(type(PACK_FORMATS["parquet"]), "prepare", lambda _: lack())
    with pytest.raises(MissingExtraError):
        merge_shards(out)
    assert everything(out) == before


def test_a_dry_run_of_a_shard_writes_nothing(source, out):
    assert sum(one.compressed for one in do_shards(source, out, PACKED["arrays"], all_shards(2), dry_run=True)) == 12
    assert not out.exists()


def test_a_stopped_merge_of_a_cluster_leaves_packing_to_the_next(source, out, whole):
    options = PACKED["arrays"]
    do_shards(source, out, options, all_shards(2))
    stop = threading.Event()
    stop.set()
    merged = merge_module.join_shards(RootedPath(out), partial=False, stop=stop)
    assert (merged.summary.shards, merged.not_packed) == ([], "")
    assert (out / ".ics-parts").exists()
    assert merge_shards(out).shards
    assert everything(out) == whole(options)
