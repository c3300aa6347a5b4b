"""Masks, annotations, sidecars, tables and lists in runs: what is written, and what later runs do."""

import json
import threading

import pytest
from PIL import Image

from icsys import Options, compress_folder, merge_shards, verify_folder
from label_trees import (
    write_ade20k,
    write_cityscapes,
    write_coco,
    write_imagefolder,
    write_labelme,
    write_voc,
    write_yolo,
)

HALF = Options(strategy="SO", scale=0.5)
TREES = {
    "voc": write_voc,
    "cityscapes": write_cityscapes,
    "ade20k": write_ade20k,
    "coco": write_coco,
    "yolo": write_yolo,
    "imagefolder": write_imagefolder,
    "labelme": write_labelme,
}
_VARYING = {"source_mtime_ns", "tool_version"}


def run(tree, folder, options=HALF, **settings):
    return compress_folder(tree.root, folder, options, **settings)


def files_in(folder):
    """Return all files but those that state times, by path."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(("run.json", "manifest"))}


def rows_of(folder):
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["source_path"]: {name: row[name] for name in row if name not in _VARYING} for row in rows}


def outputs(tree):
    """Return the paths of the outputs that a tree's companions have."""
    return {path: f"{path.rpartition('.')[0]}.png" if kind == "mask" else path for path, kind, _, _ in tree.companions}


@pytest.fixture(params=TREES)
def tree(request, tmp_path):
    return TREES[request.param](tmp_path / "source")


@pytest.fixture
def voc(tmp_path):
    return write_voc(tmp_path / "source")


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path / "source")


def test_every_companion_is_written_once_with_a_row_that_is_true(tree, tmp_path):
    small = tmp_path / "small"
    summary = run(tree, small)
    assert summary.is_whole
    assert summary.compressed == len(tree.pictures)
    rows = rows_of(small)
    assert {path: (row["kind"], row["file_name"]) for path, row in rows.items() if row["kind"] != "image"} == {
        path: (kind, outputs(tree)[path]) for path, kind, _, _ in tree.companions
    }
    for path, kind, _, picture in tree.companions:
        row = rows[path]
        assert row["picture"] == (picture or "")
        assert row["bytes"] == (small / row["file_name"]).stat().st_size
        if kind == "mask":
            with Image.open(small / row["file_name"]) as mask, Image.open(small / rows[picture]["file_name"]) as image:
                assert mask.size == image.size == (row["width"], row["height"])
    assert verify_folder(small).is_intact
    assert summary.masks + summary.annotations + summary.sidecars == len(tree.companions)


def test_a_second_run_does_nothing(tree, tmp_path):
    small = tmp_path / "small"
    run(tree, small)
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*.*") if path.name != "run.json"}
    again = run(tree, small)
    assert (again.compressed, again.masks + again.annotations + again.sidecars) == (0, 0)
    assert again.companions_skipped == len(tree.companions)
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*.*") if path.name != "run.json"} == before
    assert not again.stale


@pytest.mark.parametrize("settings", [{"jobs": 1}, {"engine": "processes", "jobs": 2}, {"engine": "threads"}])
def test_every_engine_writes_the_same(voc, tmp_path, settings):
    run(voc, tmp_path / "one")
    run(voc, tmp_path / "other", **settings)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "other")
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "other")


@pytest.mark.parametrize("write", [write_voc, write_coco])
def test_shards_and_a_run_over_everything_write_what_one_run_writes(write, tmp_path):
    tree = write(tmp_path / "source")
    run(tree, tmp_path / "one")
    for index in (1, 2, 3):
        (note,) = run(tree, tmp_path / "other", shard=(index, 3)).notes
        assert "files that name many images" in note
    assert merge_shards(tmp_path / "other").notes == [note]
    last = run(tree, tmp_path / "other")
    assert last.compressed == 0
    assert files_in(tmp_path / "one") == files_in(tmp_path / "other")
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "other")


