"""The columns that decide a run, from a pattern, are those of the whole row from a parser of JSON."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import companion_row_of, left_out_row_of, manifest_row
from icsys.options import Target
from icsys.records.label import Label
from icsys.records.manifest import COLUMNS, COMPANION_COLUMNS, from_line, to_line
from icsys.records.manifest_rows import failure_row, image_row, stale_row
from icsys.records.row_columns import _companion_pattern, _row_pattern, columns_from_line, key_from_line, key_of_own
from icsys.results import Compressed, Failed, Measured

names = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name).map(os.fsdecode)
paths = st.sampled_from(["a.png", "cat/a.png", ".hidden/a.png", "../a.png", "/a", "a//b", "c:a", "\u732b/\u00e9", ""])


def image(**changes):
    return Compressed(
        **{
            "source": "cat/a.jpg",
            "output": "cat/a.png",
            "source_sha256": "a",
            "sha256": "b",
            "format": "JPEG",
            "mode": "RGB",
            "bytes_in": 10,
            "bytes_out": 5,
            "source_width": 4,
            "source_height": 3,
            "elements_in": 36,
            "width": 2,
            "height": 2,
            "elements_out": 12,
            "source_mtime_ns": 1_700_000_000_123_456_789,
            "orientation": 1,
            "frames": 1,
            "colors": 4,
            "mse": 1.5e-7,
            "seconds": 1.0,
            "kmeans_seconds": 0.5,
        }
        | changes
    )


ROWS = [
    image_row(image(), "hash", "1.0", Label("cat", 3), "sample"),
    image_row(image(measured=Measured(Target("psnr", 30.0), float("inf"))), "hash", "1.0"),
    image_row(image(mse=None, colors=None, warning="it is \u00e9"), "hash", "1.0", Label("AC/DC")),
    image_row(image(), "hash", "1.0") | {"shard": "data/train-00000.tar", "member": "x"},
]
COMPANION_ROWS = [
    companion_row_of("labels/a.txt", picture="images/a.jpg"),
    companion_row_of("a.json", kind="sidecar", form="copy", warning="it is \u00e9", bytes=8, picture="\u732b.jpg"),
    companion_row_of("masks/a.bmp", "masks/a.png", kind="mask", form="mask")
    | {"shard": "data/train-00000.tar", "member": "x"},
]
WITH_SIZE = {}  # as ``companion_row`` writes it: the size comes before the labels
for _name, _value in companion_row_of("masks/a.png", kind="mask", form="mask").items():
    WITH_SIZE |= {"width": 4, "height": 3, _name: _value} if _name == "labels" else {_name: _value}
COMPANION_ROWS.append(WITH_SIZE)


@pytest.mark.parametrize("row", ROWS)
def test_rows_as_they_are_written_match_the_pattern(row):
    assert _row_pattern().fullmatch(to_line(row).decode())
    older = {name: value for name, value in row.items() if name != "kind"}
    assert _row_pattern().fullmatch(to_line(older).decode())


@pytest.mark.parametrize("row", COMPANION_ROWS)
def test_rows_of_companions_as_they_are_written_match_their_pattern(row):
    assert _companion_pattern().fullmatch(to_line(row).decode())
    assert not _row_pattern().fullmatch(to_line(row).decode())
    columns = columns_from_line(to_line(row))
    assert (columns["kind"], columns["picture"]) == (row["kind"], row["picture"])


def check(line):
    """Check that a line is read as ``from_line`` reads it."""
    row, columns, key = from_line(line), columns_from_line(line), key_from_line(line)
    assert (row is None) == (columns is None) == (key is None)
    if row is not None:
        row = {"kind": "image"} | row  # of rows of older versions
        assert repr({name: row.get(name) for name in columns}) == repr(columns)  # NaN is not equal to itself
        assert {"file_name", "source_path", "status"} & set(row) <= set(columns)
        assert key == (row["source_path"], row.get("file_name") or "", row["status"])


@given(
    source=names | paths, output=names | paths, label=names, size=st.integers(-2, 2**63), mse=st.floats() | st.none()
)
def test_a_row_of_any_image_is_read_as_json(source, output, label, size, mse):
    row = image_row(image(mse=mse, bytes_out=size), "hash", "1.0", Label(label, size % 7))
    row |= {"file_name": output, "source_path": source}
    check(to_line(row))
    assert from_line(to_line(row)) is None or key_of_own(to_line(row))[:2] == (source, output)
    check(to_line(stale_row(output, source, 5, "b")))
    check(to_line(failure_row(Failed(source=source, code="io", message=label), "hash", "1.0")))


@given(source=names | paths, output=names | paths, picture=names | paths, size=st.integers(-2, 2**63), text=names)
def test_a_row_of_any_companion_is_read_as_json(source, output, picture, size, text):
    row = companion_row_of(source, picture=picture, bytes=size, labels=size % 9, warning=text) | {"file_name": output}
    check(to_line(row))
    assert from_line(to_line(row)) is None or key_of_own(to_line(row))[:2] == (source, output)
    left_out = to_line(left_out_row_of(source, message=text))
    check(left_out)
    assert from_line(left_out) is None or key_of_own(left_out) == (source, "", "left_out")


@given(data=st.data())
def test_a_row_with_any_changed_byte_is_read_as_json(data):
    line = bytearray(to_line(data.draw(st.sampled_from([*ROWS, *COMPANION_ROWS, left_out_row_of("a.jpg")]))))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b"\\", b"0", b"-", b"/", b".", b"e", b":", b", ", b"null"])
        )
    check(bytes(line))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_row_with_any_value_of_a_column_or_without_it_is_read_as_json(name):
    for value in (None, True, 0, -1, 1.5, 10**18, 2**63, "", "x", [1], float("nan"), "../x", "stale"):
        check(to_line(ROWS[3] | {name: value}))
    check(to_line({other: value for other, value in ROWS[3].items() if other != name}))


@pytest.mark.parametrize("name", COMPANION_COLUMNS)
@pytest.mark.parametrize("row", COMPANION_ROWS[2:])
def test_a_row_of_a_companion_with_any_value_of_a_column_or_without_it_is_read_as_json(name, row):
    for value in (None, True, 0, -1, 1.5, 10**18, 2**63, "", "x", [1], float("nan"), "../x", "stale", "image", "mask"):
        check(to_line(row | {name: value}))
    check(to_line({other: value for other, value in row.items() if other != name}))


def test_other_forms_of_json_are_read_as_json():
    line = to_line(manifest_row("a"))
    check(line.removesuffix(b"\n"))
    check(line[:1] + b" " + line[1:])
    check(line.replace(b'"status"', b'"file_name": "b", "status"'))  # the last value of a name counts
    check(line.decode().encode("utf-16"))
    check(b"\xef\xbb\xbf" + line)
    check(line.replace(b'"a"', b'"\xed\xa0\x80"'))
    check(line + line)
    check(b"")
