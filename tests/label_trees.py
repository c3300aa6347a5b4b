"""Small trees of labelled pictures in the layouts of well-known datasets, with what a reader is to find in them.

Each function writes one tree into a folder and returns a :class:`LabelTree`. Pictures are soft noise with a rectangle
for each object; the same objects are in masks, boxes, polygons and captions, so that all of them tell the same.
"""

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers import synthetic_photo

CLASSES = ("cat", "dog", "bird")
VOID = 255


class Thing(NamedTuple):
    """An object: the index of its class, and left, top, right and bottom in whole pixels, upright."""

    kind: int
    box: tuple[int, int, int, int]

    @property
    def corners(self):
        """The four corners, clockwise from the top left."""
        x0, y0, x1, y1 = self.box
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]

    @property
    def area(self):
        """In pixels."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)


@dataclass(frozen=True)
class LabelTree:
    """What was written.

    Attributes
    ----------
    root
        The folder.
    pictures
        Width and height of each picture by its path.
    things
        The objects in each picture by its path.
    companions
        All files that go with pictures: path, kind, form, and the path of the picture or None.
    others
        The paths of files that belong to no picture.
    """

    root: Path
    pictures: dict[str, tuple[int, int]] = field(default_factory=dict)
    things: dict[str, list[Thing]] = field(default_factory=dict)
    companions: set[tuple[str, str, str, str | None]] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def of(self, form):
        """Return the files of a form: the path of the picture, or None, by the path of the file."""
        return {path: picture for path, _, own, picture in self.companions if own == form}

    def photo(self, path, seed, *, most=3, width=None, height=None):
        """Write a picture with objects; return them."""
        random = np.random.default_rng(seed)
        width, height = width or int(random.integers(40, 72)), height or int(random.integers(32, 60))
        pixels = synthetic_photo(height, width, seed=seed)
        found = []
        for _ in range(int(random.integers(1, most + 1)) if most else 0):
            x0, y0 = int(random.integers(1, width - 16)), int(random.integers(1, height - 16))
            x1, y1 = x0 + int(random.integers(6, 15)), y0 + int(random.integers(6, 15))
            found.append(Thing(int(random.integers(len(CLASSES))), (x0, y0, x1, y1)))
            pixels[y0:y1, x0:x1] = random.integers(0, 256, 3)
        self.save(path, Image.fromarray(pixels))
        self.pictures[path], self.things[path] = (width, height), found
        return found

    def save(self, path, image, **settings):
        """Write an image, in the format of its suffix."""
        place = self.place(path)
        quality = {"quality": 90} if place.suffix.lower() in {".jpg", ".jpeg"} else {}
        image.save(place, **quality, **settings)

    def place(self, path):
        """Return the place of a file whose folder exists."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def write(self, path, text):
        """Write a text file."""
        self.place(path).write_text(text, encoding="utf-8", newline="\n")

    def other(self, path, text="about this dataset\n"):
        """Write a file that belongs to no picture."""
        self.write(path, text)
        self.others.add(path)

    def mask(self, path, picture, ids=None, **settings):
        """Write the mask of a picture; ``ids`` is an array, by default the class of each object plus one."""
        ids = self.ids(picture) if ids is None else ids
        image = ids if isinstance(ids, Image.Image) else Image.fromarray(ids)
        self.save(path, image, **settings)
        self.companions.add((path, "mask", "mask", picture))

    def annotation(self, path, form, picture, text):
        """Write an annotation."""
        self.write(path, text)
        self.companions.add((path, "annotation", form, picture))

    def sidecar(self, path, form, picture, text):
        """Write a sidecar."""
        self.write(path, text)
        self.companions.add((path, "sidecar", form, picture))

    def ids(self, picture, *, dtype=np.uint8, instances=False, border=False):
        """Return the class of each pixel plus one, 0 for background, or the number of the object."""
        width, height = self.pictures[picture]
        ids = np.zeros((height, width), dtype)
        for number, thing in enumerate(self.things[picture], 1):
            x0, y0, x1, y1 = thing.box
            if border:
                ids[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1] = VOID
            ids[y0:y1, x0:x1] = number if instances else thing.kind + 1
        return ids


