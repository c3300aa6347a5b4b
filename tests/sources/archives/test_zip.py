"""Zip archives: what is damaged, and what is done nonetheless, by what Python's zipfile can read of them."""

import io
import stat
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo
from icsys.sources.archives import check_zip_directory as zipfiles
from icsys.sources.archives.archive_access import LocalFiles
from icsys.sources.archives.check_zip_directory import ZipDirectory
from icsys.sources.archives.source import Archives
from icsys.sources.base import Ignored
from source_makers import put_zip, read_all

FILES = {f"{'cd'[i % 2]}/{i}.png": image_bytes(synthetic_photo(4 + i, 6, seed=i)) for i in range(4)}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


class _OneWay(io.RawIOBase):
    """A file that cannot go back, so that sizes and checksums are written behind the bytes."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def packed(files=FILES, method=zipfile.ZIP_DEFLATED, *, one_way=False, comment=b""):
    file = _OneWay() if one_way else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return bytearray(file.data if one_way else file.getvalue())


def by_zipfile(data):
    """Return what Python's own reader gives of each member that it can read."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                try:
                    found[info.filename] = archive.read(info)
                except (
                    zipfile.BadZipFile,
                    zlib.error,
                    OSError,
                    EOFError,
                    ValueError,
                    NotImplementedError,
                    RuntimeError,
                ):
                    continue
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, EOFError):
        pass
    return found


