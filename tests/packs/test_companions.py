"""Companions travel with their images: readers of other packages find each of them in its sample, byte for byte."""

import itertools
import json
import shutil
import tarfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from webdataset.tariterators import group_by_keys, tar_file_expander

from helpers import everything
from icsys import verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.layout import PACK_INDEX, UNPACKED
from icsys.packs.formats import PACK_FORMATS
from pack_readers import each_pack_format, shards
from packed_trees import Beside, pack_tree, rows_of

IMAGES = {
    "train/images/a.jpg": b"picture a",
    "train/images/b.jpg": b"picture b",
    "val/images/c.v2.jpg": b"picture c",
    "val/images/d.jpg": b"picture d",
}
A, B, C, D = IMAGES
COMPANIONS = {
    "train/masks/a.png": Beside("mask", "mask", A, b"mask a"),
    "val/masks/c.v2.png": Beside("mask", "mask", C, b"mask c"),
    "train/labels/a.txt": Beside("annotation", "yolo", A, b"0 .5 .5 1 1\n"),
    "train/labels/b.txt": Beside("annotation", "yolo", B, b""),
    "train/images/b.txt": Beside("sidecar", "copy", B, b"a caption"),
    "val/Annotations/c.v2.xml": Beside("annotation", "voc", C, "<annotation>é</annotation>".encode()),
    "val/images/c.v2.json": Beside("sidecar", "copy", C, b'{"source_path": 1, "label": "trap"}'),
    "val/images/c.v2.Caption": Beside("sidecar", "copy", C, b"three"),
    "annotations/instances.json": Beside("annotation", "coco", "", b"{}"),
    "labels.csv": Beside("sidecar", "table", "", b"image,class\n"),
}
SAMPLES = {
    "train/images/a": {"mask.png": b"mask a", "txt": b"0 .5 .5 1 1\n"},
    "train/images/b": {"txt": b"", "sidecar.txt": b"a caption"},
    "val/images/c%2Ev2": {
        "mask.png": b"mask c",
        "xml": "<annotation>é</annotation>".encode(),
        "sidecar.json": b'{"source_path": 1, "label": "trap"}',
        "caption": b"three",
    },
    "val/images/d": {},
}


def samples_in(out):
    """Return the companions by name and by key of all samples, as webdataset groups them."""
    found = {}
    for path in shards(out):
        with path.open("rb") as stream:
            for sample in group_by_keys(tar_file_expander([{"url": str(path), "stream": stream}])):
                key = sample["__key__"]
                own = {"png", "cls", "json", "__key__", "__url__", "__local_path__"}
                assert key not in found
                found[key] = {name: data for name, data in sample.items() if name not in own}
    return found


def columns_in(out, columns=None):
    """Return the companions by column and by path of the image of all rows, as pyarrow reads them."""
    found, schemas = {}, []
    for path in shards(out):
        table = parquet.read_table(path)
        schemas.append(table.schema)
        own = json.loads(table.schema.metadata[b"icsys"]).get("companions", [])
        assert columns is None or own == columns
        for row in table.to_pylist():
            found[row["image"]["path"]] = {name: row[name] for name in own if row[name] is not None}
    assert all(schema.equals(schemas[0], check_metadata=True) for schema in schemas)
    return found


def data_of(value):
    """Return the bytes in a column, whatever its type."""
    return value["bytes"] if isinstance(value, dict) else value.encode() if isinstance(value, str) else value


def test_webdataset_gives_each_sample_its_companions_by_name(tmp_path):
    rows = pack_tree(tmp_path / "out", IMAGES, COMPANIONS)
    assert samples_in(tmp_path / "out") == SAMPLES
    singles = {name: one.data for name, one in COMPANIONS.items() if not one.picture}
    left = {name: data for name, data in everything(tmp_path / "out").items() if not name.startswith("data/")}
    assert set(left) == {"manifest.jsonl", PACK_INDEX, *singles}
    assert {name: left[name] for name in singles} == singles
    places = {row["file_name"]: (row.get("shard"), row.get("member")) for row in rows}
    assert places["train/masks/a.png"] == ("data/train-00000.tar", "train/images/a.mask.png")
    assert places["labels.csv"] == (None, None)
    assert verify_folder(tmp_path / "out").is_intact


def test_parquet_has_a_column_for_each_kind_and_null_where_there_is_none(tmp_path):
    pack_tree(tmp_path / "out", IMAGES, COMPANIONS, "parquet")
    names = ["caption", "mask", "sidecar_json", "sidecar_txt", "txt", "xml"]
    found = columns_in(tmp_path / "out", names)
    assert found["train/images/a.png"] == {
        "mask": {"bytes": b"mask a", "path": "train/masks/a.png"},
        "txt": "0 .5 .5 1 1\n",
    }
    assert found["train/images/b.png"] == {"txt": "", "sidecar_txt": "a caption"}
    assert found["val/images/c.v2.png"]["xml"] == "<annotation>é</annotation>"
    assert found["val/images/d.png"] == {}
    features = json.loads(parquet.read_schema(shards(tmp_path / "out")[0]).metadata[b"huggingface"])["info"]["features"]
    assert features["mask"] == {"_type": "Image"}
    assert features["txt"] == {"dtype": "string", "_type": "Value"}
    assert verify_folder(tmp_path / "out").is_intact