def voc_palette():
    """Return the colours of VOC's masks, as 768 numbers."""
    colors = np.zeros((256, 3), np.uint8)
    for index in range(256):
        rest = index
        for bit in range(7, -1, -1):
            for channel in range(3):
                colors[index, channel] |= ((rest >> channel) & 1) << bit
            rest >>= 3
    return colors.ravel().tolist()


def _indexed(ids):
    image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
    image.putpalette(voc_palette())
    return image


def voc_xml(name, size, things, *, folder="VOC2012"):
    """Return an annotation of VOC: boxes count pixels from 1, and their last pixel is inside."""
    objects = "".join(
        f"\t<object>\n\t\t<name>{CLASSES[thing.kind]}</name>\n\t\t<pose>Left</pose>\n\t\t<truncated>0</truncated>\n"
        f"\t\t<difficult>{number % 2}</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>{thing.box[0] + 1}</xmin>\n"
        f"\t\t\t<ymin>{thing.box[1] + 1}</ymin>\n\t\t\t<xmax>{thing.box[2]}</xmax>\n\t\t\t<ymax>{thing.box[3]}</ymax>\n"
        "\t\t</bndbox>\n\t</object>\n"
        for number, thing in enumerate(things)
    )
    return (
        f"<annotation>\n\t<folder>{folder}</folder>\n\t<filename>{name}</filename>\n"
        "\t<source>\n\t\t<database>The VOC2007 Database</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        f"\t<segmented>1</segmented>\n{objects}</annotation>\n"
    )


def write_voc(root, count=6, *, below="VOCdevkit/VOC2012/"):
    """Write a tree of PASCAL VOC 2012; every second picture has masks, as only some have there."""
    tree = LabelTree(Path(root))
    stems = [f"2007_{number:06d}" for number in range(count)]
    for seed, stem in enumerate(stems):
        picture = f"{below}JPEGImages/{stem}.jpg"
        things = tree.photo(picture, seed)
        text = voc_xml(f"{stem}.jpg", tree.pictures[picture], things)
        tree.annotation(f"{below}Annotations/{stem}.xml", "voc", picture, text)
        if seed % 2 == 0:
            tree.mask(f"{below}SegmentationClass/{stem}.png", picture, _indexed(tree.ids(picture, border=True)))
            instances = tree.ids(picture, instances=True, border=True)
            tree.mask(f"{below}SegmentationObject/{stem}.png", picture, _indexed(instances))
    lists = {
        "Main/train": [stem for stem in stems if stem != stems[-1]],
        "Main/val": stems[-1:],
        "Segmentation/train": stems[:-1:2],
        "Segmentation/val": stems[-2:-1],
    }
    for name, listed in lists.items():
        tree.sidecar(f"{below}ImageSets/{name}.txt", "names", None, "".join(f"{stem}\n" for stem in listed))
    lines = [f"{stem} {1 if number % 2 else -1:2d}\n" for number, stem in enumerate(stems)]
    tree.sidecar(f"{below}ImageSets/Main/cat_trainval.txt", "names", None, "".join(lines))
    return tree


def write_cityscapes(root, *, suffixes=("labelIds", "instanceIds", "color")):
    """Write a tree of Cityscapes: 8-bit and 16-bit masks, a coloured one with alpha, and polygons."""
    tree = LabelTree(Path(root))
    seed = 0
    for split, city in (("train", "aachen"), ("train", "bochum"), ("val", "lindau")):
        for frame in (19, 20):
            stem = f"{city}_{seed:06d}_{frame:06d}"
            picture = f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png"
            things = tree.photo(picture, seed, width=64, height=32)
            start = f"gtFine/{split}/{city}/{stem}_gtFine_"
            ids = tree.ids(picture)
            images = {
                "labelIds": ids,
                "instanceIds": np.where(ids > 0, (23 + ids.astype(np.uint16)) * 1000 + ids, 3).astype(np.uint16),
                "color": np.dstack([np.array(voc_palette(), np.uint8).reshape(256, 3)[ids], np.full_like(ids, 255)]),
            }
            for name in suffixes:
                tree.mask(f"{start}{name}.png", picture, images[name])
            objects = [
                {"label": CLASSES[one.kind], "polygon": [list(corner) for corner in one.corners]} for one in things
            ]
            polygons = {"imgHeight": 32, "imgWidth": 64, "objects": objects}
            tree.annotation(f"{start}polygons.json", "cityscapes", picture, json.dumps(polygons, indent=4))
            seed += 1
    tree.other("README")
    tree.other("license.txt")
    return tree


