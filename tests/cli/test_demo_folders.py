"""A demo uses only folders that are missing or hold an earlier demo, and changes no other file."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fault_runs import needs_posix, wait_until
from helpers import ics, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compress_folder
from icsys.cli import demo_folders as module
from icsys.cli.demo_folders import choose_folders
from icsys.cli.demo_photos import copy_samples, sample_photos

pytestmark = pytest.mark.usefixtures("unsynced")
GIVEN = "Uncompressed", "Compressed"
APART = str(Path("ics-demo", "Uncompressed")), str(Path("ics-demo", "Compressed"))
SECOND = str(Path("ics-demo-2", "Uncompressed")), str(Path("ics-demo-2", "Compressed"))
SMALL = Options(strategy="SO", step=20)
MINE = image_bytes(synthetic_photo(), "JPEG")
links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folders Uncompressed and Compressed of a finished demo, to be copied."""
    folder = tmp_path_factory.mktemp("done")
    do_demo(folder)
    return folder


def do_demo(folder, options=SMALL, **settings):
    copy_samples(folder / "Uncompressed")
    return compress_folder(folder / "Uncompressed", folder / "Compressed", options, **settings)


def chosen():
    return choose_folders(*GIVEN)


def contents_and_times(folder):
    """Return all files with their times, links with their targets, and folders."""
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink())
            if path.is_symlink()
            else (path.read_bytes(), path.stat().st_mtime_ns)
            if path.is_file()
            else None
        )
        for path in sorted(folder.rglob("*"))
    }


def test_folders_that_are_missing_or_empty_are_used(here):
    assert chosen() == GIVEN
    assert contents_and_times(here) == {}
    for name in GIVEN:
        (here / name).mkdir()
        assert chosen() == GIVEN


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([SMALL], {}),
        ([SMALL, SMALL.replace(format="webp"), SMALL.replace(step=10)], {}),
        ([Options(colors=8, step=20, palette="dataset")], {}),
        ([Options(colors=8, step=20, palette="class"), Options(colors=4, step=20)], {}),
        ([SMALL.replace(format="webdataset", shard_images=3), SMALL.replace(format="webdataset")], {}),
        ([SMALL.replace(format="parquet")], {}),
        ([SMALL.replace(format="jpeg"), SMALL.replace(max_pixels=1)], {}),
        ([SMALL], {"shard": "1/2"}),
    ],
    ids=["files", "again", "palette", "palettes", "shards", "parquet", "failures", "part"],
)
def test_a_demo_reuses_its_own_folders_with_any_options(here, options, settings):
    for each in options:
        do_demo(here, each, **settings)
        assert chosen() == GIVEN
    assert contents_and_times(here)["Compressed"] is None


def test_missing_samples_and_report_pages_do_not_matter(here, done):
    shutil.copytree(done, here, dirs_exist_ok=True)
    (here / "Uncompressed" / "china.jpg").unlink()
    (here / "Compressed" / "flower.png").unlink()
    assert chosen() == GIVEN
    assert ics("report", cwd=here)[0] == 0
    assert chosen() == GIVEN
    shutil.rmtree(here / "Uncompressed")
    assert chosen() == GIVEN


STRANGE = {
    "a photo of one's own": ("Uncompressed/mine.jpg", MINE),
    "one that is named as a sample": ("Uncompressed/china.jpg", MINE),
    "a note": ("Uncompressed/notes.txt", b"mine"),
    "a folder of photos": ("Uncompressed/cat/a.jpg", MINE),
    "a folder that is named as a sample": ("Uncompressed/china.jpg/a.jpg", MINE),
    "a file among the outputs": ("Compressed/notes.txt", b"mine"),
    "a picture among the outputs": ("Compressed/mine.png", MINE),
    "one that is named as an output": ("Compressed/china.png", MINE),
    "a folder among the outputs": ("Compressed/cat/a.png", MINE),
    "shards": ("Compressed/data/train-00000.tar", MINE),
    "an index of shards": ("Compressed/shards.json", b"{}"),
    "a palette": ("Compressed/palette.json", b"{}"),
    "one for GIMP": ("Compressed/palette.gpl", b"GIMP Palette\n1 2 3\n"),
    "a page": ("Compressed/report.html", b"<!doctype html><title>mine</title>"),
    "an empty manifest": ("Compressed/manifest.jsonl", b""),
    "another manifest": ("Compressed/manifest.jsonl", b'{"file_name": "a.png"}\n'),
    "another list of failures": ("Compressed/failures.jsonl", b"mine\n"),
    "another run.json": ("Compressed/run.json", b'{"experiment": 7}'),
}


