"""Masks and boxes of a run, taken from the files that it writes beside images: by Pillow, JSON, XML and plain text."""

import json
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image


def png(path):
    """Return the path of the output of a picture or a mask."""
    return path.rpartition(".")[0] + ".png"


def array_rows(out):
    """Return split and row of each image by its path, from ``names.jsonl``."""
    rows = {}
    for path in sorted(out.glob("*/names.jsonl")):
        split = path.parent.name
        for row, line in enumerate(path.read_text("utf-8").splitlines()):
            rows[json.loads(line) if split == "all" else f"{split}/{json.loads(line)}"] = split, row
    return rows


def written(out, path):
    """Return a file of a tree where a run has written it, perhaps in the folder of a split; None if it has not."""
    places = [out / path, *(out / split / path for split in ("train", "val", "test"))]
    return next((place for place in places if place.is_file()), None)


def shown_mask(path):
    """Return the numbers of a mask as Pillow shows them."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.uint16 if image.mode.startswith("I") else np.uint8)


def yolo_boxes(text, width, height):
    """Return boxes and classes of lines of YOLO, of longer lines those of the polygon."""
    found = []
    for line in text.splitlines():
        number, *values = map(float, line.split())
        if len(values) in {4, 13}:  # a box, or a box and three keypoints
            x, y, across, down = values[:4]
            xs, ys = [x - across / 2, x + across / 2], [y - down / 2, y + down / 2]
        else:
            xs, ys = values[::2], values[1::2]
        found.append(([min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height], int(number)))
    return found


def voc_boxes(text):
    """Return boxes and names of the objects of a file of VOC."""
    found = []
    for one in ET.fromstring(text).iter("object"):  # noqa: S314 - our own file
        left, top, right, bottom = (float(one.find(f"bndbox/{side}").text) for side in ("xmin", "ymin", "xmax", "ymax"))
        found.append(([left - 1, top - 1, right, bottom], one.find("name").text))
    return found


def coco_boxes(record):
    """Return boxes and names of classes by the base name of each image of a file of COCO."""
    names = {one["id"]: one["file_name"].rpartition("/")[2] for one in record["images"]}
    classes = {one["id"]: one["name"] for one in record["categories"]}
    found = {name: [] for name in names.values()}
    for one in record["annotations"]:
        x, y, width, height = one["bbox"]
        found[names[one["image_id"]]].append(([x, y, x + width, y + height], classes[one["category_id"]]))
    return found


def stored_boxes(out):
    """Return boxes and names of classes of each image by its path, from the arrays and ``dataset.json`` alone."""
    classes = json.loads((out / "dataset.json").read_text("utf-8"))["box_classes"]
    found = {}
    for name, (split, row) in array_rows(out).items():
        boxes, labels, starts = (np.load(out / split / f"{one}.npy") for one in ("boxes", "box_labels", "box_starts"))
        assert (boxes.dtype, labels.dtype, starts.dtype) == ("float32", "int64", "int64")
        assert starts[0] == 0
        assert starts[-1] == len(boxes) == len(labels)
        own = slice(starts[row], starts[row + 1])
        found[name] = list(zip(boxes[own].tolist(), [classes[label] for label in labels[own]], strict=True))
    return found


def assert_same_boxes(found, expected):
    """Boxes are those expected, in their order, as numbers of 32 bits, for each image."""
    assert found.keys() == expected.keys()
    for name, boxes in expected.items():
        assert [kind for _, kind in found[name]] == [str(kind) for _, kind in boxes], name
        sides = np.array([side for side, _ in boxes]).reshape(-1, 4)
        np.testing.assert_allclose(np.array([side for side, _ in found[name]]).reshape(-1, 4), sides, atol=1e-4)
