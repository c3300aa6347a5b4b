"""Parquet files whose headers claim more than they hold: each is refused with a clear message, in little memory."""

import datetime as dt
import itertools
import json
import subprocess
import sys

import pytest

from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

PHOTO = image_bytes(synthetic_photo(20, 30), "JPEG")
MEGABYTES = 10**6
PROGRAM = """
import sys
from icsys import Options, compress_folder
def peak():  # of this program alone; getrusage counts the parent's memory too
    with open("/proc/self/status") as status:
        return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
before = peak()
summary = compress_folder(sys.argv[1], sys.argv[2], Options(step=1), jobs=2)
print(summary.compressed, summary.failed, peak() - before)
"""


def table(images, paths, **columns):
    image = pa.StructArray.from_arrays([pa.array(images, pa.binary()), pa.array(paths, pa.string())], ["bytes", "path"])
    return pa.table({"image": image, **columns})


def compressed(path, out, **options):
    """Return the results of a run by code and message, and the summary."""
    results = []
    summary = compress_folder(path, out, Options(step=1, **options), progress=lambda step: results.append(step.result))
    return [result for result in results if result is not None], summary


NAMES = [f"{number}.jpg" for number in range(10)]
LONG = "p" * 65_537
# Rows are made by the test that needs them: each worker reads this module, and together they take a gigabyte.
HOSTILE = {
    "a long name": (lambda: table([PHOTO] * 10, [*NAMES[:9], LONG]), 9, "a name or label of 65537 bytes"),
    "a long label": (lambda: table([PHOTO] * 10, NAMES, label=["a"] * 9 + [LONG]), 9, "a name or label of 65537 bytes"),
    "no image in any row": (lambda: table([None] * 200_000, [None] * 200_000), 0, "200000 rows with"),
    "images of nothing": (lambda: table([*[PHOTO] * 9, bytes(40 * MEGABYTES)], NAMES), 9, "100 times"),
}


@pytest.mark.parametrize("codec", ["snappy", "zstd", "lz4"])
@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("what", HOSTILE)
def test_refused_rows_are_named_and_the_rest_is_done(what, dictionary, codec, tmp_path):
    if what == "images of nothing" and codec == "snappy":
        pytest.skip("Snappy makes no more than 21 bytes of one")
    rows, done, reason = HOSTILE[what]
    parquet.write_table(rows(), tmp_path / "a.parquet", compression=codec, use_dictionary=dictionary)
    results, summary = compressed(tmp_path / "a.parquet", tmp_path / "out")
    assert (summary.compressed, summary.failed) == (done, 1)
    (failure,) = [result for result in results if result.status == "failed"]
    assert failure.code == "too_large"
    assert reason in failure.message


NOTES = {
    "deep": ("[" * 100_000, 10, 0),
    "a class of a long name": (json.dumps({"info": {"features": {"label": {"names": [LONG]}}}}), 0, 1),
    "large": (" " * (2**22 + 1), 0, 1),
    "no names": (json.dumps({"info": {"features": {"label": {"names": [[], {}]}}}}), 10, 0),
}


@pytest.mark.parametrize("what", NOTES)
def test_metadata_are_looked_at_with_care(what, tmp_path):
    note, done, failed = NOTES[what]
    rows = table([PHOTO] * 10, NAMES, label=[0] * 10).replace_schema_metadata({"huggingface": note})
    parquet.write_table(rows, tmp_path / "a.parquet")
    _, summary = compressed(tmp_path / "a.parquet", tmp_path / "out")
    assert (summary.compressed, summary.failed) == (done, failed)


UNCOUNTED = {"write_statistics": False}  # of values so long none are kept, and to look for them takes seconds
PLAIN = UNCOUNTED | {"use_dictionary": False}
BOMBS = {
    "one long name again and again": (lambda: table([PHOTO] * 400, ["p" * MEGABYTES] * 400), {}),
    "images of nothing": (lambda: table([bytes(200 * MEGABYTES)], NAMES[:1]), PLAIN),
    "a dictionary of nothing": (
        lambda: table([bytes([one]) * 60 * MEGABYTES for one in range(3)], NAMES[:3]),
        UNCOUNTED,
    ),
    "names that share a beginning": (
        lambda: table([PHOTO] * 1000, ["p" * 60_000 + str(number) for number in range(1000)]),
        {"use_dictionary": False, "column_encoding": {"image.path": "DELTA_BYTE_ARRAY"}},
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("what", BOMBS)
def test_no_file_takes_much_memory(what, tmp_path):
    make_rows, settings = BOMBS[what]
    parquet.write_table(make_rows(), tmp_path / "a.parquet", compression="zstd", **settings)
    line = [sys.executable, "-c", PROGRAM, str(tmp_path / "a.parquet"), str(tmp_path / "out")]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    _, failed, taken = map(int, done.stdout.split())
    assert failed == parquet.read_metadata(tmp_path / "a.parquet").num_rows
    assert taken < 150 * MEGABYTES


def test_labels_are_read_by_their_types(tmp_path):
    kinds = {
        "int": (pa.array([0, 1], pa.int8()), ["0", "1"]),
        "unsigned": (pa.array([2**32 - 1, 1], pa.uint32()), [str(2**32 - 1), "1"]),
        "large": (pa.array([2**64 - 1, 1], pa.uint64()), [str(2**64 - 1), "1"]),
        "text": (pa.array(["a", "b"]), ["a", "b"]),
        "chosen": (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
        "day": (pa.array([dt.date(2020, 1, 1)] * 2), [None, None]),
        "list": (pa.array([[1], [2]]), [None, None]),
        "struct": (pa.array([{"a": 1}] * 2), [None, None]),
    }
    for (kind, (labels, expected)), first in zip(kinds.items(), itertools.count(), strict=False):
        parquet.write_table(table([PHOTO] * 2, NAMES[:2], label=labels), tmp_path / f"{kind}.parquet")
        out = tmp_path / f"out{first}"
        compressed(tmp_path / f"{kind}.parquet", out)
        lines = map(json.loads, (out / "manifest.jsonl").read_text("utf-8").splitlines())
        found = {line["source_path"].rpartition("/")[2]: line.get("label") for line in lines}
        assert found == dict(zip(NAMES, expected, strict=False)), kind
