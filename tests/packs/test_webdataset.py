"""WebDataset packs: the rule of webdataset and a tar reader recover every name, image, class and fact."""

import io
import json
import os
import re
import tarfile
from dataclasses import replace
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from webdataset.tariterators import base_plus_ext, group_by_keys, tar_file_expander

from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder
from icsys.packs.packed_image import PackedImage
from icsys.packs.webdataset import WebDatasetFormat, tar_member
from icsys.records.classes import Classes
from source_makers import put_tar

PACK_FORMAT = WebDatasetFormat()
SKIPPED = re.compile(r"__[^/]*__($|/)")  # names that webdataset reserves for itself

texts = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
parts = st.one_of(
    texts, st.sampled_from(["__a__", "__b", "v1.0", "a.b.c", "100%", "%2E", "café", "日本", "x\ny"])
).filter(lambda part: not part.startswith("."))
raw = st.binary(min_size=1, max_size=6).filter(lambda b: not set(b) & set(b"/\0") and b[:1] != b".").map(os.fsdecode)
paths = st.lists(st.one_of(parts, raw), min_size=1, max_size=3).map(lambda names: "/".join(names) + ".png")


@example("\n/0./0.png")
@given(paths)
def test_a_key_is_the_whole_path_and_can_be_decoded(path):
    """The key, up to the first dot of the name, holds the whole path except its suffix."""
    name = PACK_FORMAT.member(path)
    key, suffix = base_plus_ext(name)
    assert suffix == "png"
    assert name.encode("utf-8")
    assert not SKIPPED.match(name)
    assert unquote_to_bytes(key) == os.fsencode(path.removesuffix(".png"))


@given(paths, paths)
def test_two_paths_never_share_a_key(first, second):
    assert (PACK_FORMAT.member(first) == PACK_FORMAT.member(second)) == (first == second)


labelled = st.builds(
    PackedImage,
    member=paths.map(PACK_FORMAT.member),
    data=st.binary(max_size=2000),
    label=st.just("cat"),
    number=st.integers(),
    info=st.fixed_dictionaries({"source_path": paths, "mse": st.none() | st.floats(0, 1e6)}),
)


samples = labelled | labelled.map(lambda sample: replace(sample, label=None, number=None))


