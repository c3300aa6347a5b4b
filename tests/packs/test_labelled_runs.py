"""Runs over labelled datasets into packs: after any change they are those of a clean run, and give everything back."""

import json
import shutil

import pytest

import label_trees
from helpers import everything, image_bytes, synthetic_photo, tree
from icsys import Options, compress_folder, verify_folder
from icsys.files import object_store
from icsys.layout import PACK_INDEX
from memory_store import memory_store
from pack_readers import each_pack_format, shards

URL = "memory://bucket/labelled"


def options(packing, **others):
    return Options(format=packing, strategy="SO", step=2, **others)


def rows_in(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def remove_masks(source):
    shutil.rmtree(source / "masks")


def change_a_mask(source):
    (source / "masks" / "0001.png").write_bytes((source / "masks" / "0002.png").read_bytes())


def change_a_picture(source):
    (source / "images" / "0002.jpg").write_bytes(image_bytes(synthetic_photo(50, 60, seed=9), "JPEG"))
    (source / "masks" / "0002.png").unlink()


def break_a_picture(source):
    (source / "images" / "0003.jpg").write_bytes(b"")


def change_the_table(source):
    (source / "labels.csv").write_text("image,class\n0001.jpg,7\n", "utf-8")


@pytest.fixture
def source(tmp_path):
    """Pictures with masks, two captions and a table."""
    label_trees.write_pairs(tmp_path / "in")
    for number in (1, 4):
        (tmp_path / "in" / "images" / f"000{number}.txt").write_text("a caption", "utf-8")
    (tmp_path / "in" / "labels.csv").write_text("image,class\n0001.jpg,cat\n0003.jpg,dog\n", "utf-8")
    return tmp_path / "in"


SETTINGS = {"table": "labels.csv", "table_column": "image"}


@pytest.mark.parametrize(
    ("packing", "change"),
    [
        *(("webdataset", change) for change in (change_a_mask, change_a_picture, break_a_picture, remove_masks)),
        *(("parquet", change) for change in (change_a_mask, change_the_table)),
    ],
)
def test_after_a_change_the_packs_are_those_of_a_clean_run(packing, change, source, tmp_path):
    out, clean, chosen = tmp_path / "out", tmp_path / "clean", options(packing, shard_images=2)
    first = compress_folder(source, out, chosen, **SETTINGS)
    assert first.compressed == 5
    assert verify_folder(out).to_dict() == {"checked": 5, "companions": 8, "missing": [], "changed": [], "foreign": []}
    places = {path: path.stat().st_ino for path in shards(out)}
    again = compress_folder(source, out, chosen, **SETTINGS)
    assert (again.compressed, again.skipped, again.companions_skipped) == (0, 5, 8)
    assert {path: path.stat().st_ino for path in shards(out)} == places
    change(source)
    compress_folder(source, out, chosen, **SETTINGS)
    assert verify_folder(out).is_intact
    compress_folder(source, clean, chosen, **SETTINGS)
    assert _times_aside(everything(out)) == _times_aside(everything(clean))


def _times_aside(files):
    rows = [json.loads(line) | {"source_mtime_ns": 0} for line in files["manifest.jsonl"].splitlines()]
    return files | {"manifest.jsonl": rows}


@each_pack_format
def test_a_table_alone_packs_nothing_again(packing, source, tmp_path):
    out = tmp_path / "out"
    compress_folder(source, out, options(packing), **SETTINGS)
    places = {path: path.stat().st_ino for path in shards(out)}
    change_the_table(source)
    compress_folder(source, out, options(packing), **SETTINGS)
    assert {path: path.stat().st_ino for path in shards(out)} == places
    assert b"7" in (out / "labels.csv").read_bytes()
    assert json.loads((out / PACK_INDEX).read_text("utf-8"))["files"] == ["labels.csv"]


@pytest.mark.parametrize(
    ("packing", "layout"),
    [
        *(("webdataset", layout) for layout in ("pairs", "yolo_detect", "cityscapes", "voc", "labelme", "captions")),
        *(("parquet", layout) for layout in ("cityscapes", "voc")),
    ],
)
def test_packs_as_a_source_give_the_labels_back(packing, layout, tmp_path):
    """A run over packs of full size gives what a run over the tree gives, but for what is about many images."""
    made = label_trees.LABEL_TREES[layout](tmp_path / "in")
    compress_folder(tmp_path / "in", tmp_path / "packs", options(packing).replace(step=1))
    compress_folder(tmp_path / "packs" / "data", tmp_path / "again", options("png"))
    compress_folder(tmp_path / "in", tmp_path / "direct", options("png"))
    direct, again = tree(tmp_path / "direct"), tree(tmp_path / "again")
    of_one = {path for path, _, _, picture in made.companions if picture is not None}
    kept = {name: data for name, data in direct.items() if name.endswith(".png") or name in of_one}
    assert of_one <= kept.keys()
    names = {name for name in of_one if name.endswith((".xml", ".json"))}  # they state the suffix of the picture
    assert again.keys() == kept.keys()
    assert {name: again[name] for name in kept.keys() - names} == {name: kept[name] for name in kept.keys() - names}
    kinds = {row["file_name"]: (row["kind"], row.get("form")) for row in rows_in(tmp_path / "again")}
    meant = {row["file_name"]: (row["kind"], row.get("form")) for row in rows_in(tmp_path / "direct")}
    assert kinds == {name: meant[name] for name in kept}


def test_a_store_has_the_packs_and_tables_of_a_folder(source, tmp_path, monkeypatch):
    monkeypatch.setattr(object_store, "_FIRST_PAUSE", 0.0)
    store = memory_store(monkeypatch)
    chosen = options("webdataset", shard_images=2)
    for change in (lambda _: None, lambda _: None, change_a_mask, change_the_table):
        change(source)
        for destination in (tmp_path / "out", URL):
            compress_folder(source, destination, chosen, jobs=1, **SETTINGS)
        files = {name: data for name, data in store.objects("bucket/labelled").items() if name != "run.json"}
        assert _times_aside(files) == _times_aside(everything(tmp_path / "out"))
