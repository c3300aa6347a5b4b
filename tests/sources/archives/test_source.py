"""Archives are read safely: names, sizes and bytes of their members are checked."""

import gzip
import io
import os
import stat
import struct
import tarfile
import tracemalloc
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Options
from icsys.sources.archives.archive_access import LocalFiles
from icsys.sources.archives.source import Archives
from icsys.sources.base import Ignored, Task, Unreadable, read_loaded
from source_makers import put_tar, put_zip

GOOD = image_bytes(synthetic_photo(8, 8))
OTHER = image_bytes(synthetic_photo(8, 8, seed=1))
HOSTILE = st.lists(
    st.sampled_from(["..", "/", "\\", "C:", "\n", "\x1b", "a", "A", "é", "e\u0301", ".", "b.png", " ", "con", "~"]),
    max_size=8,
).map("".join)


def archives(*paths):
    return Archives("these", LocalFiles(), tuple((str(path), "") for path in paths))


def listed(path):
    tasks, ignored, failures = [], [], []
    for planned in archives(path).plan(".png"):
        {Task: tasks, Ignored: ignored, Unreadable: failures}[type(planned)].append(planned)
    return tasks, [other.source for other in ignored], failures


def read_all(path, options=None):
    """Return what reading gives for every image: its bytes, or the code of what is wrong."""
    source, found = archives(path), {}
    works = (t for t in source.plan(".png") if isinstance(t, Task))
    for loaded in source.load(works, options or Options()):
        work, _ = loaded
        try:
            found[work.source] = read_loaded(source, loaded, options or Options())[0]
        except Exception as error:  # noqa: BLE001
            found[work.source] = getattr(error, "code", "io")
    return found


