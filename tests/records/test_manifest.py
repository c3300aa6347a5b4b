"""Rows of the manifest: one table of columns for writing, checking and counting."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.options import Target
from icsys.packs.packed_image import REPEATED_COLUMNS
from icsys.records.label import Label
from icsys.records.manifest import COLUMNS, COMPANION_COLUMNS, counts_of, from_line, is_done_image, row_kind, to_line
from icsys.records.manifest_rows import (
    companion_row,
    failure_in,
    failure_row,
    image_row,
    left_out_in,
    left_out_row,
    relabelled,
    stale_row,
)
from icsys.results import COMPANIONS, CompanionWritten, Compressed, Failed, LeftOut, Measured
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


WRITTEN = {
    "kind": "annotation",
    "form": "yolo",
    "source": "labels/a.txt",
    "output": "labels/a.txt",
    "picture": "images/a.jpg",
    "bytes_in": 0,
    "bytes_out": 0,
    "source_mtime_ns": 5,
    "source_sha256": "a",
    "sha256": "b",
    "options_hash": "hash",
    "seconds": 1.0,
}
COMPANION_CASES = {
    "an empty file of boxes": {},
    "boxes": {"bytes_in": 40, "bytes_out": 39, "labels": 3, "dropped": 1, "warning": "it is odd"},
    "about many images": {"form": "coco", "picture": "", "bytes_in": 9, "bytes_out": 9, "redone": "options"},
    "mask": {"kind": "mask", "form": "mask", "width": 3, "height": 2, "bytes_in": 9, "bytes_out": 70},
    "caption": {"kind": "sidecar", "form": "copy", "bytes_in": 9, "bytes_out": 9},
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
        left_out_row(LeftOut(source="a.jpg", rule="min_side", message="it is small"), "1.0"),
    ):
        assert from_line(to_line(row)) == row


@pytest.mark.parametrize("changes", COMPANION_CASES.values(), ids=COMPANION_CASES)
def test_the_row_of_a_companion_has_its_columns_in_order_and_is_accepted(changes):
    row = companion_row(CompanionWritten(**WRITTEN | changes), "1.0")
    assert list(row) == [name for name in COMPANION_COLUMNS if name in row]
    assert from_line(to_line(row)) == row
    assert {"width", "height"} <= set(row) or row["kind"] != "mask"
    assert row_kind(row) in COMPANIONS
    assert not is_done_image(row)
    assert relabelled(row, Label("cat")) == row


@pytest.mark.parametrize("name", [name for name, column in COLUMNS.items() if column.check])
def test_a_value_of_another_type_is_refused(name):
    row = image_row(Compressed(**IMAGE), "hash", "1.0")
    assert from_line(to_line(row | {name: ["x"]})) is None


@pytest.mark.parametrize("name", [name for name, column in COMPANION_COLUMNS.items() if column.check])
@pytest.mark.parametrize("value", [["x"], -1, True, 1.5, {}, "\0", "../x", None])
def test_a_value_of_another_type_is_refused_of_a_companion_too(name, value):
    row = companion_row(CompanionWritten(**WRITTEN | COMPANION_CASES["mask"]), "1.0")
    is_right = {
        "source_mtime_ns": value == -1,
        "shard": value is None,
        **dict.fromkeys(("form", "source_sha256", "sha256", "warning", "options_hash"), isinstance(value, str)),
        **dict.fromkeys(("source_path", "picture"), isinstance(value, str)),  # as of images: never opened for writing
    }
    assert (from_line(to_line(row | {name: value})) is not None) == is_right.get(name, False)


def test_rows_of_older_versions_are_those_of_images_and_get_their_kind_when_they_are_written_anew():
    row = image_row(Compressed(**IMAGE), "hash", "1.0", Label("cat"))
    older = {name: value for name, value in row.items() if name != "kind"}
    assert from_line(to_line(older)) == older
    assert (row_kind(older), is_done_image(older)) == ("image", True)
    assert list(relabelled(older, Label("cat")).items()) == list(row.items())


@pytest.mark.parametrize("kind", ["pack", "", None, 3, ["image"]])
def test_a_row_of_an_unknown_kind_is_none_of_ours(kind):
    failure = failure_row(Failed(source="a.jpg", code="io", message="m"), "hash", "1.0")
    for row in (image_row(Compressed(**IMAGE), "hash", "1.0"), failure, stale_row("a.png", "a.jpg", 5, "b")):
        assert from_line(to_line(row | {"kind": kind})) is None


def test_an_image_that_is_left_out_has_no_output():
    row = left_out_row(LeftOut(source="a.jpg", rule="min_side", message="it is small"), "1.0")
    assert from_line(to_line(row | {"file_name": "a.png"})) is None
    assert not is_done_image(row)


def test_rows_give_back_their_results():
    failed = Failed(source="a.txt", code="io", message="m", kind="sidecar")
    left_out = LeftOut(source="a.jpg", rule="min_side", message="it is small")
    assert failure_in(failure_row(failed, "hash", "1.0")) == failed
    assert left_out_in(left_out_row(left_out, "1.0")) == left_out
    older = {"source_path": "a.jpg", "code": "io", "message": "m", "status": "failed"}
    assert failure_in(older) == Failed(source="a.jpg", code="io", message="m")


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