def test_a_run_that_was_stopped_goes_on(tree, tmp_path):
    run(tree, tmp_path / "one")
    for most in (1, 3, 6, 9, 12):
        stop, seen = threading.Event(), []

        def progress(at, stop=stop, seen=seen, most=most):
            seen.append(at.result)
            if sum(result is not None for result in seen) >= most:
                stop.set()

        run(tree, tmp_path / "other", stop=stop, progress=progress, jobs=1)
    run(tree, tmp_path / "other")
    assert files_in(tmp_path / "one") == files_in(tmp_path / "other")
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "other")


def test_a_dry_run_counts_and_writes_nothing(voc, tmp_path):
    summary = run(voc, tmp_path / "small", dry_run=True)
    assert summary.compressed == len(voc.pictures)
    assert summary.masks == sum(kind == "mask" for _, kind, _, _ in voc.companions)
    assert not (tmp_path / "small").exists()


def masks_of(tree):
    return {path: picture for path, kind, _, picture in tree.companions if kind == "mask"}


def test_a_changed_mask_is_done_again_alone(voc, tmp_path):
    small = tmp_path / "small"
    run(voc, small)
    path, picture = min(masks_of(voc).items())
    voc.mask(path, picture, voc.ids(picture) * 0 + 7)
    again = run(voc, small)
    assert (again.compressed, again.masks, again.annotations, again.sidecars) == (0, 1, 0, 0)
    with Image.open(small / outputs(voc)[path]) as mask:
        assert mask.getcolors() == [(mask.width * mask.height, 7)]


def test_a_changed_image_takes_its_companions_with_it(voc, tmp_path):
    small = tmp_path / "small"
    run(voc, small)
    masks = masks_of(voc)
    path, picture = min(masks.items())
    width, height = voc.pictures[picture]
    with Image.open(voc.root / picture) as image:
        turned = image.resize((width, height))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(voc.root / picture, exif=exif)
    again = run(voc, small)
    assert again.compressed == 1
    assert again.masks == list(masks.values()).count(picture)
    with Image.open(small / outputs(voc)[path]) as mask:
        assert mask.size == (max(1, round(height * 0.5)), max(1, round(width * 0.5)))


def test_other_settings_of_labels_do_no_image_again(voc, tmp_path):
    small = tmp_path / "small"
    options = Options(strategy="SO", size=(24, 30), fit="pad")
    run(voc, small, options)
    again = run(voc, small, options, mask_pad=9)
    assert (again.compressed, again.masks) == (0, len(masks_of(voc)))
    assert (again.annotations, again.sidecars) == (0, 0)
    with Image.open(small / outputs(voc)[min(masks_of(voc))]) as mask:
        assert 9 in dict(map(reversed, mask.getcolors()))


def test_companions_of_an_image_that_failed_are_left_out(voc, tmp_path):
    picture = next(iter(masks_of(voc).values()))
    (voc.root / picture).write_bytes((voc.root / picture).read_bytes()[:200])
    summary = run(voc, tmp_path / "small")
    assert [failure.source for failure in summary.failures] == [picture]
    assert not summary.companion_failures
    own = {path for path, _, _, of in voc.companions if of == picture}
    rows = rows_of(tmp_path / "small")
    assert not own & rows.keys()
    assert not [path for path in own if (tmp_path / "small" / outputs(voc)[path]).exists()]
    stem = picture.rpartition("/")[2].rpartition(".")[0]
    for path, _, form, _ in voc.companions:
        if form == "names":
            assert stem not in (tmp_path / "small" / path).read_text()


def test_coco_names_only_images_that_are_there(coco, tmp_path):
    picture = min(coco.pictures)
    (coco.root / picture).write_bytes(b"no image")
    run(coco, tmp_path / "small")
    for path, _, _, _ in coco.companions:
        data = json.loads((tmp_path / "small" / path).read_text())
        names = {image["id"]: image["file_name"] for image in data["images"]}
        folder = "train2017" if "train" in path else "val2017"
        assert all((tmp_path / "small" / folder / name).is_file() for name in names.values())
        assert {note["image_id"] for note in data["annotations"]} <= names.keys()


