"""The same images give the same outputs from every kind of source."""

import json
import os
import sys

import pytest

from helpers import compress_into, ics, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compare_folder, compress_folder, merge_shards
from icsys.sources.archives.archive_names import folder_for_archive
from icsys.sources.archives.source import Archives
from icsys.sources.folder import Folder
from icsys.sources.open_source import expand_braces, folder_of_pattern, open_source
from source_makers import put_folder, put_parquet, put_tar, put_zip

PHOTOS = {
    f"{split}/{name}/{i}.png": image_bytes(synthetic_photo(30, 40, seed=i))
    for split in ("train", "test")
    for name in ("cat", "dog")
    for i in range(2)
}
FILES = PHOTOS | {
    "train/cat/0.jpg": image_bytes(synthetic_photo(seed=7), "JPEG"),
    "train/Cat/0.png": image_bytes(synthetic_photo(30, 40, seed=8)),
    "broken.png": b"broken",
    "top.webp": image_bytes(synthetic_photo(30, 40, seed=9), "WEBP", lossless=True),
}
NOTES = {"train/cat/notes.txt": b"no image", "labels.csv": b"a,b"}


def make(kind, folder):
    """Put the files into one kind of source."""
    path = folder / (f"photos.{kind}" if kind != "folder" else kind)
    put = {"folder": put_folder, "zip": put_zip, "parquet": put_parquet}.get(kind, put_tar)
    return put(path, FILES if kind == "parquet" else FILES | NOTES)


def manifest(folder, name="manifest.jsonl"):
    """Return the lines of a manifest but for the times of the sources."""
    rows = map(json.loads, (folder / name).read_text("utf-8").splitlines())
    return [{name: value for name, value in row.items() if name != "source_mtime_ns"} for row in rows]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    results, summary = compress_into(make("folder", folder), folder / "out")
    assert (summary.compressed, summary.failed, summary.ignored) == (len(FILES) - 1, 1, 2)
    return results, tree(folder / "out"), manifest(folder / "out"), manifest(folder / "out", "failures.jsonl")


KINDS = ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "parquet"]


@pytest.mark.skipif(sys.platform != "linux", reason="Cat and cat are one folder on the file systems of other systems")
@pytest.mark.parametrize(
    ("kind", "engine"),
    [*((kind, "threads") for kind in KINDS if kind != "tgz"), ("zip", "processes"), ("tar.gz", "processes")],
)
def test_all_kinds_give_the_same_files_and_the_same_manifest(kind, engine, tmp_path, expected):
    source = make(kind, tmp_path)
    results, summary = compress_into(source, tmp_path / "out", engine=engine, jobs=2)
    assert results.keys() == expected[0].keys()
    assert tree(tmp_path / "out") == expected[1]
    assert manifest(tmp_path / "out") == expected[2]
    assert manifest(tmp_path / "out", "failures.jsonl") == expected[3]
    assert summary.ignored == (0 if kind == "parquet" else 2)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "parquet"])
def test_a_second_run_does_nothing_and_a_copied_archive_is_known_by_its_content(kind, tmp_path):
    source = make(kind, tmp_path)
    done = compress_folder(source, tmp_path / "out", Options(strategy="SO")).compressed
    again = compress_folder(source, tmp_path / "out", Options(strategy="SO"))
    assert (again.compressed, again.skipped) == (0, done)
    os.utime(source, ns=(10**18, 10**18))
    copied = compress_folder(source, tmp_path / "out", Options(strategy="SO"))
    assert (copied.compressed, copied.skipped) == (0, done)
    rows = map(json.loads, (tmp_path / "out/manifest.jsonl").read_text("utf-8").splitlines())
    assert {row["source_mtime_ns"] for row in rows} == {10**18}


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_member_that_changes_is_done_again_and_one_that_goes_is_stale(kind, tmp_path):
    put = put_zip if kind == "zip" else put_tar
    files = {name: PHOTOS[name] for name in list(PHOTOS)[:3]}
    source = put(tmp_path / f"x.{kind}", files)
    compress_folder(source, tmp_path / "out", Options(strategy="SO"))
    first, second, third = files
    put(source, {first: files[first], second: files[third]})
    os.utime(source, ns=(10**18, 10**18))
    summary = compress_folder(source, tmp_path / "out", Options(strategy="SO"))
    assert (summary.compressed, summary.skipped, summary.stale) == (1, 1, [third])


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "parquet"])
def test_shards_of_a_run_do_every_image_once(kind, tmp_path):
    source = make(kind, tmp_path)
    compress_folder(source, tmp_path / "whole", Options(strategy="SO"))
    done = [
        compress_folder(source, tmp_path / "out", Options(strategy="SO"), shard=(i, 3)).compressed for i in (1, 2, 3)
    ]
    merge_shards(tmp_path / "out")
    assert sum(done) == len(FILES) - 1
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert manifest(tmp_path / "out") == manifest(tmp_path / "whole")


