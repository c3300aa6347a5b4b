"""Names and places that are trouble for an output."""

import json
import os
import sys
import unicodedata

import pytest

from fault_runs import OPTIONS, QUICK, run
from helpers import everything, image_bytes, synthetic_photo, tree
from icsys import Options, compress_folder

PHOTO = image_bytes(synthetic_photo(24, 32))


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(PHOTO)
    return folder


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_bytes().splitlines()]


@pytest.mark.fault(
    21, "two sources that would meet in one output", "made distinct at plan time, always in the same way"
)
def test_sources_of_one_stem_keep_their_whole_names(tmp_path, observed):
    """`a.png` beside `a.bmp`, which would both become `a.png`."""
    source = make(tmp_path / "in", "a.png", "a.bmp")
    compress_folder(source, tmp_path / "out", OPTIONS)
    assert set(tree(tmp_path / "out")) == {"a.png.png", "a.bmp.png"}
    observed("`a.png.png` and `a.bmp.png`")


@pytest.mark.fault(21, "a name that changes because a twin came", "the older output is reported as stale")
def test_an_output_whose_planned_name_has_changed_is_stale(tmp_path, observed):
    """`a.png` is compressed, then `a.bmp` comes beside it."""
    source = make(tmp_path / "in", "a.png")
    compress_folder(source, tmp_path / "out", OPTIONS)
    make(source, "a.bmp")
    summary = compress_folder(source, tmp_path / "out", OPTIONS)
    assert (summary.compressed, summary.stale) == (2, ["a.png"])
    assert {row["file_name"]: row["status"] for row in manifest(tmp_path / "out")} == {
        "a.bmp.png": "compressed", "a.png": "stale", "a.png.png": "compressed",
    }  # fmt: skip
    (source / "a.bmp").unlink()
    summary = compress_folder(source, tmp_path / "out", OPTIONS)
    assert (summary.compressed, summary.skipped) == (0, 1)
    assert summary.stale == ["a.bmp.png", "a.png.png"]
    observed("reported, kept, and `stale` in the manifest; taken for done again once the twin has gone")


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs a file system that distinguishes such names")
@pytest.mark.fault(22, "names that are one on other systems", "made distinct at plan time, always in the same way")
def test_names_that_are_one_elsewhere_share_no_output(tmp_path, observed):
    """`A.png` beside `a.png`, and one accented name in its two Unicode forms."""
    composed = "caf\u00e9.png"
    source = make(tmp_path / "in", "A.png", "a.png", composed, unicodedata.normalize("NFD", composed))
    summary = compress_folder(source, tmp_path / "out", OPTIONS)
    assert summary.compressed == 4
    keys = {unicodedata.normalize("NFC", row["file_name"]).casefold() for row in manifest(tmp_path / "out")}
    assert len(keys) == 4
    first = everything(tmp_path / "out")
    compress_folder(source, tmp_path / "other", OPTIONS)
    assert everything(tmp_path / "other") == first
    observed("four outputs whose names differ everywhere, the same in every run")


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs a file system that takes any bytes as a name")
@pytest.mark.fault(23, "a name that is not UTF-8", "processed; the manifest escapes it reversibly")
def test_a_name_that_is_not_utf_8_survives_the_manifest(tmp_path, observed):
    """A photo named `caf\\xe9.png` in Latin-1, in a folder named so too."""
    name = os.fsdecode(b"cl\xe9/caf\xe9.png")
    source = make(tmp_path / "in", name)
    summary = compress_folder(source, tmp_path / "out", OPTIONS)
    assert (summary.compressed, summary.failed) == (1, 0)
    raw = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    assert raw.decode("utf-8", "strict").isascii()
    (row,) = manifest(tmp_path / "out")
    assert os.fsencode(row["file_name"]) == os.fsencode(row["source_path"]) == b"cl\xe9/caf\xe9.png"
    assert compress_folder(source, tmp_path / "out", OPTIONS).skipped == 1
    done = run(sys.executable, "-m", "icsys", "compress", source, "out2", *QUICK, "--json", cwd=tmp_path)
    assert os.fsencode(json.loads(done.stdout)["files"][0]["source"]) == b"cl\xe9/caf\xe9.png"
    observed("`os.fsencode` of what JSON gives back is the name's very bytes; the next run skips it")


@pytest.mark.skipif(sys.platform == "win32", reason="needs names that Windows does not take")
@pytest.mark.fault(24, "newline, leading dash, quotes, 255 bytes", "processed; the temporary's name fits too")
def test_names_that_break_lines_and_limits(tmp_path, observed):
    """Four photos with such names."""
    names = ["new\nline.png", "-rf.png", "\"quote' `x`.png", "x" * 251 + ".png"]
    source = make(tmp_path / "in", *names)
    assert compress_folder(source, tmp_path / "out", OPTIONS).compressed == 4
    assert {row["source_path"] for row in manifest(tmp_path / "out")} == set(names)
    assert set(tree(tmp_path / "out")) == set(names)
    observed("four outputs of the same names, four lines in the manifest")


@pytest.mark.fault(30, "the output's place is taken by a folder or a link", "failed, blocked; never written through")
@pytest.mark.parametrize("overwrite", ["never", "always"])
@pytest.mark.parametrize("kind", ["folder", "link to a file", "dangling link", "linked class folder"])
def test_what_is_in_the_place_of_an_output(kind, overwrite, tmp_path, observed):
    """One of three outputs cannot be written because of it."""
    source = make(tmp_path / "in", "cat/a.png", "dog/b.png", "c.png")
    elsewhere, out = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    (elsewhere / "mine.png").write_bytes(b"mine")
    (out / "dog").mkdir(parents=True)
    if kind == "folder":
        (out / "cat" / "a.png").mkdir(parents=True)
    else:
        try:
            if kind == "linked class folder":
                (out / "cat").symlink_to(elsewhere, target_is_directory=True)
            else:
                (out / "cat").mkdir()
                (out / "cat" / "a.png").symlink_to(elsewhere / ("mine.png" if kind == "link to a file" else "none"))
        except OSError:
            pytest.skip("links need a privilege on Windows")
    summary = compress_folder(source, out, OPTIONS, overwrite=overwrite)
    assert [(failure.source, failure.code) for failure in summary.failures] == [("cat/a.png", "blocked")]
    assert summary.compressed == 2
    assert tree(elsewhere) == {"mine.png": b"mine"}
    observed("blocked; the other two were written, and nothing elsewhere")


@pytest.mark.fault(30, "the output's place is taken by a foreign file", "skipped, unless it may be replaced")
def test_a_file_that_ics_did_not_write_is_never_replaced_unasked(tmp_path, observed):
    """A file of the user's named as an output; two runs with different options, then `--overwrite always`."""
    source = make(tmp_path / "in", "a.png", "b.png")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    for step in (2, 3):
        summary = compress_folder(source, out, Options(strategy="SO", step=step))
        assert (summary.compressed, summary.skipped, summary.foreign) == (1, 1, 1)
        assert (out / "a.png").read_bytes() == b"mine"
    assert compress_folder(source, out, Options(strategy="SO", step=3), overwrite="always").compressed == 2
    assert compress_folder(source, out, Options(strategy="SO", step=2)).compressed == 2
    observed("left alone and counted; replaced when that was asked for, and ours from then on")
