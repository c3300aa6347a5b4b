"""Masks and labels in archives are told."""

import shutil

import pytest

import label_trees
from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder
from icsys.sources.base import Ignored, Task
from icsys.sources.companions.archived_masks import unclear_in_archives


def told(*paths):
    planned = [Task(path, "") for path in paths] + [Ignored("notes.txt")]
    return unclear_in_archives(lambda: iter(planned))


def test_images_with_the_names_of_masks_and_the_stems_of_pictures_are_told():
    (text,) = told("images/a.jpg", "images/b.jpg", "masks/a.png", "masks/b.png", "c.jpg", "c_mask.png")
    assert text.startswith("3 images in masks, . may be masks, which ics takes for masks in folders, zips and")
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


def test_a_run_on_a_compressed_tar_tells_once(tmp_path):
    tree = label_trees.write_pairs(tmp_path / "in", count=2)
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
    assert len(notices) == 1
    assert notices[0].startswith("2 images in masks may be masks")


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


def test_files_with_the_stems_of_images_are_told():
    names = [*(f"a/{n}.txt" for n in range(4)), "a/0.xml", "notes.md", "about.txt"]
    planned = [*map(Ignored, names), *(Task(f"b/{n}.jpg", "") for n in range(4))]
    first, second = unclear_in_archives(lambda: iter(planned), masks=False)
    assert first.startswith("5 files *.txt in a, . have the stems of images and are left out")
    assert second.startswith("1 file *.xml in a have")


def test_files_without_images_of_their_stems_are_not():
    planned = [
        *(Ignored(f"{n}.txt") for n in range(4)),
        Ignored("data.json"),
        *(Task(f"b{n}.jpg", "") for n in range(4)),
    ]
    assert unclear_in_archives(lambda: iter(planned)) == ()