def test_a_column_with_other_bytes_than_text_is_binary_in_all_packs(tmp_path):
    others = COMPANIONS | {"val/images/d.caption": Beside("sidecar", "copy", D, b"\xff\xfe latin")}
    pack_tree(tmp_path / "out", IMAGES, others, "parquet", shard_images=1)
    found = columns_in(tmp_path / "out")
    assert found["val/images/c.v2.png"]["caption"] == b"three"
    assert found["val/images/d.png"]["caption"] == b"\xff\xfe latin"
    assert found["train/images/a.png"]["txt"] == "0 .5 .5 1 1\n"
    assert verify_folder(tmp_path / "out").is_intact


def test_several_masks_of_images_are_told_apart_by_their_folders(tmp_path):
    masks = {
        f"{folder}/{stem}.png": Beside("mask", "mask", source, f"{folder} {stem}".encode())
        for folder in ("SegmentationClass", "SegmentationObject")
        for stem, source in (("a", A), ("b", B))
    }
    del masks["SegmentationObject/b.png"]
    pack_tree(tmp_path / "out", IMAGES, masks)
    found = samples_in(tmp_path / "out")
    assert set(found["train/images/a"]) == {"segmentationclass.png", "segmentationobject.png"}
    assert set(found["train/images/b"]) == {"segmentationclass.png"}


@each_pack_format
def test_a_folder_without_companions_is_as_before(packing, tmp_path):
    pack_tree(tmp_path / "out", IMAGES, {}, packing)
    index = json.loads((tmp_path / "out" / PACK_INDEX).read_text("utf-8"))
    assert "files" not in index
    assert all(set(pack) == {"name", "images", "bytes", "sha256"} for pack in index["shards"])
    if packing == "parquet":
        assert "companions" not in parquet.read_schema(shards(tmp_path / "out")[0]).names


@each_pack_format
def test_limits_count_images_and_the_bytes_of_companions(packing, tmp_path):
    """An image and its companions are in one pack, even if they are larger than it may be."""
    images = {f"images/{i}.jpg": bytes(10) for i in range(6)}
    masks = {f"masks/{i}.png": Beside("mask", "mask", f"images/{i}.jpg", bytes(10 * i)) for i in range(6)}
    rows = pack_tree(tmp_path / "out", images, masks, packing, shard_images=3, shard_bytes=70)
    packs = {}
    for row in rows:
        packs.setdefault(row["shard"], set()).add(row["file_name"].rpartition("/")[2])
    assert [sorted(names) for _, names in sorted(packs.items())] == [
        ["0.png", "1.png", "2.png"],
        ["3.png"],
        ["4.png"],
        ["5.png"],
    ]


@each_pack_format
def test_a_companion_whose_image_has_no_output_is_a_single_file_until_it_has_one(packing, tmp_path):
    out = tmp_path / "out"
    lonely = {"masks/z.png": Beside("mask", "mask", "z.jpg", b"mask z"), "masks/a.png": Beside("mask", "mask", A, b"m")}
    pack_tree(out, IMAGES, lonely, packing)
    assert (out / "masks/z.png").read_bytes() == b"mask z"
    assert verify_folder(out).is_intact
    rows = pack_tree(out, IMAGES | {"z.jpg": b"z"}, lonely, packing)
    assert not (out / "masks").exists() or not list((out / "masks").iterdir())
    assert all(row.get("shard") for row in rows)
    assert verify_folder(out).is_intact


class Killed(BaseException):
    """Ends a run like a kill."""


@each_pack_format
def test_a_run_killed_at_any_step_of_packing_loses_nothing(packing, tmp_path, monkeypatch):
    """Each time one more file is replaced, moved or removed; the next run ends like a clean one."""
    changed = COMPANIONS | {
        "train/masks/a.png": Beside("mask", "mask", A, b"another mask"),
        "labels.csv": Beside("sidecar", "table", "", b"image,class\na,1\n"),
        "more.csv": Beside("sidecar", "table", "", b"more"),
    }
    del changed["train/labels/b.txt"], changed["annotations/instances.json"]
    pack_tree(tmp_path / "before", IMAGES, COMPANIONS, packing, shard_images=1)
    pack_tree(tmp_path / "clean", IMAGES, changed, packing, shard_images=3)
    whole = everything(tmp_path / "clean")
    for step in itertools.count():
        out = shutil.copytree(tmp_path / "before", tmp_path / f"out{step}")
        calls = itertools.count()
        with monkeypatch.context() as patched:
            for name in ("replace", "unlink"):
                real = getattr(RootedPath, name)

                def once(*given, real=real, calls=calls, step=step, **named):
                    if next(calls) == step:
                        raise Killed
                    return real(*given, **named)

                patched.setattr(RootedPath, name, once)
            try:
                pack_tree(out, IMAGES, changed, packing, shard_images=3)
            except Killed:
                pass
            else:
                break
        assert verify_folder(out).is_intact, step
        pack_tree(out, IMAGES, changed, packing, shard_images=3)
        assert everything(out) == whole, step
    assert step > 5


