"""Tar archives: what is damaged, what is done nonetheless, and what stands for what in them."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
from contextlib import nullcontext
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys.sources.archives import tar_members
from source_makers import put_folder, put_tar, put_zip, read_all

KINDS = ("tar", "tar.gz", "tar.bz2", "tar.xz")
kinds = pytest.mark.parametrize("kind", KINDS)
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
FILES = {f"{'cd'[i % 2]}/{i}.png": image_bytes(synthetic_photo(4 + i, 6, seed=i)) for i in range(5)}


def packed(files, form=tarfile.PAX_FORMAT):
    """Return an archive, and of each file where its header and its bytes begin and end."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as archive:
        places = {info.name: (info.offset, info.offset_data, info.offset_data + info.size) for info in archive}
    return bytearray(file.getvalue()), places


def is_header(block):
    try:
        tarfile.TarInfo.frombuf(bytes(block), "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_flipped_bit_costs_at_most_its_member_which_is_named(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "x.tar"
    archive, places = packed(FILES, data.draw(st.sampled_from(FORMATS)))
    end = -(-max(end for _, _, end in places.values()) // 512) * 512
    at = data.draw(st.one_of(st.integers(0, end + 1023), st.integers(0, len(archive) - 1)))
    archive[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(archive)
    expected, fails = dict(FILES), at >= end
    for name, (header, start, stop) in places.items():
        if header <= at < start and not is_header(archive[header : header + 512]):
            del expected[name]
            fails = True
        elif start <= at < stop:
            expected[name] = bytes(archive[start:stop])
    assert read_all(path) == (expected, {"x.tar": "broken"} if fails else {})


@given(
    names=st.lists(st.text(max_size=120), max_size=4, unique=True),
    form=st.sampled_from(FORMATS),
    flips=st.lists(st.tuples(st.integers(0, 2**13), st.integers(0, 7)), max_size=3),
)
def test_headers_that_stand_alone_are_read_as_tarfile_reads_them(names, form, flips):
    """Members, damage and all: a reader without the shortcut finds the same."""
    try:
        archive, _ = packed({f"{name}.png": name.encode() for name in names}, form)
    except (ValueError, UnicodeEncodeError):  # a name that this format cannot hold
        return
    for at, bit in flips:
        archive[at % len(archive)] ^= 1 << bit
    found = []
    for without in (nullcontext(), mock.patch.object(tar_members, "_PLAIN", re.compile(rb"(?!)"))):
        with without:
            tar = tar_members.TarMembers(io.BytesIO(archive))
            members = list(iter(tar.next, None))
        facts = [(one.name, one.size, one.type, one.offset, one.offset_data, one.mtime) for one in members]
        found.append((facts, tar.damage))
    assert found[0] == found[1]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_cut_archive_keeps_its_whole_members_and_is_named(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "x.tar"
    archive, places = packed(FILES)
    end = -(-max(end for _, _, end in places.values()) // 512) * 512
    at = data.draw(st.integers(0, end + 1023))
    path.write_bytes(archive[:at])
    found, failed = read_all(path)
    assert found == {name: FILES[name] for name, (_, _, stop) in places.items() if stop <= at}
    cut = {name: "broken" for name, (_, start, stop) in places.items() if start <= at < stop}
    assert failed == {"x.tar": "broken", **cut}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_unreadable_headers_of_a_long_name_are_reported(data, tmp_path_factory):
    """The lengths of its records: a changed name has no checksum that shows it."""
    path = tmp_path_factory.mktemp("notes") / "x.tar"
    name = "é" * data.draw(st.integers(1, 90)) + ".png"
    archive, _ = packed({name: FILES["c/0.png"], **FILES})
    at = archive.index(b" path=")
    digit = data.draw(st.integers(archive.rindex(b"\0", 0, at) + 1, at))
    archive[digit] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(archive)
    found, failed = read_all(path)
    assert (FILES.items() <= found.items(), failed) == (True, {"x.tar": "broken"})


def test_zeros_behind_the_end_may_be_cut_or_more(tmp_path):
    archive, places = packed(FILES)
    end = -(-max(end for _, _, end in places.values()) // 512) * 512
    for content in (archive[: end + 1024], archive[: end + 1025], archive + bytes(70_001)):
        (tmp_path / "x.tar").write_bytes(content)
        assert read_all(tmp_path / "x.tar") == (FILES, {})


@kinds
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_bytes_that_are_lost_or_too_many_cost_no_member_behind_them(kind, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("shift") / f"x.{kind}"
    archive, places = packed(FILES)
    _, start, stop = places["c/2.png"]
    if data.draw(st.booleans()):
        lost = data.draw(st.integers(1, stop - start))
        archive[start : start + lost] = b""
    else:
        archive[start:start] = data.draw(st.binary(min_size=1, max_size=2000).filter(lambda more: len(more) % 512))
    path.write_bytes(_repacked(bytes(archive), kind))
    found, failed = read_all(path)
    assert failed.pop(f"x.{kind}") == "broken"
    assert {name: image for name, image in found.items() if name != "c/2.png"} == {
        name: image for name, image in FILES.items() if name != "c/2.png"
    }


def _repacked(archive, kind):
    return {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}[kind](archive)


@kinds
def test_archives_behind_one_another_are_read_and_count_as_damaged_unless_they_are_meant(kind, tmp_path):
    path, last = tmp_path / f"x.{kind}", list(FILES)[2:]
    first, _ = packed({name: FILES[name] for name in list(FILES)[:2]})
    second, _ = packed({name: FILES[name] for name in last})
    for content in (
        _repacked(bytes(first + second), kind),
        b"".join(_repacked(bytes(x), kind) for x in (first, second)),
    ):
        path.write_bytes(content)
        assert read_all(path) == (FILES, {f"x.{kind}": "broken"})
        assert read_all(path, ignore_zeros=True) == (FILES, {})
        path.write_bytes(content[: -600 if kind == "tar" else -1])
        assert read_all(path, ignore_zeros=True) in ((FILES, {}), (FILES, {f"x.{kind}": "broken"}))
        assert (read_all(path, ignore_zeros=True)[1] == {}) == (kind == "tar")
    path.write_bytes(_repacked(bytes(first + b"no archive" * 100), kind))
    assert read_all(path, ignore_zeros=True)[1] == {f"x.{kind}": "broken"}


def test_members_of_an_archive_in_a_damaged_archive_are_none_of_its_own(tmp_path):
    files = {"a.png": FILES["c/0.png"], "inner.tar": bytes(packed(FILES)[0]), "b.png": FILES["d/1.png"], "c.png": b""}
    archive, places = packed(files)
    archive[places["b.png"][0]] ^= 1
    (tmp_path / "x.tar").write_bytes(archive)
    assert read_all(tmp_path / "x.tar") == ({"a.png": files["a.png"], "c.png": b""}, {"x.tar": "broken"})


def test_a_run_over_a_damaged_archive_does_the_rest_and_ends_with_one_failure(tmp_path):
    archive, places = packed(FILES)
    archive[places["d/1.png"][0] + 3] ^= 1
    (tmp_path / "x.tar").write_bytes(archive)
    results, summary = compress_into(tmp_path / "x.tar", tmp_path / "out")
    assert (summary.compressed, summary.failed, results["x.tar"].code) == (4, 1, "broken")
    assert "x.tar" in (tmp_path / "out" / "failures.jsonl").read_text("utf-8")
    _, again = compress_into(tmp_path / "x.tar", tmp_path / "out")
    assert (again.skipped, again.failed) == (4, 1)
    (tmp_path / "x.tar").write_bytes(packed(FILES)[0])
    _, whole = compress_into(tmp_path / "x.tar", tmp_path / "out")
    assert (whole.skipped, whole.compressed, whole.failed) == (4, 1, 0)


def test_times_in_an_incremental_archive_are_no_folder(tmp_path):
    """GNU tar writes them where POSIX has the first part of a name."""
    archive, places = packed(FILES, tarfile.GNU_FORMAT)
    for header, _, _ in places.values():
        archive[header + 345 : header + 369] = b"15302753627\00015302753627\0"
        archive[header + 148 : header + 156] = b" " * 8
        archive[header + 148 : header + 156] = b"%06o\0 " % sum(archive[header : header + 512])
    (tmp_path / "x.tar").write_bytes(archive)
    assert read_all(tmp_path / "x.tar") == (FILES, {})


def link(name, target, kind=tarfile.LNKTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@kinds
def test_a_hard_link_is_the_file_that_it_names(kind, tmp_path):
    image, other = FILES["c/0.png"], FILES["d/1.png"]
    members = [
        ("./a/1.png", image),
        ("x", other),
        link("b/2.png", "a/1.png"),
        ("0001.png", image),
        ("0001.cls", b"cat"),
        link("b/3", "./x"),
        link("b/4.png", "b/2.png"),
        link("c/5.txt", "a/1.png"),
        ("note.txt", b"no image"),
        link("b/note", "note.txt"),
        link("0002.png", "x"),
        link("0002.cls", "0001.cls"),
    ]
    path = put_tar(tmp_path / f"x.{kind}", members)
    images = {"a/1.png": image, "b/2.png": image, "b/4.png": image, "c/5.txt": image, "x": other, "b/3": other}
    assert read_all(path) == (images | {"cat/0001.png": image, "cat/0002.png": other}, {})


@kinds
def test_a_hard_link_to_nothing_is_a_failure_by_its_name(kind, tmp_path):
    members = [link("early.png", "a.png"), ("a.png", FILES["c/0.png"]), link("gone.png", "/etc/passwd")]
    members += [link("s.png", "a.png", tarfile.SYMTYPE), link("h.png", "s.png")]
    found, failed = read_all(put_tar(tmp_path / f"x.{kind}", members))
    assert (found, failed) == ({"a.png": FILES["c/0.png"]}, {"early.png": "broken", "gone.png": "broken"})


def test_a_hard_link_that_has_its_own_bytes_has_those(tmp_path):
    """As POSIX allows it and cpio writes it; others give the size of the file and leave its bytes out."""
    image = FILES["c/0.png"]
    full, empty = link("full.png", "a.png")[0], link("empty.png", "a.png")[0]
    full.size = empty.size = len(image)
    archive = packed({"a.png": image})[0][: 512 + -(-len(image) // 512) * 512]
    archive += full.tobuf() + image + bytes(-len(image) % 512) + empty.tobuf() + packed({"z.png": image})[0]
    (tmp_path / "x.tar").write_bytes(archive)
    assert read_all(tmp_path / "x.tar") == (dict.fromkeys(("a.png", "full.png", "empty.png", "z.png"), image), {})


ODD = {"exclude_characters": "/\\\0:~%", "exclude_categories": ("Cc", "Cs", "Zl", "Zp", "Cf")}
NAMES = st.text(st.characters(codec="utf-8", **ODD), min_size=1, max_size=12)


@given(
    names=st.lists(NAMES.filter(lambda name: name.strip(". ") == name), min_size=1, max_size=5, unique_by=str.casefold),
    data=st.data(),
)
@settings(max_examples=25, deadline=None)
def test_a_folder_and_its_archives_give_the_same_files(names, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("same")
    contents = [*FILES.values(), b"no image", b"{}"]
    suffixes = st.sampled_from(["", ".png", ".txt", ".01.02", ".JPG", ".PNG"])
    files = {
        data.draw(st.sampled_from(["", "a/", "b/"])) + name + data.draw(suffixes): data.draw(st.sampled_from(contents))
        for name in names
    }
    _, summary = compress_into(put_folder(folder / "files", files), folder / "out")
    expected = tree(folder / "out")
    for kind in (*KINDS, "zip"):
        source = folder / f"x.{kind}"
        if kind == "zip":
            put_zip(source, files)
        else:
            with tarfile.open(source, "w:" + kind.partition(".")[2]) as archive:
                archive.add(folder / "files", ".")
        _, found = compress_into(source, folder / f"out-{kind}")
        assert (tree(folder / f"out-{kind}"), found.failed) == (expected, summary.failed)