@pytest.mark.parametrize("put", [put_zip, put_tar])
@given(names=st.lists(HOSTILE, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_nothing_is_written_outside_the_destination_and_no_image_is_lost(put, names, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    files = [(f"{name}.png", GOOD) for name in names]
    path = folder / f"x.{put.__name__[4:]}"
    if put is put_zip:
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
            for name, data in files:
                archive.writestr(zipfile.ZipInfo(name), data)
    else:
        put_tar(path, files)
    (folder / "deep").mkdir()
    before = sorted(folder.rglob("*"))
    results, summary = compress_into(path, folder / "deep" / "out")
    after = [path for path in folder.rglob("*") if not path.is_relative_to(folder / "deep" / "out")]
    assert sorted(after) == before
    assert summary.compressed + summary.ignored == len(names), results
    assert summary.compressed == len(tree(folder / "deep" / "out"))


def test_symbolic_links_and_devices_are_left_alone(tmp_path):
    members = [("a.png", GOOD)]
    for name, kind in (("l.png", tarfile.SYMTYPE), ("d.png", tarfile.CHRTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        members.append((info, b""))
    tasks, ignored, failures = listed(put_tar(tmp_path / "x.tar", members))
    assert ([task.source for task in tasks], ignored, failures) == (["a.png"], ["l.png", "d.png"], [])
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("l.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert listed(tmp_path / "x.zip")[1] == ["l.png"]


def test_two_members_of_one_name_are_two_images(tmp_path):
    found = read_all(put_tar(tmp_path / "x.tar", [("a.png", GOOD), ("./a.png", OTHER)]))
    assert found == {"a.png": GOOD, "a.png~2": OTHER}


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_a_larger_member_than_allowed_is_not_read(kind, tmp_path):
    files = {"a.png": GOOD, "b.png": bytes(10**6), "c.png": OTHER}
    path = (put_zip if kind == "zip" else put_tar)(tmp_path / f"x.{kind}", files)
    assert read_all(path, Options(max_bytes=10**5)) == {"a.png": GOOD, "b.png": "too_large", "c.png": OTHER}


def test_a_member_that_unpacks_to_more_than_it_declares_takes_no_more_than_that(tmp_path):
    """A gigabyte of zeros that calls itself 100 bytes."""
    path = put_zip(tmp_path / "x.zip", {"a.png": bytes(2**27)})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    tracemalloc.start()
    assert read_all(path) == {"a.png": "broken"}
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_a_header_that_announces_gigabytes_takes_no_memory(tmp_path):
    """An extended header with a name of 4 GB, small once it is compressed."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 2**32
    header = info.tobuf(tarfile.GNU_FORMAT)
    good = put_tar(tmp_path / "good.tar", {"a.png": GOOD}).read_bytes()[: 512 * (1 + -(-len(GOOD) // 512))]
    with gzip.open(tmp_path / "x.tar.gz", "wb") as file:
        file.write(good + header + bytes(2**26))
    tracemalloc.start()
    tasks, _, failures = listed(tmp_path / "x.tar.gz")
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()
    assert [task.source for task in tasks] == ["a.png"]
    assert [failure.code for failure in failures] == ["broken"]


def test_a_compressed_archive_is_never_held(tmp_path):
    """Fifty members of a megabyte that no compression makes smaller."""
    path = put_tar(tmp_path / "x.tar.gz", {f"{i:02}.png": os.urandom(2**20) for i in range(50)})
    source, options = archives(path), Options()
    tracemalloc.start()
    works = (t for t in source.plan(".png") if isinstance(t, Task))
    count = sum(len(read_loaded(source, loaded, options)[0]) == 2**20 for loaded in source.load(works, options))
    assert (count, tracemalloc.get_traced_memory()[1] < 2**23) == (50, True)
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_lies_before_the_end_of_a_torn_tar_is_done_and_the_rest_is_a_failure(kind, share, tmp_path):
    files = {f"{i}.png": image_bytes(synthetic_photo(seed=i)) for i in range(20)}
    path = put_tar(tmp_path / f"x.{kind}", files)
    os.truncate(path, int(path.stat().st_size * share))
    found = read_all(path)
    whole = {name: data for name, data in found.items() if isinstance(data, bytes)}
    assert all(files[name] == data for name, data in whole.items())
    assert len(whole) >= (0 if kind in {"tar.bz2", "tar.xz"} else 20 * share - 4)
    failures = [*listed(path)[2], *(code for code in found.values() if not isinstance(code, bytes))]
    assert failures


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "parquet"])
@pytest.mark.parametrize("data", [b"", b"no archive at all", b"PK\x05\x06", b"\x1f\x8b\x08", bytes(10240)])
def test_what_is_no_archive_is_a_failure_or_empty_but_no_crash(kind, data, tmp_path):
    path = tmp_path / f"x.{kind}"
    path.write_bytes(data)
    tasks, ignored, failures = listed(path)
    assert not tasks
    assert not ignored
    assert len(failures) <= 1
    if kind in {"zip", "parquet"} or data.startswith(b"no"):
        assert failures[0].code == "broken"
        assert failures[0].source == f"x.{kind}"


@given(st.binary(max_size=4), st.integers(0, 2000), st.sampled_from(["tar", "zip"]))
@settings(max_examples=80, deadline=None)
def test_damage_anywhere_is_a_failure_and_no_crash(tmp_path_factory, damage, place, kind):
    folder = tmp_path_factory.mktemp("damage")
    path = (put_zip if kind == "zip" else put_tar)(folder / f"x.{kind}", {"a.png": GOOD, "b/c.png": OTHER})
    data = bytearray(path.read_bytes())
    data[place : place + len(damage)] = damage
    path.write_bytes(data)
    found = read_all(path)
    if kind == "zip":  # whose members have checksums
        assert all(not isinstance(data, bytes) or data in {GOOD, OTHER} for data in found.values())


@pytest.mark.parametrize("offset", [2**31, 2**32 - 2])
def test_a_member_is_found_to_which_the_directory_does_not_lead(offset, tmp_path):
    path = put_zip(tmp_path / "x.zip", {"a.png": GOOD, "b.png": OTHER})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 42 : at + 46] = struct.pack("<I", offset)
    path.write_bytes(data)
    tasks, _, (failure,) = listed(path)
    assert ([task.source for task in tasks], failure.source, failure.code) == (["b.png", "a.png"], "x.zip", "broken")


def test_an_encrypted_member_fails_by_name(tmp_path):
    path = put_zip(tmp_path / "x.zip", {"a.png": GOOD, "b.png": OTHER})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    tasks, _, (failure,) = listed(path)
    assert ([task.source for task in tasks], failure.source, failure.code) == (["b.png"], "a.png", "unsupported")


def test_an_archive_that_changes_after_it_was_listed_gives_failures(tmp_path):
    for kind in ("tar", "tar.gz", "zip"):
        put = put_zip if kind == "zip" else put_tar
        path = put(tmp_path / f"x.{kind}", {"a.png": GOOD})
        source = archives(path)
        works = list(source.plan(".png"))
        put(path, {"b.png": GOOD + OTHER})
        os.utime(path, ns=(5, 5))
        (loaded,) = source.load(works, Options())
        with pytest.raises(Exception, match="changed after it was listed"):
            read_loaded(source, loaded, Options())
        path.unlink()
        (loaded,) = source.load(works, Options())
        with pytest.raises(Exception, match="vanished"):
            read_loaded(source, loaded, Options())


def test_names_of_old_archivers_are_read_as_they_were_meant(tmp_path):
    """UTF-8 without the flag for it, as macOS writes it, and backslashes, as some tools of Windows write."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("caXX/a.png", GOOD)
        archive.writestr("dog_b.png", OTHER)
    data = path.read_bytes().replace(b"caXX", b"ca\xc3\xa9").replace(b"dog_b", b"dog\\b")
    path.write_bytes(data)
    assert read_all(path) == {"caé/a.png": GOOD, "dog/b.png": OTHER}


def test_an_image_with_any_name_is_found_by_its_content(tmp_path):
    files = {"a": GOOD, "b": b"no image", "c.txt": GOOD, "d.txt": b"no image", "e.png": b"no image", "f.json": OTHER}
    for path in (put_zip(tmp_path / "x.zip", files), put_tar(tmp_path / "x.tar.gz", files)):
        assert read_all(path) == {"a": GOOD, "c.txt": GOOD, "e.png": b"no image", "f.json": OTHER}


def test_a_tar_within_a_stream_of_garbage_ends(tmp_path):
    """Zeros, to the end of a gigabyte, after the last member."""
    stream = io.BytesIO(put_tar(tmp_path / "x.tar", {"a.png": GOOD}).read_bytes())
    with gzip.open(tmp_path / "x.tar.gz", "wb", compresslevel=1) as file:
        file.write(stream.getvalue() + bytes(2**24))
    assert read_all(tmp_path / "x.tar.gz") == {"a.png": GOOD}
