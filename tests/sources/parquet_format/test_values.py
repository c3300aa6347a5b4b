"""Columns read value by value: against pyarrow, in every way in which it writes them."""

import contextlib
import io
import itertools
import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.sources.parquet_format import column as column_module
from icsys.sources.parquet_format import column_pages, dictionaries, encodings, page_values
from icsys.sources.parquet_format import decompress_pages as unpack
from icsys.sources.parquet_format.column import Column
from icsys.sources.parquet_format.footer import read_footer

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

NUMBERS = {"snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6, "lz4_raw": 7}
CODECS = ("NONE", "snappy", "gzip", "brotli", "zstd", "lz4")
ENCODINGS = {
    "bytes": (pa.binary(), ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", None)),
    "int": (pa.int64(), ("PLAIN", "DELTA_BINARY_PACKED", None)),
    "short": (pa.int32(), ("PLAIN", "DELTA_BINARY_PACKED", None)),
    "bool": (pa.bool_(), ("PLAIN", "RLE")),
    "float": (pa.float64(), ("PLAIN", None)),
}
KINDS = [(kind, encoding) for kind, (_, encodings) in ENCODINGS.items() for encoding in encodings]
DRAWN = {
    "bytes": st.binary(max_size=9) | st.sampled_from([b"", b"same" * 20, b"same" * 19 + b"other", bytes(3000)]),
    "int": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    "short": st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3),
    "bool": st.booleans(),
    "float": st.floats(allow_nan=False),
}


def written(table, **settings):
    """Return a table as the bytes of a file."""
    file = io.BytesIO()
    parquet.write_table(table, file, **settings)
    return file.getvalue()


def columns(data, path, **settings):
    """Open a column in every row group."""
    file = io.BytesIO(data)
    footer = read_footer(file)
    leaf = footer.leaves[path]
    for group in footer.row_groups([leaf]):
        yield group.rows, Column(file, leaf, group.chunks[0], group.rows, pa, **settings)


def everything(data, path, check=lambda _: None):
    """Return all values of a column."""
    return [column.read(check) for rows, column in columns(data, path) for _ in range(rows)]


@contextlib.contextmanager
def held(size, piece=7):
    """Have pages of more than so many bytes taken for large ones."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (unpack, column_pages, column_module, page_values, dictionaries):
            patch.setattr(module, "LARGEST_IN_MEMORY", size)
        for module in (unpack, column_pages):
            patch.setattr(module, "PIECE", piece)
        yield


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(("kind", "encoding"), KINDS)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_values_are_those_that_were_written(kind, encoding, version, data):
    column = data.draw(st.lists(DRAWN[kind] | st.none(), max_size=40)) * data.draw(st.sampled_from([1, 1, 9]))
    table = pa.table({"a": pa.array(column, ENCODINGS[kind][0]), "b": pa.array([1] * len(column))})
    if data.draw(st.booleans()):
        table = pa.table({"a": table["a"].fill_null(table["a"][0]) if column and column[0] is not None else table["a"]})
        column = table["a"].to_pylist()
    file = written(
        table,
        compression=data.draw(st.sampled_from(CODECS)),
        data_page_version=version,
        use_dictionary=encoding is None,
        column_encoding=encoding and {"a": encoding},
        row_group_size=data.draw(st.sampled_from([5, 1000])),
        data_page_size=data.draw(st.sampled_from([1, 100, 2**20])),
        write_batch_size=data.draw(st.sampled_from([1, 3, 1000])),
    )
    assert everything(file, ("a",)) == column
    # Each row by itself, those before it passed over.
    for wanted in data.draw(st.lists(st.integers(0, max(0, len(column) - 1)), max_size=3)) if column else ():
        first = 0
        for rows, opened in columns(file, ("a",)):
            if first <= wanted < first + rows:
                opened.skip(wanted - first)
                assert opened.read(lambda _: None) == column[wanted]
            first += rows


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [False, True])
@settings(deadline=None, max_examples=12)
@given(st.data())
def test_pages_that_are_too_large_to_be_held_give_the_same_values(dictionary, version, codec, data):
    is_required = data.draw(st.booleans())  # then no levels lie before the values
    cell = DRAWN["bytes"] if is_required else DRAWN["bytes"] | st.none()
    column = data.draw(st.lists(cell, min_size=1, max_size=30))
    schema = pa.schema([pa.field("a", pa.binary(), nullable=not is_required)])
    table = pa.table({"a": pa.array(column, pa.binary())}, schema)
    file = written(table, compression=codec, data_page_version=version, use_dictionary=dictionary)
    with held(60, piece=data.draw(st.integers(1, 9))):
        try:
            assert everything(file, ("a",)) == column
        except ImageError as error:
            assert "that are not plain" in str(error) and dictionary  # noqa: PT017, PT018 - numbers of more than 60 bytes


@pytest.mark.parametrize("is_required", [False, True])
@pytest.mark.parametrize("codec", CODECS)
def test_levels_may_end_where_a_piece_does_or_be_missing(codec, is_required):
    """A column without gaps has no levels."""
    column = [b"" if is_required or row % 3 else None for row in range(24)]
    schema = pa.schema([pa.field("a", pa.binary(), nullable=not is_required)])
    file = written(pa.table([column], schema), compression=codec, data_page_version="2.0", use_dictionary=False)
    for piece in range(1, 9):
        with held(8, piece=piece):
            assert everything(file, ("a",)) == column


@pytest.mark.parametrize("codec", ["snappy", "lz4_raw", "gzip", "zstd", "brotli"])
@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 400)), max_size=12), st.integers(1, 2000))
def test_what_was_packed_is_unpacked_in_pieces(codec, parts, piece):
    data = b"".join(part * count for part, count in parts)
    packed = pa.Codec(codec).compress(data, asbytes=True)

    def pieces():
        return (packed[at : at + piece] for at in range(0, len(packed), piece))

    number = NUMBERS[codec]
    for most in (0, 2**24):
        with held(most, piece=1000):
            assert b"".join(unpack.unpack(number, pieces, len(packed), len(data), pa)) == data
            for wrong in {max(0, len(data) - 1), len(data) // 2} - {len(data)}:
                with pytest.raises(ImageError):
                    b"".join(unpack.unpack(number, pieces, len(packed), wrong, pa))
            with pytest.raises(ImageError):
                unpack.ByteStream(unpack.unpack(number, pieces, len(packed), len(data) + 1, pa)).read(len(data) + 1)


def test_copies_reach_back_as_far_as_encoders_look():
    data = bytes(itertools.islice(itertools.cycle(range(251)), 200_000)) + bytes(70_000) + b"end"
    for codec in ("snappy", "lz4_raw"):
        packed = pa.Codec(codec).compress(data, asbytes=True)
        number = NUMBERS[codec]
        with held(0, piece=5000):
            assert b"".join(unpack.unpack(number, lambda packed=packed: iter([packed]), 1, len(data), pa)) == data


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("most", [0, 2**24])
def test_a_value_that_is_refused_is_never_taken_and_the_next_one_can_be(dictionary, most):
    column = [b"a", bytes(100_000), b"b", bytes(100_000), bytes(99_999), b"c"]

    def check(size):
        if size > 99_999:
            raise ImageError("too_large", str(size))

    found = []
    file = written(pa.table({"a": pa.array(column, pa.binary())}), compression="zstd", use_dictionary=dictionary)
    with held(max(most, 100), piece=2**16):
        for rows, opened in columns(file, ("a",)):
            for _ in range(rows):
                try:
                    found.append(opened.read(check))
                except ImageError as error:
                    found.append(str(error))
    assert found == [b"a", "100000", b"b", "100000", bytes(99_999), b"c"]


def test_large_values_that_take_no_bytes_are_refused(monkeypatch):
    monkeypatch.setattr(column_module, "_LARGE", 10_000)
    file = written(pa.table({"a": [bytes(10_000), bytes(10_001)]}), compression="zstd", use_dictionary=False)
    ((_, column),) = columns(file, ("a",))
    assert column.read(lambda _: None) == bytes(10_000)
    with pytest.raises(ImageError, match="100 times"):
        column.read(lambda _: None)


def test_structs_lists_and_what_is_missing_above_a_value():
    rows = [{"bytes": b"x", "path": None}, None, {"bytes": None, "path": "p"}]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"n": [1, 2, 3], "image": pa.array(rows, kind), "many": [[b"a"], [], None], "label": [1, None, 3]})
    file = written(table)
    assert everything(file, ("image", "bytes")) == [b"x", None, None]
    assert everything(file, ("image", "path")) == [None, None, b"p"]
    assert everything(file, ("label",)) == [1, None, 3]
    footer = read_footer(io.BytesIO(file))
    assert footer.names == ["n", "image", "many", "label"]
    assert ("many", "list", "element") not in footer.leaves
    assert footer.notes.keys() == {b"ARROW:schema"}


@pytest.mark.parametrize("seed", range(400))
def test_damaged_files_end_in_an_image_error(seed):
    """Files with single bytes changed: what is read is right, or damage, or what its length check refuses."""
    draw = random.Random(seed)  # noqa: S311 - nothing is secret
    column = [bytes([number] * number) for number in range(50)] * 2
    codec, dictionary = draw.choice(CODECS), draw.random() < 0.5
    encoding = None if dictionary else draw.choice(["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
    file = bytearray(
        written(
            pa.table({"a": pa.array(column, pa.binary()), "n": list(range(100))}),
            compression=codec,
            use_dictionary=dictionary,
            column_encoding=encoding and {"a": encoding, "n": "DELTA_BINARY_PACKED"},
            data_page_version=draw.choice(["1.0", "2.0"]),
        )
    )
    for _ in range(draw.choice([1, 1, 3])):
        file[draw.randrange(len(file))] = draw.randrange(256)

    def check(size):
        if size > 100_000:
            raise ImageError("too_large", "")

    for name in ("a", "n"):
        with contextlib.suppress(ImageError, KeyError), held(draw.choice([30, 2**24])):
            everything(bytes(file), (name,), check)


def test_runs_and_differences_of_any_width_as_the_format_has_them():
    """The examples of the format's own page on encodings."""
    packed = unpack.ByteStream(iter([bytes([3, 0b10001000, 0b11000110, 0b11111010])]))
    assert list(itertools.islice(encodings.runs(packed, 3), 8)) == list(range(8))
    run = unpack.ByteStream(iter([bytes([200, 1, 4])]))
    assert list(itertools.islice(encodings.runs(run, 3), 100)) == [4] * 100
    # Block of 128 in 4 parts, 5 values from 7: 7 5 3 1 2; the least difference is -2.
    deltas = bytes([128, 1, 4, 5, 14, 3, 2, 0, 0, 0]) + struct.pack("<Q", 0b11000000)
    assert list(encodings.deltas(unpack.ByteStream(iter([deltas])), 5)) == [7, 5, 3, 1, 2]
