"""The walk finds every image once and leaves the rest alone."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import image_bytes, manifest_row, synthetic_photo
from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST, OWN_PREFIX
from icsys.options import Options
from icsys.records.manifest import to_line
from icsys.records.pending_outputs import write_pending
from icsys.records.run_json import write_run
from icsys.shard import Shard
from icsys.shards.state_folders import state_folder_of
from icsys.sources import folder_entries as module
from icsys.sources.base import Ignored, PassedOver, Task, Unreadable
from icsys.sources.folder import Folder, plan_by_class, plan_folder
from icsys.summary import RunSummary

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


def test_counting_meets_what_a_plan_meets_in_the_same_order(tmp_path):
    make(tmp_path, "train/cat/a.jpg", "train/cat/a.png", "train/Cat/b.JPG", "b.png", "b/c.Jpeg", ".hidden.jpg", "photo")
    make(tmp_path, "notes.txt", "jpg", "end.", data=b"no image")
    planned, counted = (list(plan_folder(tmp_path, tmp_path / "out", suffix)) for suffix in (".png", ""))
    assert [(type(one), one.source) for one in counted] == [(type(one), one.source) for one in planned]
    assert sum(isinstance(one, Task) for one in planned) == 6


def test_a_photo_that_cannot_be_read_is_named_as_a_path_names_it(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.jpg").mkdir()
    monkeypatch.chdir(tmp_path)
    for source in (Path(), tmp_path):
        with pytest.raises(OSError, match=r"not a regular file|denied") as caught:
            Folder(source, tmp_path / "out").read(Task("a/b.jpg", "a/b.png"), Options())
        assert str(source / "a" / "b.jpg") in str(caught.value)
        assert "./" not in str(caught.value)


def test_an_image_without_a_known_suffix_is_found_by_its_content(tmp_path):
    make(tmp_path, "photo", "photo.data")
    make(tmp_path, "notes.txt", "labels.json", data=b"no image")
    tasks, ignored = plan(tmp_path)
    assert set(tasks) == {"photo", "photo.data"}
    assert ignored == ["labels.json", "notes.txt"]


def test_a_broken_file_with_an_images_name_is_not_passed_over(tmp_path):
    make(tmp_path, "a.JPG", data=b"")
    assert plan(tmp_path)[0] == {"a.JPG": "a.png"}


def test_hidden_files_are_left_alone_and_counted_except_our_own_temporaries(tmp_path):
    make(tmp_path, ".DS_Store", ".cache/a.png", f"{OWN_PREFIX}0.tmp", "a.png")
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


def put_mark(folder, kind):
    """Put into a folder what a run of one kind leaves: one that ended, was killed before or after its first image."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "run":
        write_run(RootedPath(folder), {}, RunSummary(), "1", source="/in", started=0.0)
    elif kind == "lines":
        (folder / MANIFEST).write_bytes(to_line(manifest_row("a.png")))
    elif kind == "pending":
        write_pending(RootedPath(folder), {"a.png": "a.jpg"})
    else:
        state_folder_of(RootedPath(folder), Shard(1, 2)).make_folders()


MARKS = ("run", "lines", "pending", "state")
# Names that are one on some file systems, and none that an output may have.
FOLDERS = st.lists(st.sampled_from(["a", "A", "b", "out", "Out", "é", "e\u0301"]), max_size=3).map("/".join)
NAMES = st.sampled_from(["x.png", "x.jpg", "X.png", "y.png", "notes.txt", "run.json", "manifest.jsonl"])
FILES = st.tuples(FOLDERS, NAMES).map(lambda path: "/".join(filter(None, path)))


def make_files(folder, names):
    """Write images, and files of other programs."""
    images = {name for name in names if Path(name).suffix in {".png", ".jpg"}}
    make(folder, *images)
    make(folder, *set(names) - images, data=b"{}\n")