@given(method=st.sampled_from(METHODS), one_way=st.booleans(), comment=st.binary(max_size=9), data=st.data())
@settings(max_examples=250, deadline=None)
def test_a_flipped_bit_is_reported_unless_it_is_harmless(method, one_way, comment, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("flip") / "x.zip"
    archive = packed(method=method, one_way=one_way, comment=comment)
    archive[data.draw(st.integers(0, len(archive) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(archive)
    found, failed = read_all(path)
    assert set(found.values()) <= set(FILES.values())  # damaged bytes are never taken for whole
    named = failed.keys() & FILES.keys()  # zipfile ignores bytes beyond the size in the directory
    assert len(named) <= 1
    whole = {name: image for name, image in by_zipfile(bytes(archive)).items() if name not in named}
    assert set(found.values()) >= set(whole.values()) & set(FILES.values())
    assert failed or found == FILES


@pytest.mark.parametrize("method", METHODS)
def test_an_image_is_found_by_its_bytes_with_any_name_and_packing(method, tmp_path):
    files = {f"{i}/scan": image_bytes(synthetic_photo(20 + 90 * i, 60, seed=i)) for i in range(3)}
    (tmp_path / "x.zip").write_bytes(packed(files | {"notes": b"no image" * 40}, method))
    assert read_all(tmp_path / "x.zip") == (files, {})


@given(method=st.sampled_from(METHODS), one_way=st.booleans(), data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_cut_archive_keeps_its_whole_members_and_is_named(method, one_way, data, tmp_path_factory):
    """Its directory is at the end and lost, so members are known by what stands before their bytes."""
    path = tmp_path_factory.mktemp("cut") / "x.zip"
    archive = packed(method=method, one_way=one_way)
    at = data.draw(st.integers(0, len(archive) - 1))
    path.write_bytes(archive[:at])
    found, failed = read_all(path)
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        infos = whole.infolist()
        stops = [info.header_offset for info in infos[1:]] + [whole.start_dir]
    assert failed["x.zip"] == "broken"
    assert found.items() <= FILES.items()
    assert found.keys() >= {info.filename for info, stop in zip(infos, stops, strict=True) if stop <= at}
    assert set(failed) <= {"x.zip", *(FILES.keys() - found.keys())}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("one_way", [False, True])
def test_bytes_before_between_and_behind_are_reported_and_cost_nothing(method, one_way, tmp_path):
    archive = packed(method=method, one_way=one_way)
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        second = whole.infolist()[1].header_offset
    for content in (
        b"MZ" * 50 + archive,
        archive + b"x",
        archive + bytes(70_000),
        archive[:second] + b"lost" + archive[second:],
        packed({"e.png": FILES["c/0.png"]})[:-60] + archive,
    ):
        (tmp_path / "x.zip").write_bytes(content)
        found, failed = read_all(tmp_path / "x.zip")
        assert failed == {"x.zip": "broken"}
        assert FILES.items() <= found.items()
        assert set(found.values()) == set(FILES.values())


def test_a_member_that_the_directory_does_not_name_is_found(tmp_path):
    """The directory of an archive, and the number in its end, less one."""
    archive = packed()
    first = archive.index(b"PK\x01\x02")
    second = archive.index(b"PK\x01\x02", first + 1)
    end = archive.index(b"PK\x05\x06")
    _, _, _, here, count, length, offset, _ = struct.unpack_from("<4s4H2IH", archive, end)
    struct.pack_into("<2H2I", archive, end + 8, here - 1, count - 1, length - (second - first), offset)
    (tmp_path / "x.zip").write_bytes(archive[:first] + archive[second:])
    assert read_all(tmp_path / "x.zip") == (FILES, {"x.zip": "broken"})


def test_members_that_share_bytes_are_reported(tmp_path):
    archive = packed(dict(list(FILES.items())[:2]), zipfile.ZIP_STORED)
    first = archive.index(b"PK\x01\x02")
    second = archive.index(b"PK\x01\x02", first + 1)
    archive[second + 42 : second + 46] = archive[first + 42 : first + 46]
    (tmp_path / "x.zip").write_bytes(archive)
    assert read_all(tmp_path / "x.zip")[1]["x.zip"] == "broken"


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFLNK, stat.S_IFDIR])
def test_an_image_is_one_whatever_the_directory_calls_it(kind, tmp_path):
    """One bit there makes a device of a file, and no checksum covers it."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in (("a.png", FILES["c/0.png"]), ("b.png", b"/etc/passwd")):
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content)
    assert read_all(tmp_path / "x.zip") == ({"a.png": FILES["c/0.png"]}, {})


def zip_of_empty_files(count):
    """Write it by hand, as zipfile does in several seconds: headers, the directory, and its end in both sizes."""
    names = [b"%05d" % number for number in range(count)]
    headers = [struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 5, 0) + name for name in names]
    entry = struct.pack("<4s6H3L5HL", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0)
    step = len(headers[0])
    directory = b"".join(entry + struct.pack("<L", step * number) + name for number, name in enumerate(names))
    start = step * count
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), start, 0)
    return b"".join(headers) + directory + end


def test_a_large_archive_and_an_odd_one_are_whole(tmp_path):
    """More members than two bytes count, a comment, folders, empty files, extra fields, and sizes of eight bytes."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"PK a comment"
        archive.mkdir("folder") if hasattr(archive, "mkdir") else archive.writestr("folder/", b"")
        archive.writestr("empty.txt", b"")
        info = zipfile.ZipInfo("a.png")
        info.extra = struct.pack("<HH5s", 0x7075, 5, b"extra")
        archive.writestr(info, FILES["c/0.png"])
        with archive.open("b.png", "w", force_zip64=True) as member:
            member.write(FILES["d/1.png"])
    assert read_all(path) == ({"a.png": FILES["c/0.png"], "b.png": FILES["d/1.png"]}, {})
    path.write_bytes(zip_of_empty_files(2**16 + 10))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.NameToInfo) == 2**16 + 10
    source = Archives("these", LocalFiles(), ((str(path), ""),))
    assert {type(planned) for planned in source.plan(".png")} == {Ignored}


def test_a_run_over_a_damaged_archive_does_the_rest_and_ends_with_one_failure(tmp_path):
    path = put_zip(tmp_path / "x.zip", FILES)
    path.write_bytes(path.read_bytes()[:-30])
    results, summary = compress_into(path, tmp_path / "out")
    assert (summary.compressed, summary.failed, results["x.zip"].code) == (4, 1, "broken")


@pytest.mark.parametrize("piece", [46, 60, 2**16])
@pytest.mark.parametrize("before", [b"", b"a program that unpacks it"])
def test_a_directory_is_read_in_pieces_as_zipfile_reads_it(piece, before, monkeypatch):
    monkeypatch.setattr(zipfiles, "_PIECE", piece)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(50):
            info = zipfile.ZipInfo(f"{'n' * number}/caf\u00e9{number}.png")
            info.comment, info.extra = b"c" * number, b"\xff\xff\x01\x00x" * (number % 3)
            info.external_attr = 0o100644 << 16
            archive.writestr(info, bytes(number))
        archive.writestr("folder/", b"")
    data = before + file.getvalue()
    reader = ZipDirectory(io.BytesIO(data), len(data), is_near=False)
    found = [(e.name, e.crc, e.length, e.size, e.start, e.mode, e.is_folder) for e in reader.entries()]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert found == [
            (i.filename, i.CRC, i.compress_size, i.file_size, i.header_offset, i.external_attr >> 16, i.is_dir())
            for i in archive.infolist()
        ]
    assert bool(reader.damage) == bool(before)
