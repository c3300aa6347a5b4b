"""Runs with splits, and with images left out by a rule: outputs, manifest, later runs, packs, shards and clusters."""

import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fake_cluster import Fake
from helpers import compress_into, image_bytes, soft_photo, synthetic_photo, tree
from icsys import Options, UsageError, compress_folder, merge_shards, verify_folder
from icsys.engine.executor import Executor
from icsys.files.rooted_path import RootedPath
from icsys.image.read_output import read_indexed
from icsys.records.palette_files import load_palettes
from icsys.results import LeftOut
from icsys.run import cluster
from icsys.run.select_images import select_images
from icsys.run_settings import RunSettings
from icsys.sources.base import Task
from label_trees import write_kaggle, write_pairs, write_voc
from memory_store import memory_store

OPTIONS = Options(strategy="SO", step=2)
THREE = "train=80,val=10,test=10"


def put(path, seed, size=(12, 16), suffix="PNG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(synthetic_photo(*size, seed=seed), suffix))


@pytest.fixture
def source(tmp_path):
    """Two classes of 20 and 10 images; three files of one class are equal, and two across the classes."""
    for number in range(30):
        put(tmp_path / "in" / ("cat" if number < 20 else "dog") / f"{number:02}.png", number)
    for name in ("07", "13"):
        shutil.copy(tmp_path / "in/cat/02.png", tmp_path / f"in/cat/{name}.png")
    shutil.copy(tmp_path / "in/cat/05.png", tmp_path / "in/dog/25.png")
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def splits_of(out):
    """Return the splits of images by their sources, from the manifest, without those whose outputs are stale."""
    rows = map(json.loads, (out / "manifest.jsonl").read_text("utf-8").splitlines())
    return {row["source_path"]: row["file_name"].partition("/")[0] for row in rows if row["status"] == "compressed"}


def listed(out):
    _, *rows = map(json.loads, (out / "splits.jsonl").read_text("utf-8").splitlines())
    return {row["source_path"]: row["split"] for row in rows}


def left_out_rows(out):
    rows = map(json.loads, (out / "manifest.jsonl").read_text("utf-8").splitlines())
    return {row["source_path"]: (row["code"], row["message"]) for row in rows if row["status"] == "left_out"}


def run(source, out, options=OPTIONS, **settings):
    return compress_into(source, out, options, **settings)


def test_each_class_is_divided_duplicates_stay_together_and_the_list_is_kept(source, out):
    results, summary = run(source, out, split=THREE)
    assert (summary.compressed, summary.failed) == (30, 0)
    assert summary.notes == ["images by split: 24 train, 3 val, 3 test"]
    splits = splits_of(out)
    assert listed(out) == splits
    counts = {
        kind: Counter(split for path, split in splits.items() if path.startswith(kind)) for kind in ("cat", "dog")
    }
    assert counts == {"cat": {"train": 16, "val": 2, "test": 2}, "dog": {"train": 8, "val": 1, "test": 1}}
    assert len({splits[f"cat/{name}.png"] for name in ("02", "07", "13")}) == 1
    assert splits["cat/05.png"] == splits["dog/25.png"]
    assert set(tree(out)) - {"splits.jsonl"} == {f"{split}/{path}" for path, split in splits.items()}
    assert results["cat/00.png"].output == f"{splits['cat/00.png']}/cat/00.png"
    assert verify_folder(out).is_intact
    assert json.loads((out / "run.json").read_text("utf-8"))["options"]["split"] == THREE
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != "run.json"}
    results, again = run(source, out, split={"val": 0.1, "train": 0.8, "test": 0.1})
    assert (again.skipped, again.stale) == (30, [])
    assert {path: path.read_bytes() for path in before} == before


def test_copies_that_were_resized_and_compressed_again_stay_together(out, tmp_path):
    """Each of 20 photos has a copy of another size and format; a split by the file would part half of them."""
    for number in range(20):
        photo = Image.fromarray(soft_photo(seed=number)[..., :3]).resize((240, 180))
        for name, picture in ((f"a/{number}.png", photo), (f"b/{number}.jpg", photo.resize((160, 120)))):
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, **({"quality": 75} if path.suffix == ".jpg" else {}))
    run(tmp_path / "in", out, split="train=1,test=1")
    splits = listed(out)
    together = sum(splits[f"a/{number}.png"] == splits[f"b/{number}.jpg"] for number in range(20))
    assert together == 20
    assert Counter(splits.values()) == {"train": 20, "test": 20}


