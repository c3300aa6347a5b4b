"""The footer of a Parquet file: compared with pyarrow, and footers with impossible values."""

import io
import struct

import pytest

from icsys.errors import ImageError
from icsys.sources.parquet_format import footer as footers
from icsys.sources.parquet_format.footer import read_footer
from icsys.sources.parquet_format.thrift import EndError, Thrift

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def written(table, **settings):
    file = io.BytesIO()
    parquet.write_table(table, file, **settings)
    return file.getvalue()


def with_footer(data):
    """Return a file that is nothing but a footer."""
    return io.BytesIO(b"PAR1" + data + struct.pack("<I", len(data)) + b"PAR1")


def test_columns_groups_and_notes_are_those_that_pyarrow_finds():
    struct_of = pa.struct([("bytes", pa.binary()), ("path", pa.string()), ("deep", pa.struct([("x", pa.int8())]))])
    table = pa.table(
        {
            "a": pa.array([1, 2, 3], pa.uint32()),
            "image": pa.array([None] * 3, struct_of),
            "many": pa.array([[1]] * 3),
            "day": pa.array([0, 1, 2], pa.date32()),
        }
    ).replace_schema_metadata({"note": "caf\u00e9"})
    data = written(table, row_group_size=2)
    found = read_footer(io.BytesIO(data))
    about = parquet.ParquetFile(io.BytesIO(data)).metadata
    assert found.names == ["a", "image", "many", "day"]
    assert found.notes[b"note"] == "caf\u00e9".encode()
    numbers = {about.schema.column(number).path: number for number in range(len(about.schema))}
    assert {".".join(path): leaf.number for path, leaf in found.leaves.items()} == {
        path: number for path, number in numbers.items() if path.count(".") < 2
    }
    leaves = list(found.leaves.values())
    for number, group in enumerate(found.row_groups(leaves)):
        expected = about.row_group(number)
        assert group.rows == expected.num_rows
        for leaf, chunk in zip(leaves, group.chunks, strict=True):
            column = expected.column(leaf.number)
            assert (chunk.size, chunk.values) == (column.total_compressed_size, column.num_values)
            assert chunk.start == column.dictionary_page_offset or column.data_page_offset
    assert number == about.num_row_groups - 1


FOOTERS = {
    "nothing": b"",
    "zeros": bytes(100),
    "no schema": bytes([0x15, 2, 0]),
    "a schema of many fields that are not there": bytes([0x29, 0xFC, 255, 255, 255, 255, 7]),
    "structs in structs": bytes([0x8C]) + bytes([0x1C]) * 100_000,
    "lists in lists": bytes([0x89]) + bytes([0x19]) * 100_000,
    "a text of gigabytes": bytes([0x68, 255, 255, 255, 255, 15]),
    "a number without an end": bytes([0x16]) + b"\xff" * 100,
    "an unknown kind": bytes([0x8F]),
}


@pytest.mark.parametrize("what", FOOTERS)
def test_footers_that_make_no_sense_are_refused(what):
    with pytest.raises(ImageError, match=r"."):
        read_footer(with_footer(FOOTERS[what]))


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + bytes(8) + b"PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"x"]
)
def test_what_is_no_whole_file_is_broken(data):
    with pytest.raises(ImageError) as failure:
        read_footer(io.BytesIO(data))
    assert failure.value.code == "broken"


def test_encrypted_files_are_refused_by_name():
    with pytest.raises(ImageError, match="encrypted"):
        read_footer(io.BytesIO(b"PARE" + bytes(8) + b"PARE"))


def test_more_columns_or_bytes_than_any_dataset_has_are_refused(monkeypatch):
    data = written(pa.table({f"c{number}": [1] for number in range(50)}))
    monkeypatch.setattr(footers, "MOST_COLUMNS", 51)  # with the one above all
    assert len(read_footer(io.BytesIO(data)).names) == 50
    monkeypatch.setattr(footers, "MOST_COLUMNS", 50)
    with pytest.raises(ImageError, match="more than 50 columns"):
        read_footer(io.BytesIO(data))
    monkeypatch.setattr(footers, "LONGEST_FOOTER", 100)
    with pytest.raises(ImageError, match="a footer of"):
        read_footer(io.BytesIO(data))


def test_a_truncated_footer_is_named_as_one():
    for data in (b"\x15", b"\x18\x05abc", b"\x1c\x15", b"\x19\xf5\x80"):
        thrift = Thrift(data)
        with pytest.raises(EndError):
            list(thrift.fields())
