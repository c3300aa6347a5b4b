"""Images of packs, read one by one from their places, are those that readers of the whole pack find."""

import importlib.util
import io
import tarfile
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from icsys.files.rooted_path import RootedPath
from icsys.packs.formats import FILE_FORMATS
from icsys.packs.packed_image import PackedCompanion, PackedImage
from icsys.packs.read_file_or_pack import OutputPlace, OutputReader, read_output
from icsys.records.classes import Classes
from icsys.records.pack_index import PackIndex, save_pack_index

SUFFIXES = {"webdataset": "tar", "parquet": "parquet"}
names = st.lists(
    st.one_of(st.text("ab/é日%. ", min_size=1, max_size=8), st.just("long/" * 40)), min_size=1, max_size=12, unique=True
)
contents = st.binary(max_size=700)


needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
for_each_format = pytest.mark.parametrize("format_name", ["webdataset", pytest.param("parquet", marks=needs_pyarrow)])


def packed(format_name, files, companions=()):
    """Return a pack of images, each with these companions, as one run writes it."""
    pack_format, file = FILE_FORMATS[format_name], io.BytesIO()
    images = [
        PackedImage(pack_format.member(f"{name}.png"), data, "cat", {"sha256": "0" * 64}, 0) for name, data in files
    ]
    beside = [
        [
            PackedCompanion(pack_format.companion(image.member, "mask.png"), "mask.png", "m.png", "mask", "", data)
            for data in companions
        ]
        for image in images
    ]
    images = [
        PackedImage(image.member, image.data, image.label, image.info, image.number, more)
        for image, more in zip(images, beside, strict=True)
    ]
    pack_format.write(file, images, Classes(["cat"], [0]), {"mask": "image"} if companions else {})
    return file.getvalue()


