"""``icsys.load`` opens whatever a run has written, and the same run gives the same dataset in every format."""

import importlib.util
import inspect
import pickle
import shutil
import threading
from copy import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import icsys
from helpers import image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder, merge_shards

pytestmark = pytest.mark.usefixtures("unsynced")

FORMATS = ["png", "webp", "npz", "webdataset", "arrays"]
FORMATS += ["parquet"] if importlib.util.find_spec("pyarrow") else []
IMAGES = 12
FEW = {"colors": 4, "size": "5x4", "fit": "cover"}

parts = st.text("aB0é日", min_size=1, max_size=2).flatmap(
    lambda text: st.sampled_from([text, f"{text}.x", f"{text} %41", f"_{text}~2"])
)
paths = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]),
    st.one_of(
        st.lists(parts, max_size=2),
        st.builds(lambda split, rest: [split, *rest], st.sampled_from(["train", "val"]), st.lists(parts, max_size=1)),
    ),
    parts,
    st.sampled_from([".png", ".jpg", ".PNG"]),
)


def put(folder, names):
    for seed, name in enumerate(names):
        path = folder / name
        if any((folder / above).is_file() for above in path.relative_to(folder).parents) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(6, 8, seed=seed)))
    return folder


def facts(folder):
    """Return all that a model learns of a dataset."""
    data = icsys.load(folder, verify=True)
    names = [name.rpartition(".")[0] for name in data.names]
    return names, data.splits, data.labels.tolist(), data.classes, data.pixels(layout="HWC").tolist()


@settings(max_examples=8)
@given(names=st.lists(paths, min_size=1, max_size=6, unique=True), other=st.sampled_from(FORMATS[1:-1] + FORMATS[-1:]))
def test_a_run_gives_the_same_dataset_in_every_format(names, other, tmp_path_factory):
    root = tmp_path_factory.mktemp("formats")
    source = put(root / "in", names)
    found = []
    for format_name in {"arrays", "png", other}:
        compress_folder(source, root / format_name, Options(format=format_name, **FEW), jobs=1)
        found.append(facts(root / format_name))
    assert found[1:] == found[:-1]
    shown = {path.relative_to(root / "png").as_posix(): path for path in (root / "png").rglob("*.png")}
    data = icsys.load(root / "arrays")
    for split in data.splits:
        for name, pixels in zip(data.split(split).names, data.split(split).pixels(layout="HWC"), strict=True):
            path = shown.pop(name if split == "all" else f"{split}/{name}")
            np.testing.assert_array_equal(pixels, np.array(Image.open(path).convert("RGB")))
    assert not shown


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return put(tmp_path_factory.mktemp("source"), [f"cat/{number}.png" for number in range(IMAGES)])


@pytest.mark.parametrize("format_name", ["png", "arrays", "webdataset"])
def test_of_a_run_that_goes_on_or_stopped_there_is_what_it_has_done(format_name, source, tmp_path, monkeypatch):
    monkeypatch.setattr("icsys.run.main_pass._FIRST_BATCH", 2)
    monkeypatch.setattr("icsys.run.main_pass._BATCH", 2)
    stop, seen = threading.Event(), []

    def look(progress):
        if progress.summary.images == 3 and not seen:
            seen.append(icsys.load(tmp_path / "out"))
            assert seen[0].pixels().shape == (len(seen[0]), 3, 4, 5)
            stop.set()

    options = Options(format=format_name, **FEW)
    compress_folder(source, tmp_path / "out", options, jobs=1, stop=stop, progress=look)
    assert 3 <= len(seen[0]) < IMAGES
    stopped = icsys.load(tmp_path / "out", verify=True)
    names = stopped.names
    for name in ("indices", "palettes", "masks", "boxes"):
        what = "a run of --format arrays that is not at its end" if format_name == "arrays" else "image files"
        with pytest.raises(UsageError, match=f"holds {what}.* no {name} .*expected"):
            getattr(stopped, name)
    assert len(seen[0]) <= len(names) < IMAGES
    assert compress_folder(source, tmp_path / "out", options).skipped == len(names)
    assert len(icsys.load(tmp_path / "out", verify=True)) == IMAGES


