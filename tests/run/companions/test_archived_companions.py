"""An archive gives the files and the rows that the folder with the same files gives."""

import json
import zipfile

import pytest

from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder, inspect_folder, verify_folder
from icsys.results import Failed
from label_trees import LABEL_TREES, write_coco, write_pairs, write_voc, write_yolo
from source_makers import put_tar, put_zip

HALF = Options(strategy="SO", scale=0.5)
KINDS = {"zip": put_zip, "tar": put_tar}
_STATED_BY_SOURCE = {"source_mtime_ns", "options_hash", "tool_version"}


def archived(root, kind):
    """Return an archive of a folder beside it."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return KINDS[kind](root.parent / f"these.{kind}", files)


def written(folder):
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(("run.json", "manifest"))}


def rows_of(folder):
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["source_path"]: {name: row[name] for name in row if name not in _STATED_BY_SOURCE} for row in rows}


def same(root, kinds, tmp_path, options=HALF, **settings):
    """Run a folder and archives of it, one of each kind, with the same outcome; return their summaries, by output."""
    compress_folder(root, tmp_path / "one", options, **settings)
    summaries = {}
    for kind in kinds:
        out = tmp_path / kind
        summaries[out] = compress_folder(archived(root, kind), out, options, **settings)
        assert written(tmp_path / "one") == written(out)
        assert rows_of(tmp_path / "one") == rows_of(out)
    return summaries


@pytest.mark.parametrize("name", LABEL_TREES)
def test_every_tree_gives_what_its_folder_gives(name, tmp_path):
    tree = LABEL_TREES[name](tmp_path / "in")
    for out, summary in same(tree.root, KINDS, tmp_path).items():
        assert summary.is_whole
        assert summary.masks + summary.annotations + summary.sidecars == len(tree.companions)
        assert verify_folder(out).is_intact


@pytest.mark.parametrize(
    "settings",
    [
        {"engine": "processes", "jobs": 2},
        {"masks": "none"},
        {"masks": "*/SegmentationClass/*,*/SegmentationObject/*"},
        {"split": "train=0.5,test=0.5"},
    ],
)
def test_with_all_settings(settings, tmp_path):
    tree = write_voc(tmp_path / "in", 3)
    same(tree.root, KINDS, tmp_path, **settings)


@pytest.mark.parametrize("write", [write_yolo, write_coco])
def test_into_packs(write, tmp_path):
    tree = write(tmp_path / "in")
    options = Options(strategy="SO", scale=0.5, format="webdataset")
    same(tree.root, ["zip"], tmp_path, options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_does_nothing_and_one_label_that_differs_is_done_again(kind, tmp_path):
    tree = write_yolo(tmp_path / "in")
    archive = archived(tree.root, kind)
    first = compress_folder(archive, tmp_path / "out", HALF)
    again = compress_folder(archive, tmp_path / "out", HALF)
    assert (again.compressed, again.annotations, again.companions_skipped) == (
        0,
        0,
        first.masks + first.annotations + first.sidecars,
    )
    label = next(iter(tree.of("yolo")))
    (tree.root / label).write_text("1 0.5 0.5 0.5 0.5\n")
    archived(tree.root, kind)
    compress_folder(archive, tmp_path / "out", HALF)
    assert (tmp_path / "out" / label).read_text().startswith("1 0.5 0.5 0.5 0.5")
    assert verify_folder(tmp_path / "out").is_intact


def test_an_image_that_fails_takes_its_files_along_and_a_damaged_file_fails_alone(tmp_path):
    files = {"images/a.jpg": b"no image", "images/b.jpg": image_bytes(synthetic_photo(24, 24))}
    files |= {f"labels/{name}.txt": b"0 .5 .5 .25 .25\n" for name in "ab"}
    files |= {"images/c.jpg": files["images/b.jpg"], "labels/c.txt": b"0 .5 .5 .5 .5\n"}
    path = put_zip(tmp_path / "a.zip", files, compression=zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(b".5 .5 .5 .5", b".5 .5 .5 .6", 1))
    failed = []
    compress_folder(path, tmp_path / "out", HALF, progress=lambda one: failed.append(one.result))
    codes = {one.source: one.code for one in failed if isinstance(one, Failed)}
    assert codes["labels/c.txt"] == "broken"
    assert (tmp_path / "out" / "labels" / "b.txt").exists()
    assert not (tmp_path / "out" / "labels" / "a.txt").exists()


def test_an_inspection_shows_them(tmp_path):
    tree = write_pairs(tmp_path / "in", count=3)
    folder, archive = inspect_folder(tree.root), inspect_folder(archived(tree.root, "zip"))
    assert archive.masks == folder.masks
    assert archive.masks["files"] == 3
    assert archive.images == folder.images