@pytest.mark.parametrize("before", ["nothing", "a demo"])
@pytest.mark.parametrize("what", STRANGE)
def test_a_foreign_file_protects_both_folders(here, done, what, before):
    if before == "a demo":
        shutil.copytree(done, here, dirs_exist_ok=True)
    path, data = STRANGE[what]
    if (here / path).parent.is_file():
        (here / path).parent.unlink()
    (here / path).parent.mkdir(parents=True, exist_ok=True)
    (here / path).write_bytes(data)
    assert chosen() == APART


@pytest.mark.parametrize("name", [*GIVEN, "ics-demo"])
@pytest.mark.parametrize("kind", ["file", "link", "link to nowhere", "link to itself"])
@links
def test_a_file_or_link_instead_of_a_folder_is_not_used(here, done, name, kind):
    place = here / name
    if kind == "file":
        place.write_bytes(b"mine")
    elif kind == "link":
        shutil.copytree(done, here / "elsewhere")
        place.symlink_to(here / "elsewhere" / (name if name in GIVEN else "."), target_is_directory=True)
    else:
        place.symlink_to("nowhere" if kind == "link to nowhere" else name)
    if name == "ics-demo":
        assert chosen() == GIVEN
        (here / "Uncompressed").mkdir()
        (here / "Uncompressed" / "mine.jpg").write_bytes(MINE)
        assert chosen() == SECOND
    else:
        assert chosen() == APART


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize(
    "name",
    [
        *("Uncompressed/china.jpg", "Compressed/china.png", "Compressed/run.json", "Compressed/shards.json"),
        *("Compressed/palette.json", "Compressed/.ics-claims", "Compressed/.ics-books/1-of-2/.ics-claims", "ics-demo"),
    ],
)
def test_a_pipe_never_blocks_a_demo(here, done, name):
    if name != "ics-demo":
        shutil.copytree(done, here, dirs_exist_ok=True)
    else:
        (here / "Compressed").write_bytes(b"mine")
    if "shards" in name:
        (here / "Compressed" / "data").mkdir()
    (here / name).unlink(missing_ok=True)
    (here / name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(here / name)
    assert chosen() == (SECOND if name == "ics-demo" else APART)


@pytest.mark.parametrize("name", ["Uncompressed/china.jpg", "Compressed/china.png", "Compressed/manifest.jsonl"])
@links
def test_a_link_to_identical_bytes_is_foreign(here, done, name):
    shutil.copytree(done, here, dirs_exist_ok=True)
    (here / name).replace(here / "mine")
    (here / name).symlink_to(here / "mine")
    assert chosen() == APART


def test_outputs_of_other_photos_are_foreign_even_with_a_manifest(here):
    (here / "photos").mkdir()
    (here / "photos" / "china.jpg").write_bytes(MINE)
    compress_folder(here / "photos", here / "Compressed", SMALL)
    assert chosen() == APART
    (here / "Compressed" / "china.png").unlink()  # its manifest row stays
    assert chosen() == APART
    shutil.rmtree(here / "Compressed")
    compress_folder(here / "photos", here / "Compressed", SMALL.replace(format="webdataset"))
    for name in ("manifest.jsonl", "run.json"):
        (here / "Compressed" / name).unlink()
    assert chosen() == APART
    shutil.rmtree(here / "Compressed")
    (here / "photos" / "china.jpg").write_bytes(b"no photo")
    (here / "photos" / "mine.jpg").write_bytes(b"no photo")
    compress_folder(here / "photos", here / "Compressed", SMALL)
    assert chosen() == APART
    shutil.rmtree(here / "Compressed")
    (here / "photos" / "cat").mkdir()
    shutil.copy(next(sample_photos()), here / "photos" / "cat")
    (here / "photos" / "china.jpg").unlink()
    (here / "photos" / "mine.jpg").unlink()
    compress_folder(here / "photos", here / "Compressed", SMALL)
    assert chosen() == APART


def test_a_forged_pending_output_does_not_make_a_file_the_demos(here, done):
    """Anyone may forge a list of pending outputs, so the file itself must be from a run."""
    (here / "Compressed").mkdir()
    (here / "Compressed" / ".ics-claims").write_text('{"china.png": "china.jpg"}\n', "utf-8")
    assert chosen() == GIVEN
    shutil.copy(done / "Compressed" / "china.png", here / "Compressed")
    assert chosen() == GIVEN
    (here / "Compressed" / "china.png").write_bytes(MINE)
    assert chosen() == APART
    (here / "Compressed" / "china.png").unlink()
    for pending in ('{"mine.png": "mine.jpg"}', '["cat/china.png"]', '{"china.jpg": "china.jpg"}', '["../china.png"]'):
        (here / "Compressed" / ".ics-claims").write_text(pending + "\n", "utf-8")
        own = "china.jpg" in pending or ".." in pending  # a path outside the folder is no pending output
        assert chosen() == (GIVEN if own else APART)


def test_the_first_suitable_folder_is_used(here, done):
    (here / "Uncompressed").mkdir()
    (here / "Uncompressed" / "mine.jpg").write_bytes(MINE)
    shutil.copytree(done, here / "ics-demo")
    assert chosen() == APART
    (here / "ics-demo" / "notes.txt").write_text("mine", "utf-8")
    assert chosen() == SECOND
    (here / "ics-demo-2").write_text("mine", "utf-8")
    assert chosen()[0] == str(Path("ics-demo-3", "Uncompressed"))
    (here / "ics-demo" / "notes.txt").unlink()
    assert chosen() == APART


def test_without_a_suitable_folder_there_is_an_error(here, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 3)
    for name in ("Compressed", "ics-demo", "ics-demo-2"):
        (here / name).write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="run ics demo in an empty folder"):
        chosen()


