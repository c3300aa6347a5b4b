"""The walk finds every image once and leaves the rest alone."""

import os
import sys

import pytest

from helpers import image_bytes, synthetic_photo
from icsys.dataset.folder import Ignored, Task, Unreadable, plan_folder
from icsys.dataset.layout import OURS

PNG = image_bytes(synthetic_photo(4, 4))


def make(folder, *names, data=PNG):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def plan(source, destination=None):
    planned = list(plan_folder(source, destination or source.parent / "nowhere", ".png"))
    tasks = {task.source: task.output for task in planned if isinstance(task, Task)}
    ignored = [other.source for other in planned if isinstance(other, Ignored)]
    assert len(tasks) + len(ignored) == len(planned)
    return tasks, ignored


def test_sub_folders_and_names_are_kept(tmp_path):
    make(tmp_path, "train/cat/a.jpg", "train/dog/a.jpg", "b.png")
    assert plan(tmp_path)[0] == {
        "b.png": "b.png",
        "train/cat/a.jpg": "train/cat/a.png",
        "train/dog/a.jpg": "train/dog/a.png",
    }


def test_an_image_is_told_by_its_content_where_its_name_says_nothing(tmp_path):
    make(tmp_path, "photo", "photo.data")
    make(tmp_path, "notes.txt", "labels.json", data=b"no image")
    tasks, ignored = plan(tmp_path)
    assert set(tasks) == {"photo", "photo.data"}
    assert ignored == ["labels.json", "notes.txt"]


def test_a_broken_file_with_an_images_name_is_not_passed_over(tmp_path):
    make(tmp_path, "a.JPG", data=b"")
    assert plan(tmp_path)[0] == {"a.JPG": "a.png"}


def test_hidden_files_are_left_alone_and_counted_but_our_own_temporaries_are_nobodys(tmp_path):
    make(tmp_path, ".DS_Store", ".cache/a.png", f"{OURS}0.tmp", "a.png")
    assert plan(tmp_path) == ({"a.png": "a.png"}, [".DS_Store", ".cache"])


def test_an_image_beside_a_file_of_the_same_stem_keeps_its_name(tmp_path):
    make(tmp_path, "a.jpg")
    make(tmp_path, "a.txt", data=b"0 0.5 0.5 1 1")
    assert plan(tmp_path)[0] == {"a.jpg": "a.png"}


def test_a_destination_inside_the_source_is_not_read(tmp_path):
    make(tmp_path, "a.png", "Compressed/a.png", "other/Compressed/a.png")
    assert set(plan(tmp_path, tmp_path / "Compressed")[0]) == {"a.png", "other/Compressed/a.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_not_followed_and_loops_end(tmp_path):
    make(tmp_path, "source/a.png", "outside/b.png")
    (tmp_path / "source/link.png").symlink_to(tmp_path / "outside/b.png")
    (tmp_path / "source/loop").symlink_to(tmp_path / "source", target_is_directory=True)
    assert plan(tmp_path / "source") == ({"a.png": "a.png"}, ["link.png", "loop"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert plan(tmp_path) == ({}, ["pipe.png"])


def test_folders_that_are_one_on_some_file_systems_share_no_output(tmp_path):
    make(tmp_path, "Cat/a.jpg", "cat/a.jpg")
    if len(list(tmp_path.iterdir())) == 1:
        assert len(plan(tmp_path)[0]) == 1
    else:
        assert plan(tmp_path)[0] == {"Cat/a.jpg": "Cat/a.jpg.png", "cat/a.jpg": "cat/a.jpg~2.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_followed_on_request_up_to_a_loop(tmp_path):
    make(tmp_path, "source/a/x.png", "outside/b.png")
    (tmp_path / "source/link.png").symlink_to(tmp_path / "outside/b.png")
    (tmp_path / "source/folder").symlink_to(tmp_path / "outside", target_is_directory=True)
    (tmp_path / "source/a/loop").symlink_to(tmp_path / "source", target_is_directory=True)
    (tmp_path / "source/again").symlink_to(tmp_path / "source/a", target_is_directory=True)
    planned = list(plan_folder(tmp_path / "source", tmp_path / "out", ".png", follow_links=True))
    assert {task.source for task in planned if isinstance(task, Task)} == {
        *("a/x.png", "again/x.png", "folder/b.png", "link.png"),
    }
    assert {other.source for other in planned if isinstance(other, Ignored)} == {"a/loop", "again/loop"}
    (tmp_path / "source/none.png").symlink_to(tmp_path / "none")
    planned = list(plan_folder(tmp_path / "source", tmp_path / "out", ".png", follow_links=True))
    assert [p.message for p in planned if isinstance(p, Unreadable)] == [
        "the file cannot be read: the link leads nowhere"
    ]