def test_a_folder_of_shards_is_one_dataset(tmp_path):
    names = list(PHOTOS)
    for number in range(3):
        put_tar(
            put_folder(tmp_path / "shards", {}) / f"x-{number:05}.tar",
            {name: PHOTOS[name] for name in names[number::3]},
        )
    (tmp_path / "shards" / "README.md").touch()
    expected = tree_of(PHOTOS, tmp_path)
    for number, source in enumerate(
        ("shards", "shards/*.tar", "shards/x-{00000..00002}.tar", "shards/x-0000[012].tar")
    ):
        summary = compress_folder(tmp_path / source, tmp_path / f"out{number}", Options(strategy="SO"))
        assert summary.failed == 0
        assert tree(tmp_path / f"out{number}") == expected


def tree_of(files, folder):
    compress_folder(put_folder(folder / "plain", files), folder / "expected", Options(strategy="SO"))
    return tree(folder / "expected")


def test_an_archive_of_a_class_among_others_is_its_folder(tmp_path):
    folder = put_folder(tmp_path / "classes", {})
    for name in ("cat", "dog"):
        put_zip(folder / f"{name}.zip", {"0.png": PHOTOS[f"train/{name}/0.png"]})
    compress_folder(folder, tmp_path / "out", Options(strategy="SO"))
    assert set(tree(tmp_path / "out")) == {"cat/0.png", "dog/0.png"}


def test_archives_beside_images_are_left_alone(tmp_path):
    folder = put_folder(tmp_path / "in", {"a.png": PHOTOS["train/cat/0.png"]})
    put_zip(folder / "b.zip", PHOTOS)
    summary = compress_folder(folder, tmp_path / "out", Options(strategy="SO"))
    assert (summary.compressed, summary.ignored) == (1, 1)


