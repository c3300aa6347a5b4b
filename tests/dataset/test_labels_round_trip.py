"""Labels go through every container and come back equal; whoever made them is the oracle."""

import io
import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from icsys import Options, compress_folder
from icsys.dataset.labels import class_folder
from sources import put_parquet, put_tar

HOSTILE = [
    *(
        "T - shirt / top",
        "AC/DC",
        "GHz/DC",
        "DC",
        "/",
        "a\\b",
        "..",
        ".",
        "../../x",
        ".hidden",
        "trailing.",
        " blanks ",
    ),
    *(
        "nul",
        "CON.txt",
        "a:b",
        "<>",
        "%2F",
        "100%",
        "%",
        "caf\udce9",
        "café",
        "日本",
        "x\ny",
        "\x1b[2J",
        "\u202e",
        "-1",
        "007",
    ),
    *("manifest.jsonl", "data", "train", "Cat", "cat", "C" * 300, "D" * 300 + "1", "D" * 300 + "2", "é" * 200),
]
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
names = st.sampled_from(HOSTILE) | texts
utf8_names = names.filter(lambda name: not any("\ud800" <= character <= "\udfff" for character in name))
numbers = st.sampled_from([0, 1, 2, 9, 10, 11, 1000, 2**40, 2**63 - 1, -2]) | st.integers(0, 30)

# What a source tells of its images: (name, number) each, None for what it does not tell, and the names of a ClassLabel.
of_table = st.lists(utf8_names, min_size=1, max_size=12, unique=True).flatmap(
    lambda table: st.tuples(
        st.lists(st.sampled_from([*enumerate(table), None]), min_size=1, max_size=6).map(
            lambda labels: [(label[1], label[0]) if label else (None, None) for label in labels]
        ),
        st.just(table),
    )
)
of_numbers = st.lists(st.none() | numbers, min_size=1, max_size=6).map(
    lambda labels: ([(None if number is None else str(number), number) for number in labels], [])
)
of_names = st.lists(st.none() | utf8_names, min_size=1, max_size=6).map(
    lambda labels: ([(name, None) for name in labels], [])
)
of_pairs = st.dictionaries(numbers, names, min_size=1, max_size=6).map(
    lambda pairs: ([(name, number) for number, name in pairs.items()], [])
)
told = st.one_of(
    st.tuples(st.just("parquet"), of_table | of_numbers | of_names),
    st.tuples(st.just("webdataset"), of_numbers | of_names | of_pairs),
)


def picture(number):
    """Return a PNG whose pixels tell which image it is."""
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), 7 * number, np.uint8)).save(file, "PNG")
    return file.getvalue()


def number_of(data):
    return int(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, 0, 0]) // 7


def put_source(folder, kind, labels, table):
    """Write a dataset as another program would."""
    folder.mkdir(parents=True)
    if kind == "webdataset":
        files = []
        for i, (name, number) in enumerate(labels):
            files.append((f"{i:04}.png", picture(i)))
            if number is not None:
                files.append((f"{i:04}.cls", str(number).encode()))
            if name is not None and name != str(number):
                files.append((f"{i:04}.json", json.dumps({"label": name}).encode()))
        return put_tar(folder / "x-000000.tar", files)
    values = [name if number is None else number for name, number in labels]
    if any(isinstance(value, str) for value in values):
        return put_parquet(folder / "x.parquet", {f"{i}.png": picture(i) for i in range(len(labels))}, labels=values)
    images = [{"bytes": picture(i), "path": None} for i in range(len(labels))]
    features = {"image": {"_type": "Image"}} | ({"label": {"names": table, "_type": "ClassLabel"}} if table else {})
    types = [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())]
    schema = pa.schema(types, {"huggingface": json.dumps({"info": {"features": features}})})
    rows = pa.Table.from_pydict({"image": images, "label": values}, schema)
    parquet.write_table(rows, folder / "x.parquet")
    return folder / "x.parquet"


def found_in_lines(folder):
    """Return what the manifest tells of each label."""
    lines = (folder / "manifest.jsonl").read_bytes().splitlines()
    return {row["sha256"]: (row.get("label"), row.get("label_number")) for row in map(json.loads, lines)}


def found_in_webdataset(folder):
    """Return name and number of the label of each image."""
    samples = {}
    for path in sorted((folder / "data").glob("*.tar")):
        with tarfile.open(path) as tar:
            for info in tar:
                key, _, suffix = info.name.rpartition(".")
                samples.setdefault(key, {})[suffix] = tar.extractfile(info).read()
    return {
        number_of(sample["png"]): (
            json.loads(sample["json"]).get("label"),
            int(sample["cls"]) if "cls" in sample else None,
        )
        for sample in samples.values()
    }


def found_in_parquet(folder):
    """Return name and number of the label of each image."""
    found = {}
    for path in sorted((folder / "data").glob("*.parquet")):
        table = parquet.read_table(path)
        classes = json.loads(table.schema.metadata[b"icsys"])["classes"]
        for row in table.to_pylist():
            label, number = row.get("label"), row.get("label_number")
            if isinstance(label, int):
                label, number = classes[label] if classes else str(label), label
            elif label is not None:
                label = unquote(label, errors="surrogateescape")
            found[number_of(row["image"]["bytes"])] = (label, number)
    return found


FOUND = {"webdataset": found_in_webdataset, "parquet": found_in_parquet}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    ("parquet", ([("AC/DC", 1), ("DC", 3)], ["T - shirt / top", "AC/DC", "GHz/DC", "DC"])), ["webdataset", "parquet"]
)
@example(("webdataset", ([(str(number), number) for number in range(12)], [])), ["parquet", "webdataset"])
@given(told, st.lists(st.sampled_from(["webdataset", "parquet"]), min_size=1, max_size=3))
def test_names_and_numbers_come_back_equal(source, formats):
    kind, (labels, table) = source
    folder = Path(tempfile.mkdtemp())
    try:
        place = put_source(folder / "in", kind, labels, table)
        for step, packing in enumerate(formats):
            out = folder / f"{step}-{packing}"
            summary = compress_folder(place, out, Options(strategy="SO", step=1, format=packing))
            assert (summary.compressed, summary.failed, summary.stopped) == (len(labels), 0, "")
            found = FOUND[packing](out)
            for i, (name, number) in enumerate(labels):
                assert found[i][0] == name
                assert number is None or found[i][1] == number
            assert sorted(found_in_lines(out).values(), key=str) == sorted(
                (
                    (name, found[i][1] if number is not None or step else None)
                    for i, (name, number) in enumerate(labels)
                ),
                key=str,
            )
            if table:
                assert json.loads((out / "shards.json").read_text("utf-8"))["classes"] == table
            place = out
    finally:
        shutil.rmtree(folder)


@given(st.lists(names, unique=True, max_size=20))
def test_folders_of_classes_are_names_on_every_system(some):
    folders = list(map(class_folder, some))
    assert len(set(folders)) == len(some)
    for folder in folders:
        assert 0 < len(folder.encode("utf-8")) <= 255
        assert not set(folder) & set('/\\<>:"|?*\0\n\x1b')
        assert folder[0] != "."
        assert folder[-1] not in ". "