def test_a_broken_companion_fails_alone(voc, tmp_path):
    path = min(masks_of(voc))
    (voc.root / path).write_bytes((voc.root / path).read_bytes()[:60])
    summary = run(voc, tmp_path / "small")
    assert summary.compressed == len(voc.pictures)
    assert [(failure.source, failure.kind) for failure in summary.companion_failures] == [(path, "mask")]
    assert not summary.is_whole
    failures = (tmp_path / "small" / "failures.jsonl").read_text()
    assert json.loads(failures)["source_path"] == path


def test_companions_that_are_gone_are_stale_and_pruned(voc, tmp_path):
    small = tmp_path / "small"
    run(voc, small)
    path = min(masks_of(voc))
    (voc.root / path).unlink()
    assert run(voc, small).stale == [outputs(voc)[path]]
    assert run(voc, small, prune=True).pruned == [outputs(voc)[path]]
    assert not (small / outputs(voc)[path]).exists()
    assert verify_folder(small).is_intact


def test_without_masks_every_picture_is_an_image(voc, tmp_path):
    summary = run(voc, tmp_path / "small", masks="none")
    assert summary.compressed == len(voc.pictures) + len(masks_of(voc))
    assert summary.masks == 0


def write_unfit(voc):
    """Break one image of a tree, and make another one small; both keep their mask and annotation."""
    broken, small = [voc.root / path for path in sorted(voc.pictures)[:2]]
    broken.write_bytes(b"no image")
    with Image.open(small) as image:
        image.resize((8, 8)).save(small)
    return voc


def test_companions_in_another_shard_than_their_image_go_without_its_output(voc, tmp_path):
    write_unfit(voc)
    for path in sorted(voc.pictures)[:2]:
        voc.root.joinpath(path).with_suffix(".caption").write_text("words")
    one = run(voc, tmp_path / "one", min_side=10)
    assert (one.failed, one.left_out) == (1, {"min_side": 1})
    for count in (2, 3, 7):
        folder = tmp_path / str(count)
        for index in range(1, count + 1):
            run(voc, folder, shard=(index, count), min_side=10)
        merge_shards(folder)
        run(voc, folder, min_side=10)
        assert files_in(tmp_path / "one") == files_in(folder)
        assert rows_of(tmp_path / "one") == rows_of(folder)
        assert verify_folder(folder).is_intact


def test_shards_keep_companions_of_an_image_that_had_an_output_and_call_them_stale(voc, tmp_path):
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        run(voc, folder)
    write_unfit(voc)
    one = run(voc, folders[0], min_side=10)
    for index in (1, 2, 3):
        run(voc, folders[1], shard=(index, 3), min_side=10)
    merge_shards(folders[1])
    other = run(voc, folders[1], min_side=10)
    assert sorted(one.stale) == sorted(other.stale)
    assert len(one.stale) > 1
    assert {path.name for path in folders[0].rglob("*.*")} == {path.name for path in folders[1].rglob("*.*")}


def test_two_images_of_one_stem_are_told_because_their_labels_have_another_name(voc, tmp_path):
    first = voc.root / min(voc.pictures)
    with Image.open(first) as image:
        image.save(first.with_suffix(".png"))
    summary = run(voc, tmp_path / "small")
    assert f"another image or mask has the stem of {min(voc.pictures)!r}" in summary.companion_warning
    told = [
        row
        for row in rows_of(tmp_path / "small").values()
        if "another image or mask has the stem" in row.get("warning", "")
    ]
    assert {row["picture"] for row in told} == {min(voc.pictures)}
    assert {"mask", "annotation"} <= {row["kind"] for row in told}


@pytest.mark.parametrize(
    "other",
    [
        HALF.replace(scale=0.25),
        HALF.replace(scale=None, step=3),
        HALF.replace(scale=None, size=(32, 32), fit="cover"),
        HALF.replace(scale=None, size=(32, 32), fit="pad"),
        HALF.replace(resample="skip"),
    ],
)
def test_another_size_writes_everything_as_a_new_run_does(tree, tmp_path, other):
    run(tree, tmp_path / "changed")
    run(tree, tmp_path / "changed", other)
    run(tree, tmp_path / "new", other)
    assert files_in(tmp_path / "changed") == files_in(tmp_path / "new")
    assert rows_of(tmp_path / "changed") == rows_of(tmp_path / "new")