def test_shards_are_merged_first(source, tmp_path):
    for shard in ("1/2", "2/2"):
        compress_folder(source, tmp_path / "out", Options(**FEW), shard=shard)
        with pytest.raises(UsageError, match=r"no manifest.jsonl in .*shards that are not merged; run ics merge"):
            icsys.load(tmp_path / "out")
    merge_shards(tmp_path / "out")
    assert len(icsys.load(tmp_path / "out", verify=True)) == IMAGES


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_run_without_an_image_gives_none(format_name, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert compress_folder(tmp_path / "in", tmp_path / "out", Options(format=format_name, **FEW)).failed == 1
    data = icsys.load(tmp_path / "out", verify=True)
    assert (len(data), data.names, data.splits, data.labels.tolist()) == (0, [], {"all": 0}, [])
    assert (len(data.pixels()), len(data.to_numpy()[0]), len(data[::-1])) == (0, 0, 0)


HAVE = {"labels", "names", "classes", "splits", "size", "bits", "mask_kinds", "box_classes", "box_class_numbers"}
LACK = {"masks", "has_mask", "boxes"}


@pytest.mark.parametrize("options", [{"format": name} for name in FORMATS] + [{"format": "arrays", "strategy": "SO"}])
def test_an_array_that_a_dataset_lacks_is_an_attribute_that_it_lacks(options, source, tmp_path):
    options = FEW | options
    few = {"indices", "palettes"}
    have, lack = (HAVE | few, LACK) if options == FEW | {"format": "arrays"} else (HAVE, LACK | few)
    if "strategy" in options:
        del options["colors"]
    compress_folder(source, tmp_path / "out", Options(**options), jobs=1)
    whole = icsys.load(tmp_path / "out")
    sent = pickle.loads(pickle.dumps(whole))  # noqa: S301 - made here
    for data in whole, whole[1:3], whole[[2, 0]], whole.split("all"), sent, copy(whole):
        for name in have:
            assert hasattr(data, name), name
        for name in lack | {"_repr_html_", "__array__", "T"}:
            assert getattr(data, name, None) is None, name
        for name in lack:
            with pytest.raises(UsageError, match=r"ics compress --format|expected a folder of few colours") as error:
                getattr(data, name)
            assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)  # noqa: S301 - made here
        assert have <= dict(inspect.getmembers(data)).keys()


def without(name):
    """Return a function that takes a file out of a copy of an output folder."""

    def change(folder):
        (folder / name).unlink()
        return folder

    return change


@pytest.mark.parametrize(
    ("format_name", "change", "message"),
    [
        ("arrays", without("dataset.json"), r"no dataset.json in .* run ics compress again"),
        ("arrays", lambda folder: folder / "all", r"it is a part of .*out'; expected that folder, whole"),
        ("arrays", lambda folder: folder / "dataset.json", r"dataset.json' is a file: expected the output folder"),
        ("arrays", lambda folder: folder.parent / "nothing", r"nothing' does not exist: expected the output folder"),
        (
            "png",
            without("manifest.jsonl"),
            r"no manifest.jsonl in .*out': expected .*; a run has begun there: run ics comp",
        ),
        ("png", without("cat/2.png"), r"No such file or directory: .*2.png.*; run ics compress again"),
        ("webdataset", without("shards.json"), r"out' holds packs .*, and shards.json, which lists them, is lost"),
        (
            "webdataset",
            lambda folder: folder / "data" / "train-00000.tar",
            r"tar' is a file: expected the output folder",
        ),
        ("webdataset", without("data/train-00000.tar"), r"train-00000.tar.*; run ics compress again"),
        ("png", lambda _: "", "folder '' names no folder: expected a path, or . for the current folder"),
        ("png", lambda _: "s3://bucket/small", r"'s3://bucket/small' is a URL: expected a folder; copy it there"),
    ],
)
def test_what_is_no_whole_output_folder_is_refused_with_the_remedy(format_name, change, message, source, tmp_path):
    compress_folder(source, tmp_path / "out", Options(format=format_name, **FEW))
    with pytest.raises(UsageError, match=message):
        icsys.load(change(tmp_path / "out")).pixels()


def test_a_folder_of_photos_is_no_output_folder(source, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    with pytest.raises(UsageError, match=r"no manifest.jsonl in .*in': expected the output folder of ics compress"):
        icsys.load(tmp_path / "in")