def test_images_that_come_later_move_none(source, out):
    run(source, out, split=THREE)
    before = listed(out)
    for number in range(100, 130):
        put(source / "cat" / f"a{number}.png", number)  # between the others by name
    shutil.copy(source / "dog/21.png", source / "cat/00-copy.png")
    (source / "cat/03.png").unlink()
    _, summary = run(source, out, split=THREE)
    assert (summary.compressed, summary.skipped) == (31, 29)
    after = listed(out)
    assert before.items() <= after.items()
    assert after["cat/00-copy.png"] == after["dog/21.png"]
    there = Counter(split for path, split in after.items() if path.startswith("cat") and path != "cat/03.png")
    assert all(abs(there[name] - 50 * share) <= 1 for name, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)))
    put(source / "cat/03.png", 3)
    run(source, out, split=THREE)
    assert listed(out) == after  # it is where it was


def test_the_result_is_that_of_the_paths_whatever_lists_them(source, out, tmp_path):
    run(source, out, split=THREE)
    names = sorted(path.relative_to(source).as_posix() for path in source.rglob("*.png"))
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for name in reversed(names):
            archive.add(source / name, name)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in names[::2] + names[1::2]:
            archive.write(source / name, name)
    for name in ("all.tar", "all.zip"):
        run(tmp_path / name, tmp_path / f"{name}-out", split=THREE)
        assert splits_of(tmp_path / f"{name}-out") == splits_of(out)
        images = {path: data for path, data in tree(out).items() if path != "splits.jsonl"}
        assert images.items() <= tree(tmp_path / f"{name}-out").items()


def test_another_seed_divides_otherwise_and_a_dry_run_writes_no_list(source, out, tmp_path):
    run(source, out, split=THREE)
    run(source, tmp_path / "two", OPTIONS.replace(seed=1), split=THREE)
    assert splits_of(out) != splits_of(tmp_path / "two")
    results, summary = run(source, tmp_path / "three", split=THREE, dry_run=True)
    assert summary.compressed == 30
    assert {path: result.output.partition("/")[0] for path, result in results.items()} == splits_of(out)
    assert not (tmp_path / "three").exists()


def test_packs_are_named_after_their_splits_and_hold_classes(source, out):
    _, summary = run(source, out, OPTIONS.replace(format="webdataset"), split=THREE)
    assert summary.shards == [f"data/{name}-00000.tar" for name in ("test", "train", "validation")]
    splits = listed(out)
    labels = Counter()
    for pack, split in (("test", "test"), ("train", "train"), ("validation", "val")):
        with tarfile.open(out / f"data/{pack}-00000.tar") as archive:
            names = archive.getnames()
            assert sum(name.endswith(".png") for name in names) == list(splits.values()).count(split)
            for name in names:
                if name.endswith(".json"):
                    labels[json.load(archive.extractfile(name)).get("label")] += 1
    assert labels in ({}, {"cat": 20, "dog": 10})
    _, again = run(source, out, OPTIONS.replace(format="webdataset"), split=THREE)
    assert again.skipped == 30


def test_images_in_no_folder_have_no_class_in_a_split_either(out, tmp_path):
    for number in range(10):
        put(tmp_path / "in" / f"{number}.png", number)
    run(tmp_path / "in", out, split=THREE)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert all("label" not in row for row in rows)
    assert Counter(splits_of(out).values()) == {"train": 8, "val": 1, "test": 1}
    options = Options(palette="class", colors=4)
    with pytest.raises(UsageError, match=r"palette='class' with split='train=80.*'0.png' lies in no folder of a class"):
        run(tmp_path / "in", tmp_path / "two", options, split=THREE)


