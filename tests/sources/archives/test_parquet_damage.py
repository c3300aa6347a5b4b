"""Damaged Parquet files: at most one row group is lost, and it is named."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from helpers import image_bytes, synthetic_photo
from source_makers import put_parquet, read_all

FILES = {f"{'cd'[i % 2]}/{i:02}.png": image_bytes(synthetic_photo(4 + i, 6, seed=i)) for i in range(12)}
IN_A_GROUP = 3
CODECS = ("NONE", "SNAPPY", "ZSTD", "GZIP")


def written(path, codec, *, checksums):
    """Write a table, and return where each row group has its names and its images: first and last byte."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": data, "path": name} for name, data in FILES.items()], kind)
    form = {"compression": codec, "use_dictionary": False, "write_page_checksum": checksums, "write_statistics": False}
    parquet.write_table(pa.table({"image": images}), path, row_group_size=IN_A_GROUP, **form)
    about = parquet.ParquetFile(path).metadata
    places = []
    for group in range(about.num_row_groups):
        columns = [about.row_group(group).column(number) for number in range(2)]
        starts = {column.path_in_schema: column.data_page_offset for column in columns}
        sizes = {column.path_in_schema: column.total_compressed_size for column in columns}
        places.append({name: (starts[name], starts[name] + sizes[name]) for name in starts})
    return places


@given(codec=st.sampled_from(CODECS), checksums=st.booleans(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_flipped_bit_costs_at_most_its_row_group(codec, checksums, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("flip") / "x.parquet"
    places = written(path, codec, checksums=checksums)
    group = data.draw(st.integers(0, len(places) - 1))
    column = data.draw(st.sampled_from(["image.bytes", "image.path"]))
    start, stop = places[group][column]
    archive = bytearray(path.read_bytes())
    archive[data.draw(st.integers(start, stop - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(archive)
    found, failed = read_all(path)
    names = list(FILES)[group * IN_A_GROUP : (group + 1) * IN_A_GROUP]
    others = {name: image for name, image in FILES.items() if name not in names}
    assert set(others.values()) <= set(found.values())  # a name may have become that of another
    assert set(failed) <= {"x.parquet", *names}
    if checksums:
        assert failed or found == FILES
        assert set(found.values()) <= set(FILES.values())
        assert set(found) <= set(FILES)


@pytest.mark.parametrize("checksums", [False, True])
@pytest.mark.parametrize("codec", CODECS)
def test_names_that_cannot_be_read_cost_their_row_group_and_the_file_fails(codec, checksums, tmp_path):
    path = tmp_path / "x.parquet"
    start, stop = written(path, codec, checksums=checksums)[1]["image.path"]
    archive = bytearray(path.read_bytes())
    archive[start:stop] = bytes(stop - start)
    path.write_bytes(archive)
    found, failed = read_all(path)
    names = list(FILES)[IN_A_GROUP : 2 * IN_A_GROUP]
    assert found == {name: image for name, image in FILES.items() if name not in names}
    assert failed == {"x.parquet": "broken"}


@given(share=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_cut_file_or_one_with_something_behind_it_fails_by_its_name(share, more, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "x.parquet"
    data = put_parquet(path, FILES).read_bytes()
    path.write_bytes(data + more if more else data[: int(len(data) * share)])
    assert read_all(path) == ({}, {"x.parquet": "broken"})


def test_another_number_of_rows_than_declared_is_damage(tmp_path):
    """The number in the footer, which pyarrow writes as a byte where there are few."""
    path = put_parquet(tmp_path / "x.parquet", FILES)
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    field = data.index(bytes([0x16, 2 * len(FILES)]), len(data) - 8 - length)  # a whole number of 64 bits, in zigzag
    data[field + 1] += 2
    path.write_bytes(data)
    assert read_all(path) == (FILES, {"x.parquet": "broken"})
