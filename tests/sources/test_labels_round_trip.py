"""Labels go through every container and come back equal to the labels that the test wrote."""

import io
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from icsys import Options, compress_folder, merge_shards
from icsys.layout import RESERVED
from icsys.records.label import class_folder
from icsys.sources.safe_names import _CONTROL
from memory_store import memory_store
from source_makers import put_parquet, put_tar

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

# The labels of a source: (name, number) of each image, None where it gives none, and the names of a ClassLabel.
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
sources = st.one_of(
    st.tuples(st.just("parquet"), of_table | of_numbers | of_names),
    st.tuples(st.just("webdataset"), of_numbers | of_names | of_pairs),
)


def picture(number):
    """Return a PNG whose pixels identify the image."""
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), 7 * number, np.uint8)).save(file, "PNG")
    return file.getvalue()


def number_of(data):
    return int(np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, 0, 0]) // 7


def put_source(folder, kind, labels, table, above):
    """Write a dataset as another program would, its images in a folder ``above`` if that is named."""
    folder.mkdir(parents=True)
    if kind == "webdataset":
        files = []
        for i, (name, number) in enumerate(labels):
            files.append((f"{above}{i:04}.png", picture(i)))
            if number is not None:
                files.append((f"{above}{i:04}.cls", str(number).encode()))
            if name is not None and name != str(number):
                files.append((f"{above}{i:04}.json", json.dumps({"label": name}).encode()))
        return put_tar(folder / "x-000000.tar", files)
    values = [name if number is None else number for name, number in labels]
    if any(isinstance(value, str) for value in values):
        return put_parquet(
            folder / "x.parquet", {f"{above}{i}.png": picture(i) for i in range(len(labels))}, labels=values
        )
    images = [{"bytes": picture(i), "path": f"{above}{i}.png" if above else None} for i in range(len(labels))]
    features = {"image": {"_type": "Image"}} | ({"label": {"names": table, "_type": "ClassLabel"}} if table else {})
    types = [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())]
    schema = pa.schema(types, {"huggingface": json.dumps({"info": {"features": features}})})
    rows = pa.Table.from_pydict({"image": images, "label": values}, schema)
    parquet.write_table(rows, folder / "x.parquet")
    return folder / "x.parquet"


def found_in_lines(folder):
    """Return name and number of all labels in the manifest."""
    lines = (folder / "manifest.jsonl").read_bytes().splitlines()
    return [(row.get("label"), row.get("label_number")) for row in map(json.loads, lines)]


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


def found_in_folder(folder):
    """Return name and number of the label of each image; the folder that it lies in goes by its class."""
    found = {}
    for row in map(json.loads, (folder / "manifest.jsonl").read_bytes().splitlines()):
        path = folder / row["file_name"]
        if "label" in row and len(row["label"]) < 80:
            assert unquote(path.parent.name, errors="surrogateescape") == row["label"]
        found[number_of(path.read_bytes())] = (row.get("label"), row.get("label_number"))
    return found


FOUND = {"webdataset": found_in_webdataset, "parquet": found_in_parquet, "png": found_in_folder}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    ("parquet", ([("AC/DC", 1), ("DC", 3)], ["T - shirt / top", "AC/DC", "GHz/DC", "DC"])),
    ["webdataset", "parquet"],
    "",
)
@example(
    ("webdataset", ([(str(number), number) for number in range(12)], [])), ["parquet", "png", "webdataset"], "train/"
)
@given(
    sources,
    st.lists(st.sampled_from(["webdataset", "parquet", "png"]), min_size=1, max_size=3),
    st.sampled_from(["", "other/"]),
)
def test_names_and_numbers_come_back_equal(source, containers, above):
    kind, (labels, table) = source
    folder = Path(tempfile.mkdtemp())
    try:
        place = put_source(folder / "in", kind, labels, table, above)
        if kind == "webdataset" and above:  # a WebDataset cannot mark an image as unlabelled
            labels = [(above[:-1] if name is None else name, number) for name, number in labels]
        known = [number for _, number in labels]
        for step, container in enumerate(containers):
            out = folder / f"{step}-{container}"
            summary = compress_folder(place, out, Options(strategy="SO", step=1, format=container))
            assert (summary.compressed, summary.failed, summary.stopped) == (len(labels), 0, "")
            found = FOUND[container](out)
            for i, (name, _) in enumerate(labels):
                assert found[i][0] == name
                assert known[i] is None or found[i][1] == known[i]
            labelled = [(name, number) for (name, _), number in zip(labels, known, strict=True)]
            assert sorted(found_in_lines(out), key=str) == sorted(labelled, key=str)
            if table:
                place_of_table = "run.json" if container == "png" else "shards.json"
                assert json.loads((out / place_of_table).read_text("utf-8"))["classes"] == table
            known = [found[i][1] for i in range(len(labels))]  # packed, every class has a number
            place = out
    finally:
        shutil.rmtree(folder)