def test_samples_of_many_images_stay_together(tmp_path, out):
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        for number in range(20):
            for view in ("left", "right"):
                data = image_bytes(synthetic_photo(12, 16, seed=100 * number + (view == "left")))
                member = tarfile.TarInfo(f"{number:02}.{view}.png")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    run(tmp_path / "s.tar", out, split="train=1,test=1")
    splits = splits_of(out)
    assert len(splits) == 40
    assert all(splits[f"{n:02}.left.png"] == splits[f"{n:02}.right.png"] for n in range(20))
    assert Counter(splits.values()) == {"train": 20, "test": 20}


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        ({"split": "train=70,test=30"}, {}, "whose images are divided by split='train=80,val=10,test=10' and seed=0"),
        ({"split": THREE}, {"seed": 1}, "split='train=80,val=10,test=10' and seed=1 with destination"),
        ({}, {}, "no split with destination"),
        ({"split": THREE, "shard": "1/2"}, {}, "1 images have no split in splits.jsonl yet"),
    ],
)
def test_a_list_is_not_divided_otherwise(source, out, settings, options, expected):
    run(source, out, split=THREE)
    put(source / "cat/new.png", 99)
    before = tree(out)
    with pytest.raises(UsageError, match=expected):
        run(source, out, OPTIONS.replace(**options), **settings)
    assert tree(out) == before
    assert not (out / ".ics-books").exists()


@pytest.mark.parametrize(
    ("split", "encoding", "expected"),
    [
        ("val=1,valid=1", "png", "loaders take 'val' and 'valid' for one split, validation"),
        ("train=1,fold1=1", "parquet", "expected such names instead of 'fold1'"),
    ],
)
def test_names_that_loaders_take_for_one_split_are_refused(source, out, split, encoding, expected):
    with pytest.raises(UsageError, match=expected):
        run(source, out, OPTIONS.replace(format=encoding), split=split)
    assert not out.exists() or {path.name for path in out.iterdir()} <= {".ics-lock"}


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (("train", "valid"), "'train', 'valid'"),
        (("data/train2017", "data/val2017"), "'train2017', 'val2017'"),
        (("train",), "'train'"),
        (("images/test", "images/train"), "'test', 'train'"),
    ],
)
def test_a_source_with_splits_is_refused(source, out, tmp_path, folders, named):
    for folder in folders:
        shutil.copytree(source, tmp_path / "set" / folder)
    with pytest.raises(UsageError, match=rf"has splits already, in folders such as {named}: expected a source without"):
        run(tmp_path / "set", out, split=THREE)
    assert not (out / "splits.jsonl").exists()
    run(tmp_path / "set" / folders[0], out, split=THREE)
    assert len(listed(out)) == 30


def test_a_folder_for_training_beside_its_table_is_divided(tmp_path, out):
    tree_of_labels = write_kaggle(tmp_path / "in")
    run(tmp_path / "in", out, split="train=60,test=40")
    assert listed(out).keys() == tree_of_labels.pictures.keys()


def test_masks_and_labels_are_in_the_split_of_their_picture(tmp_path, out):
    written = write_voc(tmp_path / "in")
    for again in (False, True):
        _, summary = run(tmp_path / "in", out, split="train=60,test=40")
        assert (summary.failed, summary.stale, summary.companion_failures) == (0, [], [])
        assert summary.compressed == (0 if again else 6)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    splits = listed(out)
    of_pictures = {row["source_path"]: row for row in rows if row.get("picture")}
    assert of_pictures.keys() == {path for path, _, _, picture in written.companions if picture}
    for row in of_pictures.values():
        assert row["file_name"].startswith(f"{splits[row['picture']]}/VOCdevkit/VOC2012/")
        assert (out / row["file_name"]).is_file()
    about_many = [row["file_name"] for row in rows if row.get("picture") == ""]
    assert about_many == sorted(row["source_path"] for row in rows if row.get("picture") == "")