@settings(deadline=None, max_examples=60)
@given(
    st.sets(FILES, max_size=12),
    st.lists(st.tuples(FOLDERS.filter(bool), st.sampled_from(MARKS)), max_size=3),
    st.sets(FILES, max_size=6),
)
def test_a_tree_with_output_folders_is_planned_as_the_tree_without_them(photos, outputs, inside):
    """In every place, with any content, for every kind of run that made them."""
    roots = [path for path, _ in outputs]

    def below(path):
        return any(path == root or path.startswith(f"{root}/") for root in roots)

    with tempfile.TemporaryDirectory() as name:
        plain, mixed = Path(name, "plain"), Path(name, "mixed")
        for folder in (plain, mixed):
            folder.mkdir()
        make_files(plain, {photo for photo in photos if not below(photo)})
        make_files(mixed, photos)
        for path, kind in outputs:
            make_files(mixed / path, inside)
            put_mark(mixed / path, kind)
        nowhere = Path(name, "nowhere")
        lists = [list(plan_folder(folder, nowhere, ".png")) for folder in (plain, mixed)]
        # Only folders whose names are one to some file systems may come in another order.
        assert sorted(plan_by_class(mixed, nowhere)) == sorted(plan_by_class(plain, nowhere))
        passed_over = [planned.source for planned in lists[1] if isinstance(planned, PassedOver)]
        assert sorted(planned for planned in lists[1] if not isinstance(planned, PassedOver)) == sorted(lists[0])
        outermost = {root for root in roots if not any(root.startswith(f"{other}/") for other in roots)}
        assert sorted(passed_over) == sorted(outermost)
        # With ``include_outputs`` they are folders like others.
        everything = plan_folder(mixed, nowhere, ".png", include_outputs=True)
        everything = {planned.source for planned in everything if isinstance(planned, Task)}
        assert everything == {p.relative_to(mixed).as_posix() for p in mixed.rglob("*") if p.suffix in {".png", ".jpg"}}


@pytest.mark.parametrize("kind", MARKS)
def test_the_source_itself_may_be_an_output_folder_and_lie_in_one(kind, tmp_path):
    put_mark(tmp_path / "out", kind)
    make(tmp_path / "out", "cat/a.png")
    assert plan(tmp_path / "out")[0] == {"cat/a.png": "cat/a.png"}
    assert plan(tmp_path / "out" / "cat")[0] == {"a.png": "a.png"}
    assert list(plan_folder(tmp_path, tmp_path / "other", ".png")) == [PassedOver("out")]
    assert list(plan_folder(tmp_path, tmp_path / "out", ".png")) == []  # its own destination is not worth a word


def test_a_users_own_run_json_hides_no_photo(tmp_path):
    make(tmp_path, "a/x.png", "b/y.png")
    make(tmp_path, "a/run.json", data=b'{"experiment": 7, "summary": {"loss": 0.5}}')
    make(tmp_path, "b/manifest.jsonl", data=b'{"file_name": "y.png"}\n')
    assert plan(tmp_path) == ({"a/x.png": "a/x.png", "b/y.png": "b/y.png"}, ["a/run.json", "b/manifest.jsonl"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_lead_into_no_output_folder(tmp_path):
    make(tmp_path, "source/a.png", "out/cat/b.png", "photos/c.png", "source/small/cat/d.png")
    put_mark(tmp_path / "out", "run")
    put_mark(tmp_path / "source/small", "run")
    for link, target in (("whole", "out"), ("part", "out/cat"), ("photos", "photos"), ("again", "source/small/cat")):
        (tmp_path / "source" / link).symlink_to(tmp_path / target, target_is_directory=True)
    plans = [
        list(plan_folder(tmp_path / "source", tmp_path / "new", ".png", follow_links=True, include_outputs=include))
        for include in (False, True)
    ]
    tasks = [{task.source for task in planned if isinstance(task, Task)} for planned in plans]
    passed_over = [{one.source for one in planned if isinstance(one, PassedOver)} for planned in plans]
    assert tasks[0] == {"a.png", "photos/c.png"}
    assert passed_over == [{"whole", "part", "again", "small"}, set()]
    assert tasks[1] == tasks[0] | {"whole/cat/b.png", "part/b.png", "again/d.png", "small/cat/d.png"}
    # Of a source that is an output folder, or lies in one, links to the rest of it are its own.
    (tmp_path / "out" / "more").symlink_to(tmp_path / "out" / "cat", target_is_directory=True)
    planned = plan_folder(tmp_path / "out", tmp_path / "new", ".png", follow_links=True)
    assert {task.source for task in planned if isinstance(task, Task)} == {"cat/b.png", "more/b.png"}


def test_a_folder_without_such_a_file_is_not_looked_at_again(tmp_path, monkeypatch):
    make(tmp_path, *(f"{number}/a.png" for number in range(5)))
    monkeypatch.setattr(module, "is_output_folder", lambda folder: pytest.fail(f"{folder} was looked at"))
    assert len(plan(tmp_path)[0]) == 5