def write_ade20k(root):
    """Write a tree of the scene parsing challenge of ADE20K."""
    tree = LabelTree(Path(root))
    below, scenes = "ADEChallengeData2016/", []
    for seed, (split, short) in enumerate([("training", "train"), ("training", "train"), ("validation", "val")]):
        stem = f"ADE_{short}_{seed + 1:08d}"
        picture = f"{below}images/{split}/{stem}.jpg"
        tree.photo(picture, seed)
        tree.mask(f"{below}annotations/{split}/{stem}.png", picture)
        scenes.append(f"{stem} airport_terminal\n")
    tree.sidecar(f"{below}sceneCategories.txt", "names", None, "".join(scenes))
    tree.other(f"{below}objectInfo150.txt", "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.1576\t11664\t1172\t1\twall\n")
    return tree


def coco_rle(ids):
    """Return uncompressed run lengths of a mask, columns first, as COCO writes crowds."""
    flat = (ids > 0).ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *ends, flat.size]).tolist()
    return {"counts": [0, *counts] if flat[0] else counts, "size": list(ids.shape)}


def _coco_record(tree, pictures, kind):
    """Return the content of an annotation file of COCO: instances, keypoints or captions."""
    images, annotations = [], []
    for number, picture in enumerate(pictures, 1):
        width, height = tree.pictures[picture]
        name = picture.rpartition("/")[2]
        images.append({"id": number, "file_name": name, "width": width, "height": height, "license": 1})
        for order, thing in enumerate(tree.things[picture]):
            x0, y0, x1, y1 = thing.box
            one = {"id": len(annotations) + 1, "image_id": number}
            if kind == "captions":
                annotations.append(one | {"caption": f"A {CLASSES[thing.kind]}."})
                continue
            one |= {"category_id": thing.kind + 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": thing.area, "iscrowd": 0}
            one["segmentation"] = [[float(value) for corner in thing.corners for value in corner]]
            if kind == "keypoints":
                one["keypoints"] = [x0, y0, 2, x1 - 1, y1 - 1, 1, 0, 0, 0]
                one["num_keypoints"] = 2
            elif order == 1:
                ids = np.zeros((height, width), np.uint8)
                ids[y0:y1, x0:x1] = 1
                one |= {"iscrowd": 1, "segmentation": coco_rle(ids)}
            elif order == 2:
                ids = np.zeros((height, width), np.uint8)
                ids[y0:y1, x0:x1] = 1
                one["segmentation"] = _compressed(ids)
            annotations.append(one)
    record = {"info": {"year": 2017}, "licenses": [{"id": 1, "name": "CC BY"}], "images": images}
    categories = [{"id": number, "name": name, "supercategory": "animal"} for number, name in enumerate(CLASSES, 1)]
    if kind == "keypoints":
        for category in categories:
            category |= {"keypoints": ["head", "tail", "paw"], "skeleton": [[1, 2]]}
    return record | {"annotations": annotations} | ({} if kind == "captions" else {"categories": categories})


def _compressed(ids):
    from pycocotools import mask as coco_mask  # noqa: PLC0415 - few trees need it

    rle = coco_mask.encode(np.asfortranarray(ids))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")}


def write_coco(root, *, indent=None):
    """Write a tree of COCO 2017: instances with polygons, run lengths and crowds; keypoints; captions."""
    tree = LabelTree(Path(root))
    for split, numbers in (("train2017", range(1, 6)), ("val2017", range(6, 8))):
        pictures = [f"{split}/{number:012d}.jpg" for number in numbers]
        for number, picture in zip(numbers, pictures, strict=True):
            tree.photo(picture, number, most=0 if number == 5 else 3)
        for kind, name in (("instances", "instances"), ("keypoints", "person_keypoints"), ("captions", "captions")):
            text = json.dumps(_coco_record(tree, pictures, kind), indent=indent)
            tree.annotation(f"annotations/{name}_{split}.json", "coco", None, text)
    return tree


def write_coco_panoptic(root):
    """Write a tree of COCO's panoptic task, whose masks hold numbers of segments in R, G and B; and of its stuff."""
    tree = LabelTree(Path(root))
    images, annotations = [], []
    for number in range(1, 5):
        picture = f"train2017/{number:012d}.jpg"
        things = tree.photo(picture, number)
        ids = tree.ids(picture, dtype=np.uint32, instances=True) * 300
        name = f"{number:012d}.png"
        colors = np.dstack([ids % 256, ids // 256, ids // 65536]).astype(np.uint8)
        tree.mask(f"annotations/panoptic_train2017/{name}", picture, colors)
        tree.mask(f"stuffthingmaps/train2017/{name}", picture)
        width, height = tree.pictures[picture]
        images.append({"id": number, "file_name": f"{number:012d}.jpg", "width": width, "height": height})
        segments = [
            {
                "id": 300 * order,
                "category_id": one.kind + 1,
                "bbox": [one.box[0], one.box[1], one.box[2] - one.box[0], one.box[3] - one.box[1]],
                "area": int((ids == 300 * order).sum()),
                "iscrowd": 0,
            }
            for order, one in enumerate(things, 1)
        ]
        annotations.append({"image_id": number, "file_name": name, "segments_info": segments})
    categories = [{"id": number, "name": name, "isthing": 1} for number, name in enumerate(CLASSES, 1)]
    record = {"images": images, "annotations": annotations, "categories": categories}
    tree.annotation("annotations/panoptic_train2017.json", "coco", None, json.dumps(record))
    return tree


def yolo_line(thing, size, task="detect"):
    """Return the line of an object: shares of width and height, of the centre and size, or of points."""
    width, height = size
    x0, y0, x1, y1 = thing.box
    box = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    corners = [value for x, y in thing.corners for value in (x / width, y / height)]
    points = [x0 / width, y0 / height, 2, (x1 - 1) / width, (y1 - 1) / height, 1, 0, 0, 0]
    values = {"detect": box, "segment": corners, "obb": corners, "pose": box + points}[task]
    return " ".join([str(thing.kind), *(f"{value:.6f}".rstrip("0").rstrip(".") for value in values)])


def write_yolo(root, task="detect", *, layout="images/train"):
    """Write a tree of YOLO; the last picture has no label, and the one before it an empty file.

    Parameters
    ----------
    task
        ``detect``, ``segment``, ``pose`` or ``obb``.
    layout
        ``images/train`` as ultralytics has it, ``train/images`` as Roboflow, or ``darknet``: labels beside pictures.
    """
    tree = LabelTree(Path(root))
    seed = 0
    listed = {"train": [], "val": []}
    for split, count in (("train", 4), ("val", 3)):
        pictures, labels = {
            "images/train": (f"images/{split}/", f"labels/{split}/"),
            "train/images": (f"{split}/images/", f"{split}/labels/"),
            "darknet": (f"data/{split}/", f"data/{split}/"),
        }[layout]
        for number in range(count):
            picture = f"{pictures}street {seed}.jpg"
            things = tree.photo(picture, seed, most=0 if number >= count - 2 else 3)
            listed[split].append(picture)
            if number < count - 1:
                lines = [yolo_line(thing, tree.pictures[picture], task) + "\n" for thing in things]
                # Without data.yaml nothing states how many values a keypoint has.
                form = "yolo_pose3" if task == "pose" and layout != "darknet" else "yolo"
                tree.annotation(f"{labels}street {seed}.txt", form, picture, "".join(lines))
            seed += 1
    if layout == "darknet":
        tree.sidecar("data/obj.names", "copy", None, "".join(f"{name}\n" for name in CLASSES))
        tree.sidecar("data/obj.data", "copy", None, "classes = 3\ntrain = train.txt\nnames = data/obj.names\n")
    else:
        first, second = ("images/train", "images/val") if layout == "images/train" else ("train/images", "val/images")
        names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
        shape = "kpt_shape: [3, 3]\n" if task == "pose" else ""
        tree.sidecar("data.yaml", "copy", None, f"path: .\ntrain: {first}\nval: {second}\n{shape}names:\n{names}")
        tree.sidecar("classes.txt", "copy", None, "".join(f"{name}\n" for name in CLASSES))
    for split, pictures in listed.items():
        tree.sidecar(f"{split}.txt", "names", None, "".join(f"./{picture}\n" for picture in pictures))
    return tree


def write_imagefolder(root, form="jsonl"):
    """Write a tree of Hugging Face's imagefolder, whose ``metadata`` is a table (``csv``) or JSON lines (``jsonl``)."""
    tree = LabelTree(Path(root))
    for split, count in (("train", 4), ("test", 2)):
        rows = []
        for number in range(count):
            name = f"sub/{number:04d}.jpg" if number == 1 else f"{number:04d}.jpg"
            picture = f"{split}/{name}"
            things = tree.photo(picture, count * 10 + number)
            row = {"file_name": name, "text": f"A {CLASSES[things[0].kind]}, “äh”, number {number}"}
            if form == "jsonl":
                boxes = [[x0, y0, x1 - x0, y1 - y0] for _, (x0, y0, x1, y1) in things]
                row["objects"] = {"bbox": boxes, "categories": [thing.kind for thing in things]}
            rows.append(row)
        text = (
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            if form == "jsonl"
            else table_text(["file_name", "text"], [list(row.values()) for row in rows])
        )
        tree.sidecar(f"{split}/metadata.{form}", "metadata", None, text)
    return tree


def table_text(names, rows):
    """Return a CSV table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()


def write_kaggle(root, *, named=True, with_suffix=True):
    """Write a tree of Kaggle: pictures and a table of their classes.

    Parameters
    ----------
    named
        Whether the run names the table (``table="labels.csv"``); nothing finds it otherwise.
    with_suffix
        Whether the names in the table have their suffix; Kaggle has both.
    """
    tree = LabelTree(Path(root))
    rows = []
    for number in range(5):
        stem = f"{number:06x}"
        things = tree.photo(f"train/{stem}.jpg", number)
        rows.append([stem + ".jpg" * with_suffix, CLASSES[things[0].kind], f"{number}.5"])
    text = table_text(["image", "label", "weight"], rows)
    if named:
        tree.sidecar("labels.csv", "table", None, text)
    else:
        tree.other("labels.csv", text)
    return tree


def labelme_json(name, size, things):
    """Return an annotation of LabelMe: a polygon for each object, then a rectangle, a point and a circle."""
    shapes = [
        {
            "label": CLASSES[thing.kind],
            "points": [[float(x), float(y)] for x, y in thing.corners],
            "group_id": None,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
        }
        for thing in things
    ]
    shapes += [
        {"label": "whole", "points": [[1.0, 2.0], [size[0] - 2.5, size[1] - 1.0]], "shape_type": "rectangle"},
        {"label": "spot", "points": [[5.5, 6.25]], "shape_type": "point"},
        {"label": "ball", "points": [[12.0, 12.0], [16.0, 12.0]], "shape_type": "circle"},
    ]
    record = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None}
    return json.dumps(record | {"imageHeight": size[1], "imageWidth": size[0]}, indent=2)


def write_labelme(root):
    """Write a tree of LabelMe: JSON files beside pictures."""
    tree = LabelTree(Path(root))
    for number in range(4):
        picture = f"photos/cow {number}.jpg"
        things = tree.photo(picture, number)
        if number:
            text = labelme_json(f"cow {number}.jpg", tree.pictures[picture], things)
            tree.annotation(f"photos/cow {number}.json", "labelme", picture, text)
    return tree


def write_captions(root):
    """Write a tree of pictures with captions, tags and facts beside them, as for the training of generators."""
    tree = LabelTree(Path(root))
    for number in range(4):
        picture = f"10_style/{number:03d}.{'png' if number == 2 else 'jpg'}"
        things = tree.photo(picture, number)
        what = CLASSES[things[0].kind]
        tree.sidecar(f"10_style/{number:03d}.txt", "copy", picture, f"a photo of a {what}, {number} years old\n")
        if number:
            tree.sidecar(f"10_style/{number:03d}.caption", "copy", picture, f"{what}, soft light")
        if number == 3:
            tree.sidecar(f"10_style/{number:03d}.json", "copy", picture, json.dumps({"author": "A", "score": 0.5}))
            tree.sidecar(f"10_style/{number:03d}.tags", "copy", picture, "one\ntwo\n")
    return tree


def write_pets(root):
    """Write a tree of the Oxford-IIIT pets: trimaps of 1, 2 and 3, boxes of VOC, and lists with columns."""
    tree = LabelTree(Path(root))
    lines = []
    for seed, stem in enumerate(["Abyssinian_1", "Abyssinian_2", "beagle_1", "beagle_2", "yorkshire_terrier_1"]):
        picture = f"images/{stem}.jpg"
        things = tree.photo(picture, seed, most=1)
        ids = np.where(tree.ids(picture, border=True) == VOID, 3, np.where(tree.ids(picture) > 0, 1, 2)).astype(
            np.uint8
        )
        tree.mask(f"annotations/trimaps/{stem}.png", picture, ids)
        if seed != 1:
            text = voc_xml(f"{stem}.jpg", tree.pictures[picture], things, folder="OXIIIT")
            tree.annotation(f"annotations/xmls/{stem}.xml", "voc", picture, text)
        lines.append(f"{stem} {seed + 1} 1 1\n")
    tree.sidecar("annotations/list.txt", "names", None, "#Image CLASS-ID SPECIES BREED ID\n" + "".join(lines))
    tree.sidecar("annotations/trainval.txt", "names", None, "".join(lines[:3]))
    tree.sidecar("annotations/test.txt", "names", None, "".join(lines[3:]))
    tree.other("annotations/README", "The trimaps: 1 foreground, 2 background, 3 not classified\n")
    return tree


def write_carvana(root):
    """Write a tree of the Carvana challenge: masks are GIFs with a name of their own."""
    tree = LabelTree(Path(root))
    rows = []
    for number in range(1, 5):
        stem = f"00087a6bd4dc_{number:02d}"
        picture = f"train/{stem}.jpg"
        tree.photo(picture, number, most=1)
        ids = (tree.ids(picture) > 0).astype(np.uint8)
        image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
        image.putpalette([0, 0, 0, 255, 255, 255])
        tree.mask(f"train_masks/{stem}_mask.gif", picture, image)
        rows.append([f"{stem}.jpg", "1 2"])
    tree.other("train_masks.csv", table_text(["img", "rle_mask"], rows))
    return tree


def write_pairs(root, *, pictures="images", masks="masks", count=5, suffix=".jpg", ending=""):
    """Write a tree of pictures and one mask each, in two folders or in one; masks have 0 and 255, as many tools do."""
    tree = LabelTree(Path(root))
    start = [f"{name}/" if name else "" for name in (pictures, masks)]
    for number in range(count):
        picture = f"{start[0]}{number:04d}{suffix}"
        tree.photo(picture, number)
        ids = np.where(tree.ids(picture) > 0, 255, 0).astype(np.uint8)
        tree.mask(f"{start[1]}{number:04d}{ending}.png", picture, ids)
    return tree


LABEL_TREES = {
    "voc": write_voc,
    "cityscapes": write_cityscapes,
    "ade20k": write_ade20k,
    "coco": write_coco,
    "coco_panoptic": write_coco_panoptic,
    "yolo_detect": write_yolo,
    "yolo_segment": lambda root: write_yolo(root, "segment"),
    "yolo_pose": lambda root: write_yolo(root, "pose", layout="train/images"),
    "yolo_obb": lambda root: write_yolo(root, "obb"),
    "darknet": lambda root: write_yolo(root, layout="darknet"),
    "imagefolder_jsonl": write_imagefolder,
    "imagefolder_csv": lambda root: write_imagefolder(root, "csv"),
    "kaggle": lambda root: write_kaggle(root, named=False),
    "labelme": write_labelme,
    "captions": write_captions,
    "pets": write_pets,
    "carvana": write_carvana,
    "pairs": write_pairs,
    "pairs_beside": lambda root: write_pairs(root, pictures="", masks="", ending="_mask"),
}
"""Every layout, by its name: functions that take a folder and return a :class:`LabelTree`."""