def test_each_split_has_what_coco_and_tables_say_of_its_images(tmp_path, out):
    names = [f"{number}.png" for number in range(6)]
    for number, name in enumerate(names):
        put(tmp_path / "in/images" / name, number, size=(20, 30))
    put(tmp_path / "in/images/low.png", 9, size=(6, 30))
    images = [{"id": i, "file_name": name, "width": 30, "height": 20} for i, name in enumerate([*names, "low.png"])]
    images[6]["height"] = 6
    boxes = [
        {"id": 10 * i + k, "image_id": i, "category_id": 1, "bbox": [2, 2, 2 + k, 3]} for i in range(7) for k in (1, 2)
    ]
    coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}], "info": {"year": 2020}}
    (tmp_path / "in/annotations").mkdir()
    (tmp_path / "in/annotations/all.json").write_text(json.dumps(coco), "utf-8")
    rows = [{"file_name": name, "text": f"of {name}"} for name in [*names, "low.png"]]
    (tmp_path / "in/images/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (tmp_path / "in/all.txt").write_text("".join(f"images/{name}\n" for name in names), "utf-8")
    for again in (False, True):
        _, summary = run(tmp_path / "in", out, split="train=2,test=1", min_side=8)
        assert (summary.companion_failures, summary.stale) == ([], [])
        # The image that is left out takes two boxes and a row with it, which the files of each split count.
        assert (summary.annotations, summary.sidecars, summary.labels_dropped) == ((0, 0, 0) if again else (2, 3, 6))
    splits = {path.rpartition("/")[2]: split for path, split in listed(out).items()}
    for split in ("train", "test"):
        own = [name for name in names if splits[name] == split]
        found = json.loads((out / split / "annotations/all.json").read_text("utf-8"))
        assert [image["file_name"] for image in found["images"]] == own
        numbers = {image["id"] for image in found["images"]}
        assert sorted(box["id"] for box in found["annotations"]) == sorted(
            box["id"] for box in boxes if box["image_id"] in numbers
        )
        assert (found["categories"], found["info"]) == (coco["categories"], coco["info"])
        lines = (out / split / "images/metadata.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == [{"file_name": name, "text": f"of {name}"} for name in own]
        assert all((out / split / "images" / name).is_file() for name in own)
    listed_names = (out / "all.txt").read_text("utf-8").splitlines()
    assert listed_names == [f"{splits[name]}/images/{name}" for name in names]
    assert verify_folder(out).is_intact


@pytest.mark.parametrize("settings", [{}, {"split": "train=1,test=1"}])
def test_the_mask_of_an_image_that_is_left_out_goes_with_it(tmp_path, out, settings):
    write_pairs(tmp_path / "in", suffix=".png")
    for kind in ("images", "masks"):
        shutil.copy(tmp_path / f"in/{kind}/0001.png", tmp_path / f"in/{kind}/0009.png")
    low = image_bytes(synthetic_photo(6, 60))
    (tmp_path / "in/images/low.png").write_bytes(low)
    (tmp_path / "in/masks/low.png").write_bytes(image_bytes(np.zeros((6, 60), np.uint8)))
    _, first = run(tmp_path / "in", out, **settings)
    assert (first.compressed, first.masks, first.failed) == (7, 7, 0)
    for _ in range(2):
        _, summary = run(tmp_path / "in", out, min_side=8, drop_duplicates="exact", prune=True, **settings)
        assert summary.left_out == {"drop_duplicates": 1, "min_side": 1}
        assert (summary.failed, summary.companion_failures, summary.stale) == (0, [], [])
        left = {path.name for path in out.rglob("*.png")}
        assert left == {f"{number:04}.png" for number in range(5)}
        assert len(list(out.rglob("*.png"))) == 10
        assert verify_folder(out).is_intact


@pytest.mark.parametrize("name", ["train", "test", "dev"])
def test_a_class_may_have_the_name_of_a_split(source, out, name):
    (source / "dog").rename(source / name)
    run(source, out, split=THREE)
    assert len(listed(out)) == 30


def test_shards_follow_the_list_of_a_run_without_shards(source, out):
    run(source, out, split=THREE)
    before = splits_of(out)
    coarse = OPTIONS.replace(step=4)
    for shard in ("1/2", "2/2"):
        run(source, out, coarse, split=THREE, shard=shard)
    merge_shards(out)
    assert splits_of(out) == before
    assert verify_folder(out).is_intact


def test_shards_leave_out_the_images_that_a_whole_run_leaves_out(source, out, tmp_path):
    put(source / "cat/low.png", 50, size=(7, 30))
    rules = {"min_side": 8, "drop_duplicates": "exact"}
    _, whole = run(source, tmp_path / "whole", **rules)
    for shard in ("1/2", "2/2"):
        run(source, out, shard=shard, **rules)
    merged = merge_shards(out)
    assert tree(out) == tree(tmp_path / "whole")
    assert left_out_rows(out) == left_out_rows(tmp_path / "whole")
    assert merged.left_out == whole.left_out == {"min_side": 1, "drop_duplicates": 3}


@pytest.fixture
def fake_cluster(monkeypatch):
    monkeypatch.setattr(cluster, "open_cluster", lambda *_: Fake({}, slots=1))


@pytest.mark.usefixtures("fake_cluster")
def test_a_cluster_gives_what_one_machine_gives(source, out, tmp_path):
    for number in range(3):
        put(source / "cat" / f"small-{number}.png", number, size=(6, 16))
    rules = {"split": THREE, "min_side": 8, "drop_duplicates": "exact"}
    results, one = run(source, out, **rules)
    others, two = run(source, tmp_path / "two", engine="dask", **rules)
    assert tree(tmp_path / "two") == tree(out)
    assert others.keys() == results.keys()
    assert left_out_rows(tmp_path / "two") == left_out_rows(out)
    assert two.notes == one.notes
    assert two.left_out == one.left_out == {"min_side": 3, "drop_duplicates": 3}
    _, again = run(source, tmp_path / "two", engine="dask", **rules)
    assert (again.compressed, again.left_out) == (0, one.left_out)


def test_an_object_store_keeps_the_list(source, out, monkeypatch):
    store = memory_store(monkeypatch)
    for added in (False, True):
        if added:
            put(source / "cat/new.png", 99)
        for place in ("memory://bucket/small", out):
            _, summary = run(source, place, split=THREE)
            assert (summary.compressed, summary.skipped) == ((1, 30) if added else (30, 0))
        objects = {name: data for name, data in store.objects("bucket/small").items() if name in tree(out)}
        assert objects == tree(out)
        assert "splits.jsonl" in objects
    with pytest.raises(UsageError, match="whose images are divided by split="):
        run(source, "memory://bucket/small", split="train=1,test=1")


def test_a_shared_palette_comes_from_the_training_split_alone(source, out):
    options = Options(palette="dataset", colors=8, step=2)
    _, summary = run(source, out, options, split=THREE)
    assert summary.palette_from == ["train"]
    train = [path for path, split in listed(out).items() if split == "train"]
    palettes = load_palettes(RootedPath(out) / "palette.json")
    assert palettes.images[""] == len(train)


def test_rules_of_size_leave_images_out_by_name_and_a_second_run_says_the_same(source, out):
    put(source / "cat/low.png", 50, size=(7, 30))
    put(source / "cat/turned.jpg", 51, size=(90, 20), suffix="JPEG")
    put(source / "dog/broken.png", 52)
    (source / "dog/broken.png").write_bytes(b"nothing")
    for _ in range(2):
        results, summary = run(source, out, min_side=8, max_aspect=4)
        assert summary.left_out == {"min_side": 1, "max_aspect": 1}
        assert summary.failed == 1
        assert results["cat/low.png"] == LeftOut(
            source="cat/low.png",
            rule="min_side",
            message="its shorter side has 7 pixels, fewer than --min-side 8",
        )
        assert left_out_rows(out) == {
            "cat/low.png": ("min_side", "its shorter side has 7 pixels, fewer than --min-side 8"),
            "cat/turned.jpg": (
                "max_aspect",
                "it has 20 x 90 pixels, and one side is 4.5 times the other: more than --max-aspect 4",
            ),
        }
        assert verify_folder(out).is_intact
    assert summary.skipped == 30
    _, all_of_them = run(source, out)
    assert (all_of_them.compressed, all_of_them.skipped, all_of_them.left_out) == (2, 30, {})
    assert left_out_rows(out) == {}


@pytest.mark.parametrize("prune", [False, True])
def test_outputs_of_images_that_are_left_out_later_are_stale(source, out, prune):
    put(source / "cat/low.png", 50, size=(7, 30))
    run(source, out)
    _, summary = run(source, out, min_side=8, drop_duplicates="exact", prune=prune)
    gone = ["cat/07.png", "cat/13.png", "cat/low.png", "dog/25.png"]
    assert (summary.pruned if prune else summary.stale) == gone
    assert summary.left_out == {"min_side": 1, "drop_duplicates": 3}
    assert (summary.compressed, summary.skipped) == (0, 27)
    assert [(out / name).exists() for name in gone] == [not prune] * 4
    assert verify_folder(out).is_intact
    _, summary = run(source, out)
    assert (summary.compressed, summary.skipped, summary.stale) == ((4, 27, []) if prune else (0, 31, []))


def test_equal_files_are_left_out_for_the_first_of_them(source, out):
    results, summary = run(source, out, drop_duplicates="exact")
    assert summary.left_out == {"drop_duplicates": 3}
    assert left_out_rows(out) == {
        "cat/07.png": ("drop_duplicates", "its file equals that of 'cat/02.png'"),
        "cat/13.png": ("drop_duplicates", "its file equals that of 'cat/02.png'"),
        "dog/25.png": ("drop_duplicates", "its file equals that of 'cat/05.png'"),
    }
    assert len(results) == 30
    files = {path.read_bytes() for path in source.rglob("*.png")}
    assert len([name for name in tree(out) if name.endswith(".png")]) == len(files)
    before = tree(out)
    _, again = run(source, out, drop_duplicates="exact")
    assert (again.compressed, again.skipped, again.left_out) == (0, 27, {"drop_duplicates": 3})
    assert tree(out) == before


def test_a_dry_run_says_what_is_left_out_and_writes_nothing(source, out):
    put(source / "cat/low.png", 50, size=(7, 30))
    _, summary = run(source, out, min_side=8, drop_duplicates="exact", dry_run=True)
    assert (summary.left_out, summary.compressed) == ({"min_side": 1, "drop_duplicates": 3}, 27)
    assert not out.exists()


def test_the_shares_are_those_of_the_images_that_are_left(source, out):
    for number in range(10):
        put(source / "dog" / f"low-{number}.png", 60 + number, size=(7, 30))
    _, summary = run(source, out, min_side=8, drop_duplicates="exact", split="train=50,test=50")
    assert summary.left_out == {"min_side": 10, "drop_duplicates": 3}
    counts = Counter((path.partition("/")[0], split) for path, split in splits_of(out).items())
    assert {counts["cat", "train"], counts["cat", "test"]} == {9}
    assert sorted([counts["dog", "train"], counts["dog", "test"]]) == [4, 5]
    _, again = run(source, out, min_side=8, drop_duplicates="exact", split="train=50,test=50")
    assert (again.compressed, again.left_out) == (0, summary.left_out)


@pytest.mark.parametrize("palette", ["dataset", "class"])
def test_images_that_are_left_out_give_no_colours(tmp_path, out, palette):
    red, green = np.zeros((16, 16, 3), np.uint8), np.zeros((4, 16, 3), np.uint8)
    red[..., 0], green[..., 1] = np.arange(200, 216), 255
    for name, pixels in (("a", red), ("low", green)):
        (tmp_path / "in/cat").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"in/cat/{name}.png").write_bytes(image_bytes(pixels))
    options = Options(palette=palette, colors=4, step=1)
    run(tmp_path / "in", tmp_path / "all", options)
    _, colors = read_indexed((tmp_path / "all/cat/a.png").read_bytes())
    assert (colors[:, 1] > 200).any()
    _, summary = run(tmp_path / "in", out, options, min_side=8)
    _, colors = read_indexed((out / "cat/a.png").read_bytes())
    assert (summary.compressed, summary.left_out) == (1, {"min_side": 1})
    assert not colors[:, 1].any()
    _, summary = run(tmp_path / "in", out, options)  # the palette is another one
    assert summary.compressed == 2


def test_the_sample_for_one_number_of_colours_has_no_images_that_are_left_out(tmp_path, out):
    for number in range(4):
        (tmp_path / "in").mkdir(exist_ok=True)
        flat = np.full((16, 16, 3), 60 * number, np.uint8)
        (tmp_path / f"in/{number}.png").write_bytes(image_bytes(flat))
        put(tmp_path / "in" / f"low-{number}.png", number, size=(6, 200))
    options = Options(colors="auto", per="dataset", step=1)
    _, summary = run(tmp_path / "in", out, options, min_side=8)
    assert (summary.colors_chosen.sampled, summary.colors_chosen.colors) == (4, 1)


def test_a_run_that_is_stopped_while_it_lists_writes_no_list(source, out):
    stop = threading.Event()

    def progress(now):
        if now.note == "Listing":
            stop.set()

    summary = compress_folder(source, out, OPTIONS, split=THREE, stop=stop, progress=progress)
    assert summary.stopped
    assert not (out / "splits.jsonl").exists()
    assert summary.compressed == 0


def test_an_image_that_comes_while_the_run_begins_is_taken_up_by_the_next_one(source, out):
    notes = []

    def progress(now):
        if any(note.startswith("Looking") for note in notes) and not (source / "dog/new.png").exists():
            put(source / "dog/new.png", 77)
        notes.append(now.note)

    summary = compress_folder(source, out, OPTIONS, split=THREE, progress=progress)
    assert [(one.source, one.code) for one in summary.failures] == [("dog/new.png", "changed")]
    _, summary = run(source, out, split=THREE)
    assert (summary.failed, summary.compressed + summary.skipped) == (0, 31)
    with Image.open(out / listed(out)["dog/new.png"] / "dog/new.png") as image:
        assert image.size == (8, 6)


@pytest.mark.parametrize("encoding", ["webdataset", "parquet"])
def test_packs_lose_the_images_that_are_left_out_later(source, out, encoding):
    options = OPTIONS.replace(format=encoding)
    put(source / "cat/low.png", 50, size=(7, 30))

    def packed():
        return sum(one["images"] for one in json.loads((out / "shards.json").read_text("utf-8"))["shards"])

    run(source, out, options)
    assert packed() == 31
    for _ in range(2):
        _, summary = run(source, out, options, min_side=8, drop_duplicates="exact")
        assert (summary.left_out, packed()) == ({"min_side": 1, "drop_duplicates": 3}, 27)
        assert verify_folder(out).is_intact
    run(source, out, options)
    assert packed() == 31
    assert verify_folder(out).is_intact


class Listed:
    """Images in memory, listed in the order of this dictionary from paths to bytes."""

    shown, classes = "listed", ()

    def __init__(self, images):
        self.images = images

    def plan(self, _):
        return (Task(path, path) for path in self.images)

    def stat(self, task):
        return len(self.images[task.source]), 1

    def load(self, tasks, _):
        return ((task, None) for task in tasks)

    def read(self, task, _):
        return self.images[task.source], 1


PATHS = st.tuples(st.sampled_from(["", "cat/", "dog/", "a/b/"]), st.integers(0, 40)).map(
    lambda two: f"{two[0]}{two[1]}.jpg"
)
TREES = st.dictionaries(PATHS, st.integers(0, 60).map(lambda number: b"%d" % number), min_size=1, max_size=40)
SHARES = st.lists(st.integers(1, 9), min_size=2, max_size=4)


@settings(max_examples=20)
@given(TREES, TREES, SHARES, st.randoms(use_true_random=False))
def test_any_tree_is_divided_as_stated(tmp_path_factory, first, more, numbers, random):
    """Some of the files are equal; all are broken as images, so nothing else is alike."""
    seed = random.randrange(10)
    names = ["train", "val", "test", "rest"][: len(numbers)]
    chosen = RunSettings(split=dict(zip(names, numbers, strict=True)))

    def divided(images, folder):
        executor = Executor("threads", 1, None, False, threading.Event())
        folder, options = RootedPath(folder), Options(seed=seed)
        source, _ = select_images(Listed(images), folder, options, chosen, executor=executor, report=lambda _: None)
        splits = {task.source: task.output.partition("/")[0] for task in source.plan("")}
        assert all(task.output == f"{splits[task.source]}/{task.source}" for task in source.plan(""))
        return splits

    out = tmp_path_factory.mktemp("out")
    splits = divided(first, out)
    shuffled = random.sample(list(first.items()), len(first))
    assert divided(dict(shuffled), tmp_path_factory.mktemp("other")) == splits
    for data in set(first.values()):
        assert len({splits[path] for path in first if first[path] == data}) == 1
    labels = {path: path.rpartition("/")[0].rpartition("/")[2] for path in first}
    for label in set(labels.values()):
        own = [path for path in first if labels[path] == label]
        alike = {path for path in own if sum(first[path] == data for data in first.values()) > 1}
        for name, number in zip(names, numbers, strict=True):
            exact = len(own) * number / sum(numbers)
            off = abs(sum(splits[path] == name for path in own) - exact)
            assert off < 1 or off <= len(alike) * len(names)
            assert off < 1 or alike
    later = more | first  # paths of both have the content that they had
    again = divided(dict(random.sample(list(later.items()), len(later))), out)
    assert splits.items() <= again.items()
    for path in later.keys() - first.keys():
        homes = {again[other] for other in first if first[other] == later[path]}
        assert not homes or homes == {again[path]}
