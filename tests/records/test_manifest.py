"""Rows of the manifest: one table of columns for writing, checking and counting."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.options import Target
from icsys.packs.packed_image import REPEATED_COLUMNS
from icsys.records.label import Label
from icsys.records.manifest import COLUMNS, counts_of, failure_row, from_line, image_row, stale_row, to_line
from icsys.results import Compressed, Failed, Measured
from icsys.summary import RunSummary

IMAGE = {
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
    "source_mtime_ns": 5,
    "orientation": 1,
    "frames": 1,
    "colors": 4,
    "mse": 1.5,
    "seconds": 1.0,
    "kmeans_seconds": 0.5,
}
CASES = {
    "plain": {},
    "damaged": {"warning": "truncated", "damaged": True},
    "odd": {"warning": "an unused chunk is damaged"},
    "animated and copied": {"frames": 3, "kept_source": True, "colors": None, "mse": None},
    "automatic colours": {"measured": Measured(Target("psnr", 30.0), 31.5), "palette": "p"},
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def image(request):
    return Compressed(**IMAGE | request.param)


def test_a_row_has_its_columns_in_the_order_of_the_table(image):
    row = image_row(image, "hash", "1.0", Label("cat", 3), "sample")
    assert list(row) == [name for name in COLUMNS if name in row]


def test_a_row_that_was_written_is_accepted(image):
    for row in (
        image_row(image, "hash", "1.0"),
        stale_row("a.png", "a.jpg", 5, "b"),
        failure_row(Failed(source="a.jpg", code="truncated", message="the file ends early"), "hash", "1.0"),
    ):
        assert from_line(to_line(row)) == row


@pytest.mark.parametrize("name", [name for name, column in COLUMNS.items() if column.check])
def test_a_value_of_another_type_is_refused(name):
    row = image_row(Compressed(**IMAGE), "hash", "1.0")
    assert from_line(to_line(row | {name: ["x"]})) is None


def test_a_row_counts_as_its_result_does(image):
    by_result, by_row = RunSummary(), RunSummary()
    by_result.add(image)
    by_row.add_counts(counts_of(image_row(image, "hash", "1.0")))
    assert by_row == by_result


def test_packs_repeat_columns_of_the_manifest_with_their_types():
    assert {name: COLUMNS[name].type for name in REPEATED_COLUMNS} == REPEATED_COLUMNS


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none())))
def test_a_line_is_json_without_escapes_but_those_it_needs(row):
    expected = json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    assert to_line(row) == expected
