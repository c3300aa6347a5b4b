"""Masks and labels in archives where they are not looked for are told."""

import shutil

import pytest

import label_trees
from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder
from icsys.sources.base import Ignored, Task
from icsys.sources.companions.archived_masks import labels_in_archives, masks_in_archives


def told(*paths):
    planned = [Task(path, "") for path in paths] + [Ignored("notes.txt")]
    return masks_in_archives(lambda: iter(planned))


def test_images_with_the_names_of_masks_and_the_stems_of_pictures_are_told():
    (text,) = told("images/a.jpg", "images/b.jpg", "masks/a.png", "masks/b.png", "c.jpg", "c_mask.png")
    assert text.startswith("3 images in masks, . may be masks. They are compressed like pictures")
    assert "--no-masks" in text


@pytest.mark.parametrize(
    "paths",
    [
        (),
        ("a.jpg", "masks/a.jpg"),
        ("cat/a.png", "dog/a.png"),
        ("cat/1.png", "cat/2.png", "masks/3.png", "masks/4.png"),
        ("masks/a.png", "labels/a.png"),
    ],
)
def test_other_images_are_not(paths):
    assert told(*paths) == ()


@pytest.mark.parametrize(
    ("others", "count"),
    [
        (["labels/a.txt", "labels/b.txt"], 2),
        (["images/a.xml"], 1),
        (["README.txt"], 0),
        (["images/a.cls"], 0),
        (["x.json", "y.json", "a.json"], 0),
        ([], 0),
    ],
)
def test_files_with_the_stems_of_pictures_may_be_labels(others, count):
    planned = [Task("images/a.jpg", ""), Task("images/b.jpg", ""), *map(Ignored, others)]
    found = labels_in_archives(lambda: iter(planned))
    assert [text.split()[0] for text in found] == [str(count)] * bool(count)


def test_a_run_on_a_compressed_archive_tells_once(tmp_path):
    tree = label_trees.write_pairs(tmp_path / "in", count=2)
    (tree.root / "images" / "0000.txt").write_text("0 .5 .5 .5 .5")
    archive = shutil.make_archive(str(tmp_path / "a"), "gztar", tree.root)
    notices = []
    for number, masks in enumerate(("auto", "none")):
        compress_folder(
            archive,
            tmp_path / f"out{number}",
            Options(strategy="SO"),
            masks=masks,
            progress=lambda one: one.notice and notices.append(one.notice),
        )
    masks, *labels = notices
    assert masks.startswith("2 images in masks may be masks")
    assert len(labels) == 2
    assert all("1 file in images may be labels and are left out" in text for text in labels)


def test_a_run_on_a_folder_tells_what_is_unclear(tmp_path):
    for name in ("images/a.png", "masks/a.png"):
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True)
        place.write_bytes(image_bytes(synthetic_photo(24, 24)))
    notices = []
    compress_folder(
        tmp_path / "in",
        tmp_path / "out",
        Options(strategy="SO"),
        progress=lambda one: one.notice and notices.append(one.notice),
    )
    assert len(notices) == 1
    assert "some have more than 256 values" in notices[0]
