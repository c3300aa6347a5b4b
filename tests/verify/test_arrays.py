"""Arrays are compared with index, manifest and ``dataset.json``: damage is named by file, block and image."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import ics
from icsys import Options, compress_folder
from verified_folders import edit, found, make_photos

pytestmark = pytest.mark.usefixtures("unsynced")
ARRAYS = Options(format="arrays", size="9x7", fit="cover", colors=4)
NOTHING = {"checked": 7, "missing": [], "changed": [], "foreign": []}
ALL = ["a.png", "b.png"]  # images in no split, in the order of the manifest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_photos(folder / "photos")
    for palette in "image", "dataset":
        compress_folder(folder / "photos", folder / palette, ARRAYS.replace(palette=palette))
    return folder


@pytest.fixture
def out(made, tmp_path):
    return shutil.copytree(made / "image", tmp_path / "out")


def change_byte(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_what_ics_wrote_is_intact(made):
    assert found(made / "image") == found(made / "dataset") == NOTHING


@settings(max_examples=25)
@given(st.data())
def test_a_damaged_byte_names_the_file_its_block_and_the_image(made, data):
    folder = made / data.draw(st.sampled_from(["image", "dataset"]))
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.npy"))
    name = data.draw(st.sampled_from(paths))
    path = folder / name
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    change_byte(path, place)
    report = found(folder)
    path.write_bytes(whole)
    assert {name, f"{name}: block 1 of 1, from byte 0"} <= {*report["changed"]}
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    inside = [row["file_name"] for row in rows if row["shard"].startswith(name.partition("/")[0] + "/")]
    each = (len(whole) - 128) / len(inside)
    expected = set()
    if place >= 128 and "labels" not in name:
        is_shared = folder.name == "dataset" and "palettes" in name
        expected = {*inside} if is_shared else {inside[int((place - 128) // each)]}
    assert {one for one in report["changed"] if one.endswith(".png")} == expected
    assert report["missing"] == report["foreign"] == []
    assert found(folder) == NOTHING


def test_blocks_are_told_apart(out, monkeypatch):
    """With small blocks, as ``dataset.json`` says."""
    monkeypatch.setattr("icsys.records.dataset_json.BYTES_OF_BLOCK", 64)
    monkeypatch.setattr("icsys.records.dataset_json.SMALLEST_BLOCK", 64)
    fresh = out.parent / "fresh"
    make_photos(out.parent / "photos")
    compress_folder(out.parent / "photos", fresh, ARRAYS)
    size = (fresh / "all" / "indices.npy").stat().st_size
    change_byte(fresh / "all" / "indices.npy", 130)
    change_byte(fresh / "all" / "indices.npy", 5)
    assert found(fresh)["changed"] == [
        "a.png",
        "all/indices.npy",
        f"all/indices.npy: block 1 of {-(-size // 64)}, from byte 0",
        f"all/indices.npy: block 3 of {-(-size // 64)}, from byte 128",
    ]


@pytest.mark.parametrize("name", ["indices.npy", "palettes.npy", "names.jsonl", "labels.npy"])
def test_lost_files_are_missing(name, out):
    (out / "all" / name).unlink()
    report = found(out)
    assert f"all/{name}" in report["missing"]
    assert {one for one in report["missing"] if one.endswith(".png")} == ({*ALL} if name != "labels.npy" else set())
    assert report["foreign"] == []


def test_arrays_that_end_early_are_changed(out):
    path = out / "all" / "indices.npy"
    path.write_bytes(path.read_bytes()[:-1])
    report = found(out)
    assert "all/indices.npy" in report["changed"]
    assert report["missing"] == ALL[1:]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b'{"format": "icsys arrays", "version": 1}'])
def test_a_damaged_dataset_json_is_changed_alone(content, out):
    (out / "dataset.json").write_bytes(content)
    assert found(out) == NOTHING | {"changed": ["dataset.json"]}


@pytest.mark.parametrize("blocks", [None, [], {"bytes": 0, "crc32": []}, {"bytes": 2**24, "crc32": "x"}])
def test_forged_blocks_do_no_harm(blocks, out):
    about = json.loads((out / "dataset.json").read_text("utf-8"))
    about["splits"]["all"]["files"]["indices.npy"]["blocks"] = blocks
    (out / "dataset.json").write_text(json.dumps(about), "utf-8")
    change_byte(out / "all" / "indices.npy", 5)
    assert {"dataset.json", "all/indices.npy"} <= {*found(out)["changed"]}


@pytest.mark.parametrize("form", [[], [9], [9, 7, -1], [9, 7, 2**20], [0, 7, 4], [2**40, 7, 4], ["9", 7, 4], "974"])
def test_a_forged_form_is_a_changed_index(form, out):
    index = json.loads((out / "shards.json").read_text("utf-8"))
    (out / "shards.json").write_text(json.dumps(index | {"form": form}), "utf-8")
    report = found(out)
    if form:
        assert "shards.json" in report["changed"]
    else:
        assert report == NOTHING


def test_without_the_index_the_images_are_still_compared(out):
    (out / "shards.json").unlink()
    report = found(out)
    assert report["missing"] == ["shards.json"]
    assert report["changed"] == []


def test_rows_and_files_of_other_programs_are_named(out):
    (out / "all" / "notes.txt").write_bytes(b"x")
    (out / "train" / "pixels.npy").write_bytes(b"x")
    edit(out / "manifest.jsonl", lambda lines: lines[1:])
    report = found(out)
    assert {"all/notes.txt", "train/pixels.npy", "all/indices.npy/a.png"} == {*report["foreign"]}


def test_the_command_names_damaged_arrays(out, tmp_path):
    change_byte(out / "all" / "palettes.npy", 129)
    code, printed, _ = ics("verify", "out", cwd=tmp_path)
    assert code == 1
    assert "changed: all/palettes.npy: block 1 of 1, from byte 0" in printed.splitlines()
    assert "changed: a.png" in printed.splitlines()