@given(st.lists(samples, max_size=5, unique_by=lambda sample: sample.member))
def test_a_tar_reader_finds_the_files_of_a_sample_together(written):
    """Written again by ``tarfile``, they give the same bytes up to the end."""
    file, again = io.BytesIO(), io.BytesIO()
    PACK_FORMAT.write(file, iter(written), Classes(), {})
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        files = [(info, tar.extractfile(info).read()) for info in tar]
    with tarfile.open(fileobj=again, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in files:
            plain = tarfile.TarInfo(info.name)
            plain.size = len(data)
            tar.addfile(plain, io.BytesIO(data))
    assert file.getvalue() == again.getvalue()
    assert {(info.mtime, info.uid, info.gid, info.uname, info.mode) for info, _ in files} <= {(0, 0, 0, "", 0o644)}
    at = 0
    for sample in written:
        key = sample.member.removesuffix(".png")
        assert (files[at][0].name, files[at][1]) == (sample.member, sample.data)
        if sample.label:
            at += 1
            assert (files[at][0].name, int(files[at][1])) == (f"{key}.cls", sample.number)
        at += 1
        facts = json.loads(files[at][1])
        assert files[at][0].name == f"{key}.json"
        assert facts == ({"label": sample.label} if sample.label else {}) | sample.info
        at += 1
    assert at == len(files)


def tarfile_member(name, data):
    """Return a file as ``tarfile`` writes it, without the end of the tar file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    whole = io.BytesIO()
    tar = tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - it is never closed
    tar.addfile(info, io.BytesIO(data))
    return whole.getvalue()


@example("a" * 100, b"")
@example("a" * 101, b"1")
@example("cat/" + "é" * 20 + ".png", b"1")
@given(st.text(max_size=120) | st.text("ab/.", max_size=120) | raw, st.binary(max_size=1500))
def test_a_member_of_any_name_has_the_bytes_of_tarfile(name, data):
    assert b"".join(tar_member(name, data)) == tarfile_member(name, data)


def test_a_size_beyond_its_field_has_the_header_of_tarfile():
    """Eight gigabytes, in a stand-in for bytes that has only a length."""
    for size in (8**11 - 1, 8**11):
        data = type("Large", (), {"__len__": lambda _, size=size: size})()
        info = tarfile.TarInfo("a.png")
        info.size = size
        assert tar_member("a.png", data)[0] == info.tobuf(tarfile.PAX_FORMAT)


def test_a_reader_returns_the_written_images(tmp_path):
    written = [PackedImage(f"cat/{n}.png", bytes([n]) * n, "cat", {}) for n in range(5)]
    with (tmp_path / "a.tar").open("wb") as file:
        PACK_FORMAT.write(file, written, Classes(), {})
    with (tmp_path / "a.tar").open("rb") as file:
        read = [(name, data) for name, data in PACK_FORMAT.read(file) if not PACK_FORMAT.is_facts(name)]
    assert read == [(sample.member, sample.data) for sample in written]


def test_a_file_that_is_not_a_tar_file_gives_an_oserror(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no tar file" * 100)
    with (tmp_path / "a.tar").open("rb") as file, pytest.raises(OSError, match="not a complete tar file"):
        list(PACK_FORMAT.read(file))


def put_sample(key, number, label, folder=""):
    """Return the files of a sample of two pictures and a caption."""
    return [
        (f"{folder}{key}.left.png", image_bytes(synthetic_photo(20, 20, seed=number))),
        (f"{folder}{key}.right.png", image_bytes(synthetic_photo(20, 20, seed=100 + number))),
        (f"{folder}{key}.cls", str(label).encode()),
        (f"{folder}{key}.txt", b"a caption"),
    ]


def samples_of(folder):
    """Return the fields of each sample by its key, as webdataset reads them from all packs."""
    samples = [sample for path in sorted((folder / "data").iterdir()) for sample in tariterator(path)]
    assert len({sample["__key__"] for sample in samples}) == len(samples)
    return {sample["__key__"]: {name: data for name, data in sample.items() if name[0] != "_"} for sample in samples}


def tariterator(path):
    with path.open("rb") as file:
        yield from group_by_keys(tar_file_expander([{"url": str(path), "stream": file}]))


def test_the_images_of_a_sample_stay_together_and_keep_their_names(tmp_path):
    """Keys that repeat from pack to pack become unique, and no pack divides a sample."""
    for shard in range(2):
        files = [file for i in range(3) for file in put_sample(f"{i:05}", 3 * shard + i, i + 10)]
        (tmp_path / "in").mkdir(exist_ok=True)
        put_tar(tmp_path / "in" / f"x-{shard:06}.tar", files)
    place = tmp_path / "in"
    for number in range(2):
        out = tmp_path / f"out{number}"
        options = Options(strategy="SO", step=1, format="webdataset", shard_images=3)
        assert compress_folder(place, out, options).compressed == 12
        found = samples_of(out)
        wanted = {f"{i + 10}/{i:05}{more}": i + 10 for i in range(3) for more in ("", "~2")}
        assert {key: int(fields["cls"]) for key, fields in found.items()} == wanted
        for fields in found.values():
            assert fields.keys() == {"left.png", "right.png", "left.json", "right.json", "cls"}
        assert compress_folder(place, out, options).skipped == 12
        assert compress_folder(place, out, options.replace(shard_images=5)).skipped == 12
        assert samples_of(out) == found
        place = out


def test_dots_in_photo_names_do_not_split_samples(tmp_path):
    files = {f"{name}.png": image_bytes(synthetic_photo(20, 20)) for name in ("IMG.2020.01", "b")}
    put_tar(tmp_path / "photos.tar", files)
    compress_folder(tmp_path / "photos.tar", tmp_path / "out", Options(strategy="SO", format="webdataset"))
    assert set(samples_of(tmp_path / "out")) == {"IMG%2E2020%2E01", "b"}