def reader(folder, format_name, pack, places):
    """Write a pack into a folder, and return a reader of outputs in it."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / f"all-00000.{SUFFIXES[format_name]}").write_bytes(pack)
    save_pack_index(RootedPath(folder), PackIndex(format=format_name, state="complete"))
    return OutputReader(RootedPath(folder), places)


def places_of(format_name, files):
    """Return what the manifest says of images."""
    name = f"data/all-00000.{SUFFIXES[format_name]}"
    member = FILE_FORMATS[format_name].member
    return [OutputPlace(f"{one}.png", name, len(data), member(f"{one}.png")) for one, data in files]


@for_each_format
@pytest.mark.parametrize("companions", [(), (b"mask",)])
@given(names=names, data=st.data())
def test_any_images_in_any_order_are_those_that_were_packed(companions, format_name, tmp_path_factory, names, data):
    files = [(name, data.draw(contents)) for name in names]
    places = places_of(format_name, files)
    wanted = data.draw(st.lists(st.sampled_from(range(len(files))), max_size=20))
    outputs = reader(tmp_path_factory.mktemp("out"), format_name, packed(format_name, files, companions), places)
    for numbers in (wanted, wanted[::-1]):
        assert outputs.read(numbers) == [files[number][1] for number in numbers]


@for_each_format
@given(names=names, data=st.data())
def test_places_are_those_of_the_reader_of_the_whole_pack(format_name, names, data):
    pack = io.BytesIO(packed(format_name, [(name, data.draw(contents)) for name in names]))
    places = list(FILE_FORMATS[format_name].places(pack))
    found = [(place.name, pack.getvalue()[place.begin : place.begin + place.size]) for place in places]
    if format_name == "parquet":
        assert found == list(FILE_FORMATS[format_name].read(pack))
    else:
        with tarfile.open(fileobj=io.BytesIO(pack.getvalue())) as tar:
            assert found == [(info.name, tar.extractfile(info).read()) for info in tar]


FILES = [(f"{number:02}", bytes([number]) * (100 * number)) for number in range(8)]


@for_each_format
@example(place=-1, value=0)
@given(place=st.integers(0, 2**16), value=st.integers(0, 255))
def test_a_changed_byte_or_a_shorter_pack_gives_an_oserror_or_places_within_it(format_name, place, value):
    whole = packed(format_name, FILES)
    place %= len(whole)
    for pack in (whole[:place] + bytes([value]) + whole[place + 1 :], whole[:place]):
        try:
            found = list(FILE_FORMATS[format_name].places(io.BytesIO(pack)))
        except OSError:
            continue
        assert all(0 <= place.begin <= place.begin + place.size <= len(pack) for place in found)


@for_each_format
def test_a_pack_that_is_replaced_is_looked_through_again(format_name, tmp_path):
    outputs = reader(tmp_path, format_name, packed(format_name, FILES), places_of(format_name, FILES))
    assert outputs.read([3]) == [FILES[3][1]]
    reader(tmp_path, format_name, packed(format_name, [*FILES[::-1], ("z", b"")]), [])
    assert outputs.read([3, 7, 3]) == [FILES[3][1], FILES[7][1], FILES[3][1]]
    reader(tmp_path, format_name, packed(format_name, FILES[:3]), [])
    with pytest.raises(OSError, match=r"does not hold the 300 bytes of '03.png'"):
        outputs.read([3])


@for_each_format
def test_threads_read_from_a_pack_that_none_has_looked_through(format_name, tmp_path):
    pack, places = packed(format_name, FILES), places_of(format_name, FILES)
    for _ in range(10):
        outputs = reader(tmp_path, format_name, pack, places)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda number: outputs.read([number])[0], range(8))) == [data for _, data in FILES]  # noqa: B023


@for_each_format
def test_an_image_is_found_by_its_path_where_the_manifest_has_no_member(format_name, tmp_path):
    files = [("a.b/é", b"1"), ("__c", b"22")]
    reader(tmp_path, format_name, packed(format_name, files), [])
    for place, (_, data) in zip(places_of(format_name, files), files, strict=True):
        assert read_output(RootedPath(tmp_path), place._replace(member="")) == data


@for_each_format
def test_one_image_of_a_large_pack_takes_little_memory(format_name, tmp_path):
    files = [(f"{number}", bytes(2**20)) for number in range(16)]
    outputs = reader(tmp_path, format_name, packed(format_name, files), places_of(format_name, files))
    tracemalloc.start()
    try:
        assert outputs.read([15]) == [bytes(2**20)]
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def forged_tar(size):
    info = tarfile.TarInfo("00.png")
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT) + bytes(2**14)


@pytest.mark.parametrize("size", [2**20, 2**40, 2**62])
def test_a_size_beyond_the_pack_takes_no_memory(size, tmp_path):
    place = OutputPlace("00.png", "data/all-00000.tar", size, "00.png")
    with pytest.raises(OSError, match=r"beyond the end|not a complete tar"):
        reader(tmp_path, "webdataset", forged_tar(size), [place]).read([0])


@pytest.mark.parametrize("more", [{"compression": "snappy"}, {"use_dictionary": True}, {"missing": True}])
def test_tables_that_ics_does_not_write_are_refused(more, tmp_path):
    parquet, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    data = None if more.pop("missing", False) else b"1"
    settings = {"compression": "NONE", "use_dictionary": False} | more
    rows = [{"image": {"path": f"{name}.png", "bytes": data if name == "a" else b"1"}} for name in "ab"]
    kind = pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))])
    parquet.write_table(pa.Table.from_pylist(rows, kind), tmp_path / "a.parquet", **settings)
    pack = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(OSError, match=r"not a complete Parquet file"):
        reader(tmp_path, "parquet", pack, places_of("parquet", [("a", b"1"), ("b", b"1")])).read([0, 1])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_row_group_may_have_many_pages(version, tmp_path):
    parquet, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = [{"image": {"path": f"{name}.png", "bytes": data}} for name, data in FILES]
    settings = {"compression": "NONE", "use_dictionary": False, "data_page_size": 1, "write_batch_size": 1}
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a", data_page_version=version, **settings)
    pack = (tmp_path / "a").read_bytes()
    outputs = reader(tmp_path, "parquet", pack, places_of("parquet", FILES))
    assert outputs.read(range(8)) == [data for _, data in FILES]