NAMES = st.sampled_from(
    ["china.jpg", "flower.jpg", "china.png", "mine.jpg", "manifest.jsonl", "run.json", "cat/a.png", ".ics-mine"]
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.tuples(st.sampled_from([*GIVEN, *APART, "ics-demo"]), NAMES).map("/".join),
        st.sampled_from([b"", b"mine", MINE]),
        max_size=4,
    )
)
def test_a_demo_changes_no_existing_file(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("files")
    for name, data in files.items():
        if not any((folder / name).is_dir() or parent.is_file() for parent in (folder / name).parents):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    before = contents_and_times(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        source, destination = chosen()
        copy_samples(Path(source))
        compress_folder(source, destination, SMALL)
        assert chosen() == (source, destination)
    after = contents_and_times(folder)
    assert before.items() <= after.items()
    assert {Path(name).name for name in after if name.startswith(f"{Path(source).as_posix()}/")} >= {"china.jpg"}


def test_demo_copies_photos_and_compresses_them_twice(tmp_path):
    code, out, err = ics("demo", "--colors", 16, "--step", 10, cwd=tmp_path)
    assert code == 0
    assert "Sample photos copied into Uncompressed: china.jpg, flower.jpg" in err
    assert str(tmp_path / "Compressed") in out
    for name in ("china.png", "flower.png"):
        with Image.open(tmp_path / "Compressed" / name) as image:
            assert image.mode == "P"
            assert len(image.getcolors()) <= 16
    code, out, err = ics("demo", "--colors", 4, "--step", 10, cwd=tmp_path)
    assert code == 0
    assert "Sample photos already in Uncompressed" in err
    assert " 0 skipped, 0 failed" in out
    assert {path.name for path in tmp_path.iterdir()} == {*GIVEN}


def test_demo_leaves_photos_and_results_of_a_user_unchanged(tmp_path):
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "china.jpg").write_bytes(MINE)
    assert ics("compress", "--colors", 8, cwd=tmp_path)[0] == 0
    before = contents_and_times(tmp_path)
    code, out, err = ics("demo", "--colors", 16, "--step", 10, cwd=tmp_path)
    assert code == 0
    assert "uses ics-demo" in err.splitlines()[0]
    assert f"copied into {APART[0]}: china.jpg" in err
    assert str(tmp_path / APART[1]) in out
    assert before.items() <= contents_and_times(tmp_path).items()
    assert (tmp_path / APART[1] / "flower.png").exists()
    code, out, err = ics("demo", "--colors", 16, "--step", 10, "--json", cwd=tmp_path)
    assert json.loads(out)["summary"]["skipped"] == len(list(sample_photos()))
    assert not (tmp_path / "ics-demo-2").exists()


@pytest.mark.parametrize("flags", [("--colors", "0"), ("--shard", "1/2", "--palette", "dataset"), ("--step", "x")])
def test_wrong_usage_copies_nothing(tmp_path, flags):
    code, out, err = ics("demo", *flags, cwd=tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert contents_and_times(tmp_path) == {}


def test_the_samples_equal_the_files_in_the_packages(here):
    copy_samples(here / "Uncompressed")
    shipped = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sample_photos()}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in tree(here / "Uncompressed").items()} == shipped


@needs_posix
def test_a_killed_demo_resumes_in_the_same_folders(tmp_path):
    command = [sys.executable, "-m", "icsys", "demo", "--step", "10", "--jobs", "1"]
    for number in range(6):
        for name in GIVEN:
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        flags = ["--format", "webdataset"] if number % 2 else ["--strategy", "SO"]
        with subprocess.Popen(
            [*command, *flags], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            place = ("Uncompressed/*", "Compressed/**/*.png", "Compressed/manifest.jsonl")[number // 2]
            wait_until(lambda: process.poll() is not None or list(tmp_path.glob(place)))  # noqa: B023 - not kept
            process.kill()
        code, _, err = ics(*command[3:], *flags, cwd=tmp_path)
        assert code == 0, err
        assert {path.name for path in tmp_path.iterdir()} == {*GIVEN}
