"""Files by their names as a source, beside a run over a folder that holds just these files."""

import html
import json
import shlex
import shutil
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compress_folder, verify_folder
from icsys.report.run_page import report_folder
from icsys.sources.base import Task
from icsys.sources.files import open_files
from icsys.sources.folder import Folder
from source_makers import put_folder, put_zip

SO = Options(strategy="SO")
FILES = {
    name: image_bytes(synthetic_photo(20, 30, seed=i), "PNG")
    for i, name in enumerate(["cat/a.png", "cat/a.gif", "cat/sub/a.png", "dog/a.png", "dog/b.png", "top.png"])
}
PARTS = st.sampled_from(["a", "b.png", "a.jpg", "c"])
NAMES = st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(PARTS, max_size=2), PARTS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(names=st.sets(NAMES, min_size=1, max_size=6))
def test_outputs_are_those_of_a_folder_that_holds_just_these_files(names, tmp_path):
    names = {name for name in names if not any(other.startswith(f"{name}/") for other in names)}
    folder = put_folder(tmp_path / "in", dict.fromkeys([*names, "beside", "zz/beside"], b"GIF89a"))
    opened = open_files([folder / name for name in [*names, "beside", "zz/beside"]], tmp_path / "out")
    planned = {task.source: task.output for task in opened.plan(".png")}
    whole = Folder(folder, tmp_path / "out").plan(".png")
    assert planned == {task.source: task.output for task in whole if isinstance(task, Task)}
    shutil.rmtree(folder)


def test_files_give_the_same_outputs_and_rows_as_their_folder(tmp_path):
    folder = put_folder(tmp_path / "in", FILES)
    by_name, summary = compress_into([folder / name for name in FILES], tmp_path / "named", jobs=2)
    assert (summary.compressed, summary.failed) == (len(FILES), 0)
    assert by_name.keys() == FILES.keys()
    compress_folder(folder, tmp_path / "whole", SO)
    assert tree(tmp_path / "named") == tree(tmp_path / "whole")
    assert (tmp_path / "named/manifest.jsonl").read_bytes() == (tmp_path / "whole/manifest.jsonl").read_bytes()
    assert verify_folder(tmp_path / "named").is_intact


def test_a_run_over_some_files_leaves_the_outputs_of_the_others_as_they_are(tmp_path):
    folder = put_folder(tmp_path / "in", FILES | {"bad.png": b"bad"})
    assert compress_folder(folder, tmp_path / "out", SO).failed == 1
    before = tree(tmp_path / "out"), (tmp_path / "out/manifest.jsonl").read_bytes()
    again = compress_folder([folder / "top.png", folder / "cat/sub/a.png", folder / "top.png"], tmp_path / "out", SO)
    assert (again.skipped, again.stale) == (2, [])
    assert (tree(tmp_path / "out"), (tmp_path / "out/manifest.jsonl").read_bytes()) == before
    assert json.loads((tmp_path / "out/failures.jsonl").read_text("utf-8"))["source_path"] == "bad.png"


def test_a_page_about_files_shows_the_command_of_these_files(tmp_path):
    folder = put_folder(tmp_path / "in", {f"{number:02}.png": FILES["top.png"] for number in range(12)})
    names = [f"{folder}/{number:02}.png" for number in range(12)]
    for count, words in ((2, names[:2]), (12, [*names[:10], "…"])):
        compress_folder(names[:count], tmp_path / "out", SO)
        page = report_folder(tmp_path / "out").read_text("utf-8")
        assert shlex.join(["ics", "compress", *words, str(tmp_path / "out")]) in html.unescape(page)