def test_a_folder_and_an_archive_of_one_name_are_distinguished_by_kind(tmp_path):
    put_folder(tmp_path / "a" / "photos.zip", {"a.png": b""})
    put_folder(tmp_path / "b", {})
    put_zip(tmp_path / "b" / "photos.zip", {"a.png": b""})
    assert isinstance(open_source(tmp_path / "a/photos.zip", tmp_path), Folder)
    assert isinstance(open_source(tmp_path / "b/photos.zip", tmp_path), Archives)
    with pytest.raises(UsageError, match=r"there is an archive .*photos\.zip"):
        open_source(tmp_path / "b" / "photos", tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "does not exist: expected a folder with photos, image files, or an archive"),
        ("none.jpg", "source file .* does not exist: expected image files"),
        ("*.tar", "no file matches"),
        ("{notes.txt,a.zip}", r"a\.zip' is an archive among other files"),
        ("{0..9999999}.tar", "at most 1000000 files"),
        ("nowhere://bucket/photos", "Protocol not known"),
    ],
)
def test_what_is_no_source_is_wrong_usage(name, message, tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"text")
    (tmp_path / "a.zip").write_bytes(b"")
    source = name if "://" in name else tmp_path / name
    with pytest.raises(UsageError, match=message):
        compress_folder(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_class_of_a_webdataset_sample_is_the_folder_of_its_image(tmp_path):
    image = PHOTOS["train/cat/0.png"]
    files = {
        "0001.png": image,
        "0001.cls": b"7",
        "0002.json": b'{"label": "cat"}',
        "0002.png": image,
        "0003.cls": b"3",
        "0003.png": image,
        "0003.json": b'{"label": "../dog"}',
        "0004.png": image,
        "0004.txt": b"a caption",
        "x/0005.png": image,
        "x/0005.cls": b"9",
        "0006.json": b"{not json",
        "0006.png": image,
    }
    results, summary = compress_into(put_tar(tmp_path / "x-000000.tar", files), tmp_path / "out")
    images = {"7/0001.png", "cat/0002.png", "%2E.%2Fdog/0003.png", "0004.png", "x/9/0005.png", "0006.png"}
    assert set(results) == images | {"0004.txt", "0006.json"}  # what says more than the label goes with its image
    assert (summary.sidecars, summary.ignored) == (2, 5)


def test_the_label_of_a_row_is_the_folder_of_its_image(tmp_path):
    image = PHOTOS["train/cat/0.png"]
    rows = {"a.png": image, "b.png": image, "x/c.png": image, None: image}
    put_parquet(tmp_path / "train-00000-of-00001.parquet", rows, labels=[0, 1, 1, None], names=["cat", "dog"])
    results, _ = compress_into(tmp_path / "train-00000-of-00001.parquet", tmp_path / "out")
    assert set(results) == {"cat/a.png", "dog/b.png", "x/dog/c.png", "train-00000-of-00001-000003"}
    results, _ = compress_into(tmp_path / "*.parquet", tmp_path / "split")
    assert {name.partition("/")[0] for name in results} == {"train"}
    put_parquet(tmp_path / "words.parquet", {"a.png": image}, labels=["a bird"])
    assert set(compress_into(tmp_path / "words.parquet", tmp_path / "words")[0]) == {"a bird/a.png"}


def test_rows_are_read_in_groups_of_any_size(tmp_path):
    source = put_parquet(tmp_path / "x.parquet", PHOTOS, rows=3)
    assert tree_of(PHOTOS, tmp_path) == tree_at(source, tmp_path / "out")


def tree_at(source, destination):
    compress_folder(source, destination, Options(strategy="SO"))
    return tree(destination)


@pytest.mark.parametrize("format", ["webdataset", "parquet"])
def test_what_ics_has_packed_comes_back_with_its_names(format, tmp_path):  # noqa: A002
    names = ("train/cat/a.png", "train/dog/v1.0 of.png", "test/cat/100%.png", "b.png")
    source = put_folder(tmp_path / "in", dict.fromkeys(names, PHOTOS["train/cat/0.png"]))
    packed = tmp_path / "packed"
    compress_folder(source, packed, Options(strategy="SO", step=1, format=format, shard_images=2))
    for number, place in enumerate((packed, packed / "data")):
        assert set(tree_at(place, tmp_path / f"out{number}")) == set(names)


def test_strategies_are_compared_on_an_archive(tmp_path):
    for name in ("x.zip", "x.tar.gz"):
        put = put_zip if name == "x.zip" else put_tar
        comparison = compare_folder(
            put(tmp_path / name, PHOTOS), Options(step=2), colors=[4], strategies=["MKM"], sample=4, examples=1
        )
        assert (comparison.images, comparison.found, comparison.failures) == (4, len(PHOTOS), ())


def test_the_command_takes_an_archive(tmp_path):
    put_zip(tmp_path / "photos.zip", PHOTOS)
    code, out, err = ics("compress", "photos.zip", "small", "--strategy", "SO", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert f"{len(PHOTOS)} compressed" in out
    assert json.loads((tmp_path / "small/run.json").read_text())["source"] == str(tmp_path / "photos.zip")
    code, _, err = ics("compress", "labels.zip", "small", cwd=put_folder(tmp_path, {"labels.zip": b""}))
    assert code == 1
    assert "labels.zip: the archive is damaged" in err


def test_a_file_url_is_a_path(tmp_path):
    put_zip(tmp_path / "x y.zip", PHOTOS)
    for place in (tmp_path / "x y.zip", put_folder(tmp_path / "x y", PHOTOS)):
        out = tmp_path / f"out{place.suffix}"
        compress_folder(place.as_uri(), out, Options(strategy="SO"))
        assert set(tree(out)) == set(PHOTOS)
    with pytest.raises(UsageError, match="lies in destination"):
        compress_folder(place.as_uri(), tmp_path, Options(strategy="SO"))


def test_an_archive_without_images_is_wrong_usage(tmp_path):
    put_zip(tmp_path / "x.zip", NOTES)
    code, _, err = ics("compress", "x.zip", "small", cwd=tmp_path)
    assert code == 2
    assert "no images found in 'x.zip' (2 ignored" in err


def test_patterns_are_taken_apart():
    assert list(expand_braces("a")) == ["a"]
    assert list(expand_braces("{a,b}-{1..2}")) == ["a-1", "a-2", "b-1", "b-2"]
    assert folder_of_pattern("x/y/z-{0..9}/*.tar").as_posix() == "x/y"
    assert folder_of_pattern("*.tar").as_posix() == "."
    assert folder_for_archive("n01440764.tar") == "n01440764"