def test_minus_one_is_no_label_and_what_stands_beside_an_image_counts_more_than_its_folder(tmp_path):
    names = {"a.png": -1, "cat/b.png": 1, "cat/c.png": -1, "cat/d.png": None, "e.png": 0, "dog/f.png": 1}
    files = {name: picture(i) for i, name in enumerate(names)}
    rows = put_parquet(tmp_path / "x.parquet", files, labels=list(names.values()), names=["cat", "dog"])
    numbers = {name[:-3] + "cls": str(number).encode() for name, number in names.items() if number is not None}
    tar = put_tar(tmp_path / "x.tar", sorted((files | numbers).items()))
    for source, cat, dog in ((rows, "cat", "dog"), (tar, "0", "1")):
        out = tmp_path / source.suffix
        assert compress_folder(source, out, Options(strategy="SO", step=1)).compressed == 6
        by_folder = "cat" if source == tar else None  # where nothing stands beside it
        assert [found_in_folder(out)[i][0] for i in range(6)] == [None, dog, None, by_folder, cat, dog]
        assert {path.relative_to(out).as_posix() for path in out.rglob("*.png")} >= {
            "a.png",
            f"cat/{dog}/b.png",
            "cat/c.png",
        }


def test_another_number_is_taken_over_without_doing_the_image_again(tmp_path):
    labels = ([("cat", 0), ("dog", 1)], ["cat", "dog"])
    for container in ("png", "parquet"):
        out = tmp_path / container
        for number_of_run, table in enumerate((["cat", "dog"], ["dog", "cat"], ["dog", "cat"])):
            shutil.rmtree(tmp_path / "in", ignore_errors=True)
            labels = [(name, table.index(name)) for name in ("cat", "dog")]
            source = put_source(tmp_path / "in", "parquet", labels, table, "")
            summary = compress_folder(source, out, Options(strategy="SO", step=1, format=container))
            assert (summary.failed, summary.stopped) == (0, "")
            assert number_of_run == 0 or container == "parquet" or summary.skipped == 2
            assert FOUND[container](out) == dict(enumerate(labels))
            assert set(found_in_lines(out)) == set(labels)


def test_merged_shards_keep_the_labels_of_class_folders(tmp_path):
    labels = [("AC/DC", 1), ("DC", 3), (None, None), ("AC/DC", 1)]
    table = ["T - shirt / top", "AC/DC", "GHz/DC", "DC"]
    source = put_source(tmp_path / "in", "parquet", labels, table, "")
    compress_folder(source, tmp_path / "folder", Options(strategy="SO", step=1))
    for place in (source, tmp_path / "folder"):
        out = tmp_path / f"{place.name}-out"
        for index in (1, 2):
            compress_folder(place, out, Options(strategy="SO", step=1), shard=(index, 2))
        assert merge_shards(out).compressed == 4
        assert found_in_folder(out) == dict(enumerate(labels))
        assert json.loads((out / "run.json").read_text("utf-8"))["classes"] == table


@given(st.lists(names, unique=True, max_size=20))
def test_folders_of_classes_are_names_on_every_system(some):
    folders = list(map(class_folder, some))
    assert len(set(folders)) == len(some)
    for folder in folders:
        assert 0 < len(folder.encode("utf-8")) <= 255
        assert not set(folder) & set('/\\<>:"|?*\0\n\x1b')
        assert folder[0] != "."
        assert folder[-1] not in ". "


NAMES_OF_FILES = [
    "c:x",
    "a\\b",
    "caf\udce9",
    "100%",
    "%41",
    "v1.0 of",
    "a:b",
    "日本",
    "~2",
    "a~2",
    "\udcff\udcfe",
    "x\\",
    "\\",
]
file_names = st.sampled_from(NAMES_OF_FILES) | texts.filter(lambda name: not set(name) & set("/\0"))
# What moves a cursor is escaped in names that come out of any archive; names of ICS's own files are refused.
file_names = file_names.filter(
    lambda name: (
        not _CONTROL.search(name.replace("\udce9", ""))
        and name[0] != "."
        and name.strip()
        and name.casefold() not in RESERVED
    )
)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(file_names, file_names, min_size=1, max_size=4),
    st.lists(st.sampled_from(["webdataset", "parquet", "png"]), min_size=1, max_size=3),
)
def test_names_of_files_and_folders_come_back_equal(files, containers):
    folder = Path(tempfile.mkdtemp())
    try:
        place = folder / "in"
        wanted = {}
        for i, (above, name) in enumerate(files.items()):
            (place / above).mkdir(parents=True, exist_ok=True)
            (place / above / f"n{name}.png").write_bytes(picture(i))
            wanted[f"{above}/n{name}.png"] = above
        for container in [*containers, "png"]:
            out = folder / f"{len(list(folder.iterdir()))}"
            summary = compress_folder(place, out, Options(strategy="SO", step=1, format=container))
            assert (summary.compressed, summary.failed, summary.stopped) == (len(files), 0, "")
            lines = (out / "manifest.jsonl").read_bytes().splitlines()
            assert {row["file_name"]: row["label"] for row in map(json.loads, lines)} == wanted
            place = out
    finally:
        shutil.rmtree(folder)