def test_a_dry_run_over_files_writes_nothing(tmp_path):
    folder = put_folder(tmp_path / "in", FILES)
    assert compress_folder(folder / "top.png", tmp_path / "out", SO, dry_run=True).compressed == 1
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind_fails_and_the_rest_is_done(tmp_path):
    folder = put_folder(tmp_path / "in", FILES | {"notes.txt": b"text", "empty.jpg": b"", ".hidden": FILES["top.png"]})
    names = ["notes.txt", "empty.jpg", "top.png", ".hidden"]
    _, summary = compress_into([folder / name for name in names], tmp_path / "out")
    assert {failed.source: failed.code for failed in summary.failures} == {
        "notes.txt": "unidentified",
        "empty.jpg": "empty",
    }
    assert set(tree(tmp_path / "out")) == {"top.png", ".hidden.png"}


def test_a_pattern_names_files_in_all_its_folders(tmp_path):
    folder = put_folder(tmp_path / "in", FILES)
    compress_folder(folder / "*" / "a.png", tmp_path / "out", SO)
    assert set(tree(tmp_path / "out")) == {"cat/a.png", "dog/a.png"}
    compress_folder([folder / "{cat,dog}" / "*.png", folder / "top.png"], tmp_path / "more", SO)
    assert set(tree(tmp_path / "more")) == {"cat/a.png", "dog/a.png", "dog/b.png", "top.png"}
    (folder / "[odd].png").write_bytes(FILES["top.png"])
    compress_folder(folder / "[odd].png", tmp_path / "odd", SO)
    assert set(tree(tmp_path / "odd")) == {"[odd].png"}


def test_several_archives_by_name_are_one_source(tmp_path):
    for name in ("cat", "dog"):
        put_zip(tmp_path / f"{name}.zip", {f"{name}.png": FILES["top.png"]})
    compress_folder([tmp_path / "cat.zip", tmp_path / "dog.zip"], tmp_path / "out", SO)
    assert set(tree(tmp_path / "out")) == {"cat.png", "dog.png"}


def test_a_shared_palette_of_a_class_is_found_for_files_too(tmp_path):
    folder = put_folder(tmp_path / "in", FILES)
    files = [folder / name for name in FILES if "/" in name]
    options = Options(palette="class", colors=4, step=2)
    compress_folder(files, tmp_path / "named", options)
    (folder / "top.png").unlink()
    compress_folder(folder, tmp_path / "whole", options)
    assert tree(tmp_path / "named") == tree(tmp_path / "whole")


def test_what_files_by_name_cannot_do_is_refused(tmp_path):
    folder = put_folder(tmp_path / "in", FILES | {".ics-x.png": b""})
    for files, more, message in (
        ([folder / "top.png", folder / "gone.png"], {}, r"gone\.png' does not exist: expected image files"),
        ([folder / "top.png", folder / "cat"], {}, "cat' is a folder: expected one folder, or image files only"),
        ([folder / "top.png", folder / ".ics-x.png"], {}, "a name that ics keeps"),
        ([folder / "top.png"], {"shard": "1/2"}, "shard='1/2' with files by name"),
        ([folder / "top.png", folder / "cat/a.png"], {"engine": "dask"}, "with engine='dask': expected a folder"),
    ):
        with pytest.raises(UsageError, match=message):
            compress_folder(files, tmp_path / "out", SO, **more)
    for destination in (folder, tmp_path, folder / "cat" / "..", folder / "dog"):
        with pytest.raises(UsageError, match="lies in destination"):
            compress_folder([folder / "top.png", folder / "dog" / "a.png"], destination, SO)
    assert tree(folder) == FILES | {".ics-x.png": b""}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_by_name_is_followed_and_keeps_its_name(tmp_path):
    folder = put_folder(tmp_path / "in", FILES)
    (folder / "link.png").symlink_to(folder / "cat" / "a.png")
    (tmp_path / "shortcut").symlink_to(folder / "cat")
    compress_folder([folder / "link.png", tmp_path / "shortcut" / ".." / "top.png"], tmp_path / "out", SO)
    assert set(tree(tmp_path / "out")) == {"link.png", "top.png"}
