"""The loaders of other packages read a labelled dataset and its output alike: same samples, same labels, all in place.

Boxes and points are held against the sizes of the pictures alone, within half a pixel; masks against the pixel of the
source at the centre of each pixel of the output.
"""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import label_trees
from icsys import Options, compress_folder, verify_folder

PLAIN = Options(strategy="SO", step=2)
LIKE_SOURCE = Options(strategy="SO", step=2, format="jpeg")
"""For loaders that ask for ``.jpg``, whatever is there."""


@pytest.fixture(params=[PLAIN, Options(strategy="SO", size=(24, 20), fit="stretch")], ids=["step", "stretch"])
def options(request):
    return request.param


def compress(tree, options, **settings):
    """Compress a tree; return the folder of the output."""
    out = tree.root.parent / "out"
    summary = compress_folder(tree.root, out, options, **settings)
    assert summary.compressed == len(tree.pictures)
    assert (summary.failed, summary.companion_failures) == (0, [])
    assert verify_folder(out).is_intact
    return out


def scaled(values, source, output):
    """Return x, y, x, y … of a picture as they are in its output, by their sizes alone."""
    share = np.tile(np.divide(output, source), len(values) // 2)
    return np.multiply(values, share)


def close(found, expected):
    """Assert that points or boxes are within half a pixel."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.5 + 1e-6)


def at_centres(ids, size, options):
    """Return the pixels of an array at the centres of the pixels of a smaller one of this width and height.

    A pixel of the output covers whole steps; the last one may cover less. Other sizes divide the picture evenly.
    """
    places = []
    for length, count in zip(ids.shape[:2], reversed(size), strict=True):
        share = length / count if options.size else options.step
        begin = np.arange(count) * share
        places.append(np.floor((begin + np.minimum(begin + share, length)) / 2).astype(int))
    return ids[places[0]][:, places[1]]


def array_of(path):
    """Return the pixels of a file."""
    with Image.open(path) as image:
        return np.asarray(image)


def size_of(path):
    """Return width and height of a file."""
    with Image.open(path) as image:
        return image.size


# torchvision


@pytest.fixture
def torchvision_datasets():
    return pytest.importorskip("torchvision.datasets", reason="needs torchvision: make test-extras")


@pytest.mark.parametrize("name", ["train", "val"])
def test_torchvision_reads_the_masks_of_voc(name, tmp_path, torchvision_datasets):
    tree = label_trees.write_voc(tmp_path / "in")
    out = compress(tree, LIKE_SOURCE)
    pairs = [torchvision_datasets.VOCSegmentation(root, image_set=name) for root in (tree.root, out)]
    before, after = pairs
    assert len(before) == len(after) > 0
    for (_, mask), (small, small_mask) in zip(before, after, strict=True):
        assert small.size == small_mask.size
        assert small_mask.mode == "P"
        assert small_mask.getpalette() == mask.getpalette()
        np.testing.assert_array_equal(np.asarray(small_mask), at_centres(np.asarray(mask), small.size, LIKE_SOURCE))


@pytest.mark.parametrize("name", ["train", "val"])
def test_torchvision_reads_the_boxes_of_voc(name, tmp_path, torchvision_datasets):
    """They count pixels from 1, and the last pixel is inside."""
    tree = label_trees.write_voc(tmp_path / "in")
    out = compress(tree, LIKE_SOURCE)
    before, after = (torchvision_datasets.VOCDetection(root, image_set=name) for root in (tree.root, out))
    assert len(before) == len(after) > 0
    for (image, record), (small, small_record) in zip(before, after, strict=True):
        old, new = record["annotation"], small_record["annotation"]
        assert Path(new["filename"]).stem == Path(old["filename"]).stem
        assert (int(new["size"]["width"]), int(new["size"]["height"])) == small.size
        assert [one["name"] for one in new["object"]] == [one["name"] for one in old["object"]]
        assert [one["difficult"] for one in new["object"]] == [one["difficult"] for one in old["object"]]
        for one, other in zip(old["object"], new["object"], strict=True):
            box, small_box = (
                [float(each["bndbox"][key]) - (key[1:] == "min") for key in ("xmin", "ymin", "xmax", "ymax")]
                for each in (one, other)
            )
            close(small_box, scaled(box, image.size, small.size))


@pytest.mark.parametrize("split", ["train", "val"])
def test_torchvision_reads_cityscapes(split, tmp_path, options, torchvision_datasets):
    tree = label_trees.write_cityscapes(tmp_path / "in")
    out = compress(tree, options)
    kinds = ["instance", "semantic", "polygon", "color"]
    before, after = (
        torchvision_datasets.Cityscapes(root, split=split, mode="fine", target_type=kinds) for root in (tree.root, out)
    )
    assert len(before) == len(after) > 0
    for (image, target), (small, small_target) in zip(before, after, strict=True):
        for place in (0, 1, 3):
            ids, found = np.asarray(target[place]), np.asarray(small_target[place])
            assert found.dtype == ids.dtype
            np.testing.assert_array_equal(found, at_centres(ids, small.size, options))
        old, new = target[2], small_target[2]
        assert (new["imgWidth"], new["imgHeight"]) == small.size
        assert [one["label"] for one in new["objects"]] == [one["label"] for one in old["objects"]]
        for one, other in zip(old["objects"], new["objects"], strict=True):
            close(np.ravel(other["polygon"]), scaled(np.ravel(one["polygon"]), image.size, small.size))


# COCO


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_torchvision_and_pycocotools_read_coco(split, tmp_path, options, torchvision_datasets):
    pytest.importorskip("pycocotools", reason="needs pycocotools: make test-extras")
    tree = label_trees.write_coco(tmp_path / "in")
    out = compress(tree, options)
    before, after = (
        torchvision_datasets.CocoDetection(root / split, root / f"annotations/instances_{split}.json")
        for root in (tree.root, out)
    )
    assert len(before) == len(after) > 0
    assert before.coco.cats == after.coco.cats
    seen = set()
    for number, (image, target), (small, small_target) in zip(before.ids, before, after, strict=True):
        record = after.coco.imgs[number]
        assert (record["width"], record["height"]) == small.size
        assert [(one["id"], one["category_id"], one["iscrowd"]) for one in small_target] == [
            (one["id"], one["category_id"], one["iscrowd"]) for one in target
        ]
        for one, other in zip(target, small_target, strict=True):
            close(_corners(other["bbox"]), scaled(_corners(one["bbox"]), image.size, small.size))
            seen.add(type(one["segmentation"]))
            assert type(other["segmentation"]) is type(one["segmentation"])
            if isinstance(one["segmentation"], list):
                for points, small_points in zip(one["segmentation"], other["segmentation"], strict=True):
                    close(small_points, scaled(points, image.size, small.size))
            else:
                ids, found = before.coco.annToMask(one), after.coco.annToMask(other)
                np.testing.assert_array_equal(found, at_centres(ids, small.size, options))
            share = other["area"] / (one["area"] * np.prod(np.divide(small.size, image.size)))
            assert 0.5 < share < 2  # of a few pixels
    assert split != "train2017" or seen == {list, dict}


def test_pycocotools_reads_keypoints_and_captions(tmp_path, options):
    coco = pytest.importorskip("pycocotools.coco", reason="needs pycocotools: make test-extras")
    tree = label_trees.write_coco(tmp_path / "in")
    out = compress(tree, options)
    for name in ("person_keypoints_train2017", "captions_train2017"):
        before, after = (coco.COCO(root / f"annotations/{name}.json") for root in (tree.root, out))
        assert before.anns.keys() == after.anns.keys()
        for number, one in before.anns.items():
            other = after.anns[number]
            assert other.get("caption") == one.get("caption")
            sizes = [
                (each.imgs[one["image_id"]]["width"], each.imgs[one["image_id"]]["height"]) for each in (before, after)
            ]
            file = out / "train2017" / after.imgs[one["image_id"]]["file_name"]
            assert size_of(file) == sizes[1]
            if "keypoints" in one:
                old, new = (np.reshape(each["keypoints"], (-1, 3)) for each in (one, other))
                assert old[:, 2].tolist() == new[:, 2].tolist()
                seen = old[:, 2] > 0
                close(np.ravel(new[seen, :2]), scaled(np.ravel(old[seen, :2]), *sizes))
                assert other["num_keypoints"] == one["num_keypoints"]


def _corners(box):
    """Return left, top, right and bottom of a box of COCO."""
    x, y, width, height = box
    return [x, y, x + width, y + height]


# Hugging Face


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_datasets_reads_an_imagefolder_with_metadata(form, tmp_path, options, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs the package datasets: make test-extras")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tree = label_trees.write_imagefolder(tmp_path / "in", form)
    out = compress(tree, options)
    before, after = (
        datasets.load_dataset("imagefolder", data_dir=str(root), cache_dir=str(tmp_path / f"cache {root.name}"))
        for root in (tree.root, out)
    )
    assert set(before) == set(after) == {"train", "test"}
    for split, rows in before.items():
        assert list(rows.features) == list(after[split].features)
        small_rows = {row["text"]: row for row in after[split]}
        assert len(rows) == len(small_rows)
        for row in rows:
            small = small_rows[row["text"]]
            if form == "jsonl":
                assert small["objects"]["categories"] == row["objects"]["categories"]
                sizes = row["image"].size, small["image"].size
                for box, small_box in zip(row["objects"]["bbox"], small["objects"]["bbox"], strict=True):
                    close(_corners(small_box), scaled(_corners(box), *sizes))
    gc.collect()  # datasets leaves tables open, which would warn in another test


# Tables


@pytest.mark.parametrize("with_suffix", [True, False])
def test_pandas_reads_a_table_whose_names_are_those_of_outputs(with_suffix, tmp_path, options):
    pandas = pytest.importorskip("pandas")
    tree = label_trees.write_kaggle(tmp_path / "in", with_suffix=with_suffix)
    out = compress(tree, options, table="labels.csv", table_column="image")
    before, after = (pandas.read_csv(root / "labels.csv", dtype={"image": str}) for root in (tree.root, out))
    assert list(before.columns) == list(after.columns)
    assert len(before) == len(after) == len(tree.pictures)
    pandas.testing.assert_frame_equal(before.drop(columns="image"), after.drop(columns="image"))
    for old, new in zip(before["image"], after["image"], strict=True):
        assert Path(new).stem == Path(old).stem
        assert (out / "train" / (new if with_suffix else f"{new}.png")).is_file()


# Formats that need no package


def test_ade20k_has_a_mask_for_every_picture(tmp_path, options):
    tree = label_trees.write_ade20k(tmp_path / "in")
    out = compress(tree, options)
    for path, picture in tree.of("mask").items():
        small = size_of((out / picture).with_suffix(".png"))
        ids, found = array_of(tree.root / path), array_of(out / path)
        assert found.dtype == ids.dtype
        np.testing.assert_array_equal(found, at_centres(ids, small, options))
    scenes = "ADEChallengeData2016/sceneCategories.txt"
    before, after = ((root / scenes).read_text("utf-8").splitlines() for root in (tree.root, out))
    assert [line.split() for line in after] == [line.split() for line in before]


@pytest.mark.parametrize(
    ("task", "layout"),
    [
        ("detect", "images/train"),
        ("detect", "train/images"),
        ("detect", "darknet"),
        ("segment", "images/train"),
        ("pose", "train/images"),
        ("obb", "images/train"),
    ],
)
def test_yolo_has_the_labels_and_lists_of_every_picture(task, layout, tmp_path):
    """Shares of width and height stay as they are where the whole picture is seen."""
    tree = label_trees.write_yolo(tmp_path / "in", task, layout=layout)
    out = compress(tree, PLAIN)
    for path, picture in tree.of("yolo").items():
        small = size_of((out / picture).with_suffix(".png"))
        old, new = (
            [[float(value) for value in line.split()] for line in (root / path).read_text().splitlines()]
            for root in (tree.root, out)
        )
        assert [values[0] for values in new] == [values[0] for values in old]
        for one, other in zip(old, new, strict=True):
            # A share of the source and one of the output differ by half a pixel of the output at most.
            np.testing.assert_allclose(other, one, rtol=0, atol=0.5 / min(small))
        assert small != tree.pictures[picture]
    lists = {path for path, _, form, _ in tree.companions if form == "names"}
    assert lists
    for path in lists:
        listed = (out / path).read_text().splitlines()
        assert len(listed) == len((tree.root / path).read_text().splitlines())
        assert all((out / line).is_file() for line in listed)
    for path, _, form, _ in tree.companions:
        if form == "copy":
            assert (out / path).read_bytes() == (tree.root / path).read_bytes()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("task", ["detect", "segment"])
def test_ultralytics_reads_yolo(task, tmp_path):
    """Where its package is there."""
    dataset = pytest.importorskip("ultralytics.data.dataset", reason="needs the package ultralytics")
    tree = label_trees.write_yolo(tmp_path / "in", task)
    out = compress(tree, PLAIN)
    data = {"names": dict(enumerate(label_trees.CLASSES)), "channels": 3}
    found = {}
    for root in (tree.root, out):
        labels = dataset.YOLODataset(img_path=str(root / "images/train"), data=data, task=task, augment=False).labels
        found[root] = {Path(one["im_file"]).stem: one for one in labels}
    assert found[tree.root].keys() == found[out].keys()
    for stem, one in found[tree.root].items():
        other = found[out][stem]
        np.testing.assert_array_equal(other["cls"], one["cls"])
        np.testing.assert_allclose(other["bboxes"], one["bboxes"], rtol=0, atol=0.5 / min(other["shape"]))


# Packs


@pytest.mark.filterwarnings("default")
def test_datasets_decodes_the_masks_of_parquet_packs(tmp_path, options, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs the package datasets: make test-extras")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tree = label_trees.write_cityscapes(tmp_path / "in")
    out = compress(tree, options.replace(format="parquet"))
    files = [str(path) for path in sorted((out / "data").iterdir())]
    rows = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert len(rows) == len(tree.pictures)
    for row in rows:
        small = row["image"].size
        start = row["source_path"].replace("leftImg8bit/", "gtFine/", 1).replace("leftImg8bit", "gtFine")
        for name in ("labelIds", "instanceIds", "color"):
            ids = array_of(tree.root / f"{start.removesuffix('.png')}_{name}.png")
            found = np.asarray(row[f"gtfine_{name.lower()}"])
            np.testing.assert_array_equal(found, at_centres(ids, small, options))
        record = json.loads(row["polygons_json"])
        assert (record["imgWidth"], record["imgHeight"]) == small