def test_classes_that_are_one_folder_on_some_systems_stay_two(tmp_path):
    """As on macOS and Windows, the second one's image is moved into the folder of the first."""
    labels = [("Cat", 0), ("cat", 1), ("dog", 2)]
    source = put_source(tmp_path / "in", "parquet", labels, ["Cat", "cat", "dog"], "")
    compress_folder(source, tmp_path / "folder", Options(strategy="SO", step=1))
    for path in (tmp_path / "folder" / "cat").glob("*.png"):
        path.rename(tmp_path / "folder" / "Cat" / path.name)
    compress_folder(tmp_path / "folder", tmp_path / "out", Options(strategy="SO", step=1, format="webdataset"))
    assert found_in_webdataset(tmp_path / "out") == dict(enumerate(labels))


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
@pytest.mark.parametrize("below", ["", "photos/"])
def test_an_archive_of_an_output_folder_has_its_labels(kind, below, tmp_path):
    labels = [("AC/DC", 1), ("DC", 3), (None, None), ("C" * 300, 4), (".x", 5)]
    table = ["T - shirt / top", "AC/DC", "GHz/DC", "DC", "C" * 300, ".x"]
    source = put_source(tmp_path / "in", "parquet", labels, table, "")
    compress_folder(source, tmp_path / "folder" / below, Options(strategy="SO", step=1))
    archive = shutil.make_archive(str(tmp_path / "x"), kind, tmp_path / "folder")
    for container, where in (("webdataset", "shards.json"), ("png", "run.json")):
        out = tmp_path / container
        assert compress_folder(archive, out, Options(strategy="SO", step=1, format=container)).failed == 0
        assert FOUND[container](out) == dict(enumerate(labels))
        assert json.loads((out / where).read_text("utf-8"))["classes"] == table


def test_object_stores_keep_labels(tmp_path, monkeypatch):
    memory_store(monkeypatch)
    table = ["T - shirt / top", "AC/DC", "GHz/DC", "DC"]
    labels = [("AC/DC", 1), ("DC", 3), (None, None), ("AC/DC", 1)]
    place = put_source(tmp_path / "in", "parquet", labels, table, "")
    for container in ("png", "webdataset", "png", "parquet"):
        there = f"memory://{container}-{len(str(place))}"
        summary = compress_folder(place, there, Options(strategy="SO", step=1, format=container))
        assert (summary.compressed, summary.failed, summary.stopped) == (4, 0, "")
        place = there
    out = tmp_path / "out"
    compress_folder(place, out, Options(strategy="SO", step=1, format="webdataset"))
    assert found_in_webdataset(out) == dict(enumerate(labels))
    assert json.loads((out / "shards.json").read_text("utf-8"))["classes"] == table


def test_a_class_label_of_another_name_is_the_label_where_no_column_has_that_name(tmp_path):
    names = ["beaver", "dolphin"]
    kinds = {
        "img": {"_type": "Image"},
        "superclass": {"dtype": "int64"},
        "fine_label": {"_type": "ClassLabel", "names": names},
    }
    images = [{"bytes": picture(i), "path": None} for i in range(2)]
    columns = {"img": images, "superclass": [5, 5], "fine_label": [1, 0]}
    rows = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": kinds}})})
    parquet.write_table(rows, tmp_path / "x.parquet")
    compress_folder(tmp_path / "x.parquet", tmp_path / "out", Options(strategy="SO", step=1))
    assert found_in_folder(tmp_path / "out") == {0: ("dolphin", 1), 1: ("beaver", 0)}


def test_a_label_that_is_too_long_is_a_failure_by_name(tmp_path):
    put_tar(tmp_path / "x.tar", {"0.png": picture(0), "0.cls": b"x" * 2**17})
    summary = compress_folder(tmp_path / "x.tar", tmp_path / "out", Options(strategy="SO", step=1))
    assert [(failure.source, failure.code) for failure in summary.failures] == [("0.cls", "unsupported")]
    assert found_in_folder(tmp_path / "out") == {0: (None, None)}
