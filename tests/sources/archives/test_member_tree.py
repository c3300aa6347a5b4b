"""What goes with images is found in archives as in a folder with the same files."""

import dataclasses
import random
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import image_bytes, synthetic_photo
from icsys import Options
from icsys.errors import ImageError, UsageError
from icsys.sources.base import Companion, Ignored, Task, Unreadable
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source
from label_trees import LABEL_TREES, write_pairs
from source_makers import put_folder, put_tar, put_zip

KINDS = {"zip": put_zip, "tar": put_tar}
PHOTO = image_bytes(synthetic_photo(24, 24))
BOX = b"0 .5 .5 .25 .25\n"
FLAT = image_bytes(synthetic_photo(24, 24)[:, :, 0] // 64)


def opened(path, **values):
    return open_source(str(path), Path(path).parent / "none", companions=CompanionSettings(**values))


def planned(source, suffix=".png"):
    """Return what a source plans as plain values, whatever its order; without a suffix, outputs tell nothing."""
    found, is_named = {}, bool(suffix)
    for one in source.plan(suffix):
        match one:
            case Task():
                found[one.source] = "image", is_named and one.output
            case Companion(task, kind, form, picture):
                found[one.source] = (
                    kind,
                    form,
                    is_named and task.output,
                    picture and (picture.source, is_named and picture.output),
                )
            case Unreadable():
                found[one.source] = one.code, one.message
            case Ignored():
                found[one.source] = "ignored"
    return found


def files_of(root, seed=1):
    """Return the files of a folder by name, in any order."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    random.Random(seed).shuffle(paths)  # noqa: S311
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def trees():
    """Every tree of labels, written once."""
    with tempfile.TemporaryDirectory() as folder:
        yield {name: write(Path(folder, name, "in")) for name, write in LABEL_TREES.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LABEL_TREES)
def test_every_layout_is_planned_as_in_a_folder(trees, name, kind, tmp_path):
    root = trees[name].root
    archive = KINDS[kind](tmp_path / f"a.{kind}", files_of(root))
    for values in ({}, {"masks": "none"}):
        folder, source = opened(root, **values), opened(archive, **values)
        for suffix in ("", ".png", ".jpg"):
            assert planned(source, suffix) == planned(folder, suffix)
        assert source.layout == folder.layout
        tasks = {one.source: one for one in source.plan(".png") if isinstance(one, Task)}
        for one in source.plan(".png"):
            if isinstance(one, Companion):
                assert one.picture is None or one.picture == tasks[one.picture.source]
                data = (root / one.source).read_bytes()
                assert source.read(one.task, Options())[0] == data
                assert source.head(one.task, 9)[:9] == data[:9]
                with source.open(one.task, Options()) as file:
                    assert file.read() == data
                assert source.stat(one.task)[0] == len(data)


PARTS = st.sampled_from(["images", "Images", "masks", "labels", "a", "gt"])
NAMES = st.sampled_from(
    ["a.jpg", "a.png", "A.png", "b.png", "a_mask.png", "a.txt", "b.txt", "a.jpg.txt", "a.json", "classes.txt", "a.bin"]
)
CONTENTS = st.sampled_from([PHOTO, FLAT, BOX, b"a cat", b"{}", b""])
FILES = st.dictionaries(st.tuples(st.lists(PARTS, max_size=2), NAMES).map(lambda p: "/".join([*p[0], p[1]])), CONTENTS)


@settings(max_examples=60, deadline=None)
@given(FILES, st.sampled_from(["zip", "tar"]), st.sampled_from(["auto", "none"]))
def test_any_files_are_planned_as_in_a_folder(files, kind, masks):
    with tempfile.TemporaryDirectory() as name:
        root = put_folder(Path(name, "in"), files)
        # In a tar, neighbours with the same name up to a dot are one sample.
        archive = KINDS[kind](Path(name, f"a.{kind}"), dict(sorted(files.items())) if kind == "tar" else files)
        assert planned(opened(archive, masks=masks)) == planned(opened(root, masks=masks))


@pytest.mark.parametrize("kind", KINDS)
def test_masks_and_tables_that_are_named_are_looked_for_in_an_archive(kind, tmp_path):
    files = files_of(write_pairs(tmp_path / "in", count=3).root) | {"list.csv": b"file_name\n0000.jpg\n"}
    root = put_folder(tmp_path / "in", files)
    archive = KINDS[kind](tmp_path / f"a.{kind}", files)
    named = {"masks": "masks/*.png", "table": "list.csv"}
    found = planned(opened(archive, **named))
    assert found == planned(opened(root, **named))
    assert found["list.csv"] == ("sidecar", "table", "list.csv", None)
    for wrong in ({"masks": "gt/*"}, {"table": "other.csv"}, {"table": "../in/list.csv"}):
        with pytest.raises(UsageError):
            opened(archive, **wrong)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz"])
def test_a_compressed_tar_has_pictures_alone_and_refuses_names(suffix, tmp_path):
    files = files_of(write_pairs(tmp_path / "in", count=2).root)
    archive = put_tar(tmp_path / f"a{suffix}", files)
    source = opened(archive)
    assert {kind for kind, _ in planned(source).values()} == {"image"}
    assert not source.knows_companions
    with pytest.raises(UsageError, match="an uncompressed tar archive"):
        opened(archive, masks="masks/*")


def test_several_archives_are_one_tree(tmp_path):
    """Pictures and masks in archives of their own, as competitions give them, belong together."""
    files = files_of(write_pairs(tmp_path / "in", count=3).root)
    folder = tmp_path / "all"
    folder.mkdir()
    for part in ("images", "masks"):
        own = {name.removeprefix(f"{part}/"): data for name, data in files.items() if name.startswith(part)}
        put_zip(folder / f"{part}.zip", own)
    assert planned(opened(folder)) == planned(opened(tmp_path / "in"))


def test_samples_of_webdataset_keep_their_sidecars_with_the_class_of_the_image(tmp_path):
    files = {}
    for number, label in enumerate([b"cat", b"dog", b"cat"]):
        sidecars = {"txt": b"a photo of it", "json": b'{"width": 24}', "cls": label}
        files |= {f"{number:06}.{suffix}": data for suffix, data in {"jpg": PHOTO, **sidecars}.items()}
    put_tar(tmp_path / "x-00000.tar", files)
    source = opened(tmp_path / "x-00000.tar")
    found = planned(source)
    assert found["dog/000001.txt"] == (
        "sidecar",
        "copy",
        "dog/000001.txt",
        ("dog/000001.jpg", "dog/000001.png"),
    )
    assert found["cat/000002.json"][:2] == ("sidecar", "copy")
    assert [path for path, what in found.items() if what == "ignored"] == ["000000.cls", "000001.cls", "000002.cls"]
    assert len(found) == 12


def test_hostile_names_stay_below_and_repeated_ones_are_apart(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("../../x/a.jpg", "/x/a.txt", "x\\b.jpg", "x/b\n.txt", ".hidden/a.txt", "x/./../c.jpg"):
            archive.writestr(name, PHOTO if name.endswith("jpg") else b"a cat")
        archive.writestr("x/a.txt", b"another cat")
    found = planned(opened(tmp_path / "a.zip"))
    assert found["x/a.txt"] == ("sidecar", "copy", "x/a.txt", ("x/a.jpg", "x/a.png"))
    assert found["x/a.txt~2"][2] == "x/a.txt~2"
    assert {path for path, what in found.items() if what == "ignored"} == {"x/b%0A.txt", ".hidden/a.txt"}
    assert {path for path, what in found.items() if what[0] == "image"} == {"x/a.jpg", "x/b.jpg", "x/c.jpg"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_damaged_and_swollen_files_fail_and_are_never_held_whole(method, tmp_path):
    """The bytes differ from what the directory states; a large file is read in blocks."""
    large = b'{"images": [], "annotations": [' + b" " * (20 << 20) + b"]}"
    path = put_zip(tmp_path / "a.zip", {"a.jpg": PHOTO, "coco.json": large}, compression=method)
    source = opened(path)
    (coco,) = [one for one in source.plan(".png") if isinstance(one, Companion)]
    assert coco.form == "coco"
    with source.open(coco.task, Options()) as file:
        assert file.read() == large
    assert len(source.head(coco.task, 100)) < 1 << 19
    with pytest.raises(ImageError, match="--max-bytes"):
        source.open(coco.task, Options(max_bytes=1 << 20))
    place = coco.task.place
    for changed in ({"crc": place.crc ^ 1}, {"size": place.size - 1}):
        bad = coco.task._replace(place=dataclasses.replace(place, **changed))
        with pytest.raises(ImageError, match="size or checksum"):
            source.open(bad, Options())


def test_links_lead_to_labels_too(tmp_path):
    files = {"images/a.jpg": PHOTO, "texts/a.txt": BOX}
    path = tmp_path / "a.zip"
    put_zip(path, files)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("images/a.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "../texts/a.txt")
    source = open_source(str(path), tmp_path / "none", follow_links=True, companions=CompanionSettings())
    assert planned(source)["images/a.txt"][:2] == ("annotation", "yolo")
    assert planned(opened(path))["images/a.txt"] == "ignored"


def test_a_tar_of_one_key_takes_bounded_memory_and_finds_its_labels(tmp_path):
    """All names have the same beginning before their first dot, as those of one sample."""
    files = {}
    for number in range(150):
        files[f"v1.{number:04}.txt"] = BOX
    for number in range(150):
        files[f"v1.{number:04}.jpg"] = PHOTO
    found = planned(opened(put_tar(tmp_path / "a.tar", files)))
    assert sum(what[:2] == ("annotation", "yolo") for what in found.values()) == 150
