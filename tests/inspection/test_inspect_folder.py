"""What an inspection counts, in folders and archives, with every engine, and with files that are broken."""

import csv
import hashlib
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import UsageError, inspect_folder
from icsys.inspection.image_table import TABLE_FIELDS, check_table, write_table


@pytest.fixture
def dataset(tmp_path):
    """Two classes in two splits; a near and an exact duplicate across them, a broken file and another file."""
    folder = tmp_path / "in"
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            (folder / split / label).mkdir(parents=True)
    for number, place in enumerate(("train/cat/0.png", "train/cat/1.png", "train/dog/2.png", "test/dog/3.png")):
        Image.fromarray(synthetic_photo(96, 128, seed=number)).save(folder / place)
    shutil.copy(folder / "train/cat/0.png", folder / "test/cat/same.png")
    small = Image.open(folder / "train/dog/2.png").resize((96, 72))
    small.save(folder / "test/dog/small.jpg", quality=60)
    Image.fromarray(synthetic_photo(50, 50, seed=9, channels=1) // 8).save(folder / "test/dog/dark.bmp")
    (folder / "test/cat/broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (folder / "notes.md").write_text("no image", encoding="utf-8")
    return folder


def test_images_are_counted_by_what_they_are(dataset):
    found = inspect_folder(dataset).to_dict()
    assert found["images"] == 8
    assert found["classes"] == {"cat": 4, "dog": 4}
    assert found["splits"] == {"test": 5, "train": 3}
    assert found["formats"] == {"PNG": 5, "JPEG": 1, "BMP": 1}
    assert found["modes"] == {"RGB": 6, "L": 1}
    assert found["sizes"] == {"128x96": 5, "96x72": 1, "50x50": 1}
    assert [(one["source"], one["code"]) for one in found["broken"]] == [("test/cat/broken.jpg", "broken")]
    assert found["duplicates"] == [["test/cat/same.png", "train/cat/0.png"]]
    assert found["near_duplicates"] == [["test/dog/small.jpg", "train/dog/2.png"]]
    assert found["leaks"] == [*found["duplicates"], *found["near_duplicates"]]
    assert found["darkest"][0]["source"] == "test/dog/dark.bmp"
    files = [path for path in dataset.rglob("*") if path.is_file() and path.suffix != ".md"]
    assert found["bytes"] == sum(path.stat().st_size for path in files)
    assert [found[kind]["files"] for kind in ("masks", "annotations", "sidecars")] == [0, 0, 0]


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_every_engine_finds_the_same(dataset, engine):
    expected = replace(inspect_folder(dataset, jobs=1), seconds=0)
    assert replace(inspect_folder(dataset, jobs=2, engine=engine), seconds=0) == expected


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_holds_what_its_folder_does(dataset, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, dataset)
    found, expected = inspect_folder(archive), inspect_folder(dataset)
    for name in ("images", "classes", "splits", "formats", "sizes"):
        assert {name: getattr(found, name)} == {name: getattr(expected, name)}
    for name in ("duplicates", "near_duplicates", "leaks"):  # in the order of the archive
        groups = [sorted(map(sorted, getattr(one, name))) for one in (found, expected)]
        assert groups[0] == groups[1]


def test_the_table_has_a_row_for_each_image(dataset, tmp_path):
    found = inspect_folder(dataset)
    write_table(found, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["source"]: row for row in csv.DictReader(file)}
    assert len(rows) == 8
    for name, row in rows.items():
        data = (dataset / name).read_bytes()
        assert (row["bytes"], row["sha256"]) == (str(len(data)), hashlib.sha256(data).hexdigest())
    dark = rows["test/dog/dark.bmp"]
    assert float(dark["light"]) == pytest.approx((synthetic_photo(50, 50, seed=9, channels=1) // 8).mean(), abs=0.3)
    assert (dark["mode"], dark["width"], dark["split"], dark["label"]) == ("L", "50", "test", "dog")
    assert rows["test/cat/broken.jpg"]["failure"] == "broken"
    assert {name for name, row in rows.items() if row["duplicates"] == "1"} == {"test/cat/same.png", "train/cat/0.png"}
    write_table(found, tmp_path / "t.csv")  # its own table is replaced


def test_a_table_replaces_no_other_file(tmp_path):
    (tmp_path / "mine.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "folder.csv").mkdir()
    for name in ("mine.csv", "folder.csv", "nowhere/t.csv"):
        with pytest.raises(UsageError, match="expected"):
            check_table(tmp_path / name)
    (tmp_path / "t.csv").write_text(",".join(TABLE_FIELDS), encoding="utf-8")
    check_table(tmp_path / "t.csv")


def test_masks_annotations_and_lists_are_no_pictures(tmp_path):
    """VOC: masks and boxes are counted, and lists give the splits."""
    for folder in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(4):
        (tmp_path / f"JPEGImages/{number}.jpg").write_bytes(image_bytes(synthetic_photo(seed=number), "JPEG"))
        mask = np.full((60, 80), number, np.uint8)
        mask[5:20, 5:30] = number + 1
        Image.fromarray(mask).save(tmp_path / f"SegmentationClass/{number}.png")
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
        size = "<size><width>80</width><height>60</height><depth>3</depth></size>"
        text = f"<annotation><filename>{number}.jpg</filename>{size}<object><name>a</name>{box}</object></annotation>"
        (tmp_path / f"Annotations/{number}.xml").write_text(text, encoding="utf-8")
    (tmp_path / "ImageSets/Main/train.txt").write_text("0\n1\n", encoding="utf-8")
    (tmp_path / "ImageSets/Main/val.txt").write_text("2\n", encoding="utf-8")
    (tmp_path / "ImageSets/Main/trainval.txt").write_text("0\n1\n2\n", encoding="utf-8")
    found = inspect_folder(tmp_path)
    assert found.images == 4
    assert found.splits == {"train": 2, "val": 1}
    assert (found.masks["files"], found.masks["forms"]) == (4, {"mask": 4})
    assert "SegmentationClass" in found.masks["found"][0]
    assert (found.annotations["files"], found.annotations["forms"]) == (4, {"voc": 4})
    assert found.sidecars["forms"] == {"names": 3}
    assert inspect_folder(tmp_path, masks="none").images == 8


def test_an_inspection_that_is_stopped_returns_what_it_has_found(dataset):
    stop = threading.Event()
    steps = []

    def note(progress):
        steps.append(progress)
        if progress.note == "Inspecting" and progress.done:
            stop.set()

    found = inspect_folder(dataset, jobs=1, engine="threads", stop=stop, progress=note)
    assert found.stopped == "interrupted"
    assert 0 < found.images < 8
    assert {step.total for step in steps} == {None, 8}


def test_wrong_usage_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        inspect_folder(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no image was found in"):
        inspect_folder(tmp_path)
    with pytest.raises(UsageError, match="engine='dask': an inspection works on this machine; expected one of"):
        inspect_folder(tmp_path, engine="dask")
    with pytest.raises(UsageError, match="jobs=0"):
        inspect_folder(tmp_path, jobs=0)