# Any history.
stems = st.sampled_from(["a", "b", "a.b", "ä", "mask"])
sources = st.builds("{}/{}.jpg".format, st.sampled_from(["images", "train/x", "val/x"]), stems)
endings = ["masks/{}.png", "labels/{}.png", "x/{}_mask.png", "labels/{}.txt", "x/{}.json", "x/{}.txt", "x/{}.cls"]
endings += ["x/{}.png.json", "x/{}.label", "x/{}.mask.png", "x/{}", "Ann/{}.json", "x/{}.width"]


@st.composite
def trees(draw):
    images = draw(st.dictionaries(sources, st.binary(min_size=1, max_size=9), min_size=1, max_size=6))
    companions = {}
    for ending in draw(st.lists(st.sampled_from(endings), max_size=10)):
        source = draw(st.sampled_from(sorted(images)))
        path = ending.format(source.rpartition("/")[2].rpartition(".")[0])
        kind, forms = draw(
            st.sampled_from([("annotation", ["yolo", "voc", "labelme", "cityscapes", "copy"]), ("sidecar", ["copy"])])
        )
        if path.endswith(".png"):
            kind, forms = "mask", ["mask"]
        form, about = draw(st.sampled_from(forms)), draw(st.sampled_from([source, source, source, ""]))
        companions[path] = Beside(kind, form, about, draw(st.binary(max_size=9) | st.text(max_size=5).map(str.encode)))
    return images, companions


@each_pack_format
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=15, deadline=None)
@given(first=trees(), second=trees(), most=st.integers(1, 4))
def test_no_companion_is_lost_and_any_history_ends_like_a_clean_run(packing, first, second, most, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    for images, companions in (first, second):
        rows = pack_tree(folder / "out", images, companions, packing, shard_images=most)
        assert verify_folder(folder / "out").to_dict()["foreign"] == []
        assert verify_folder(folder / "out").is_intact
        read = {}
        for path in shards(folder / "out"):
            with path.open("rb") as file:
                found = list(PACK_FORMATS[packing].read(file))
            names = [(f"data/{path.name}", name) for name, _ in found]
            assert len(set(names)) == len(names)
            read |= zip(names, (data for _, data in found), strict=True)
        for name, one in companions.items():
            (row,) = [row for row in rows if row["file_name"] == name]
            if one.picture:
                assert read[row["shard"], row["member"]] == one.data
                (image,) = [row for row in rows if row["source_path"] == one.picture]
                assert image["shard"] == row["shard"]
            else:
                assert (folder / "out" / name).read_bytes() == one.data
        assert not (folder / "out" / UNPACKED).exists()
    inodes = {path: path.stat().st_ino for path in shards(folder / "out")}
    pack_tree(folder / "out", *second, packing, shard_images=most)
    assert {path: path.stat().st_ino for path in shards(folder / "out")} == inodes
    pack_tree(folder / "clean", *second, packing, shard_images=most)
    assert everything(folder / "out") == everything(folder / "clean")


@given(tree=trees())
@settings(max_examples=15, deadline=None)
def test_webdataset_groups_every_companion_with_its_image(tree, tmp_path_factory):
    """By the rule of webdataset, not by that of ICS."""
    images, companions = tree
    out = tmp_path_factory.mktemp("packs") / "out"
    pack_tree(out, images, companions)
    found = samples_in(out)
    given_data = {source: [] for source in images}
    for one in companions.values():
        if one.picture:
            given_data[one.picture].append(one.data)
    by_member = {row["member"].rpartition(".")[0]: row["source_path"] for row in rows_of(out) if row["kind"] == "image"}
    assert {by_member[key]: sorted(names.values()) for key, names in found.items()} == {
        source: sorted(data) for source, data in given_data.items()
    }


def test_images_of_a_sample_keep_their_names_beside_companions(tmp_path):
    """A stereo pair whose parts are named like masks and sidecars."""
    images = {"x/1.mask.jpg": b"left", "x/1.sidecar.jpg": b"right", "x/1.jpg": b"whole"}
    beside = {
        "masks/1.png": Beside("mask", "mask", "x/1.jpg", b"the mask"),
        "x/1.json": Beside("sidecar", "copy", "x/1.jpg", b"{}"),
        "x/1.sidecar.json": Beside("sidecar", "copy", "x/1.jpg", b"[]"),
    }
    out = tmp_path / "out"
    rows = pack_tree(out, images, beside, samples=dict.fromkeys(images, "1"))
    with tarfile.open(shards(out)[0]) as tar:
        names = tar.getnames()
        assert len(set(names)) == len(names)
        for row in rows:
            data = tar.extractfile(row["member"]).read()
            assert data == (images | {name: one.data for name, one in beside.items()})[row["source_path"]]
    assert verify_folder(out).is_intact
