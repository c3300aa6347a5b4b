"""Arrays hold the masks and boxes of the files beside them, and after any history those of a clean run."""

import json
import os
import shutil
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import icsys
from helpers import everything, ics
from icsys import Options, compress_folder, verify_folder
from label_trees import (
    CLASSES,
    LabelTree,
    write_captions,
    write_cityscapes,
    write_coco,
    write_coco_panoptic,
    write_pairs,
    write_voc,
    write_yolo,
    yolo_line,
)
from labels_by_hand import (
    array_rows,
    assert_same_boxes,
    coco_boxes,
    png,
    shown_mask,
    stored_boxes,
    voc_boxes,
    written,
    yolo_boxes,
)
from png_files import png_of
from verified_folders import needs_fork, run_killed

WIDTH, HEIGHT = 24, 16


def options(**others):
    return Options(format="arrays", **({"strategy": "MKM", "colors": 3, "size": "24x16", "fit": "cover"} | others))


def run(tree, out, chosen=None, **more):
    summary = compress_folder(tree.root, out, chosen or options(), jobs=1, **more)
    assert not summary.stopped, summary.stopped
    return summary


def about(out):
    return json.loads((out / "dataset.json").read_text("utf-8"))


def masks_by_hand(tree, out, role):
    """Return the mask of each image by its path, those whose path has a word, from the files."""
    found = {}
    for path, kind, _, picture in tree.companions:
        file = written(out, png(path))
        if kind == "mask" and role in path and file is not None:
            place = written(out, png(picture)) or png(picture)
            found[str(place)] = shown_mask(file)
    return found


def assert_masks(tree, out, role="", kind="mask", ignored=255):
    """The array has each mask that is a file, and the ignored value for other images; returns how many there are."""
    end = "" if kind == "mask" else f"-{kind}"
    expected = masks_by_hand(tree, out, role)
    loaded = icsys.load(out, verify=True).choose_masks(kind)
    seen = 0
    for number, (name, (split, row)) in enumerate(array_rows(out).items()):
        stored = np.load(out / split / f"masks{end}.npy", mmap_mode="r")[row]
        has_mask = bool(np.load(out / split / f"has_mask{end}.npy")[row])
        mask = next((mask for place, mask in expected.items() if name.endswith(place)), None)
        assert has_mask == (mask is not None)
        seen += has_mask
        np.testing.assert_array_equal(stored, np.full((HEIGHT, WIDTH), ignored) if mask is None else mask, name)
        np.testing.assert_array_equal(loaded.masks[number], stored)
        assert loaded.has_mask[number] == has_mask
    assert about(out)["masks"][kind] == {"ignore": ignored}
    assert seen == len(expected)
    return seen


def test_masks_are_those_of_the_files(tmp_path):
    tree = write_pairs(tmp_path / "in")
    run(tree, tmp_path / "out")
    assert assert_masks(tree, tmp_path / "out") == 5
    assert icsys.load(tmp_path / "out").mask_kinds == ["mask"]
    assert "boxes" not in about(tmp_path / "out")


def test_masks_of_several_kinds_have_arrays_of_their_own(tmp_path):
    """Every second picture of VOC has masks; boxes are counted from 0 there, and from 1 in the files."""
    tree, out = write_voc(tmp_path / "in"), tmp_path / "out"
    run(tree, out, options(fit="pad"))
    assert assert_masks(tree, out, "SegmentationClass", "segmentationclass") == 3
    assert assert_masks(tree, out, "SegmentationObject", "segmentationobject") == 3
    expected = {
        png(picture): voc_boxes(written(out, path).read_text("utf-8")) for path, picture in tree.of("voc").items()
    }
    assert_same_boxes(stored_boxes(out), expected)
    found = about(out)
    assert found["boxes"]["from"] == "voc"
    assert found["box_classes"] == sorted({kind for boxes in expected.values() for _, kind in boxes})
    assert "box_class_numbers" not in found


def test_deep_masks_have_16_bits_and_those_of_colours_stay_files(tmp_path):
    tree, out = write_cityscapes(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    assert icsys.load(out).mask_kinds == ["gtfine_instanceids", "gtfine_labelids"]
    assert assert_masks(tree, out, "labelIds", "gtfine_labelids") == 6
    assert assert_masks(tree, out, "instanceIds", "gtfine_instanceids", 65535) == 6
    assert icsys.load(out).choose_masks("gtfine_instanceids").masks.dtype == np.uint16
    assert "boxes" not in about(out)  # polygons stay files


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_numbers_of_few_bits_are_those_that_readers_see(depth, tmp_path):
    tree = write_pairs(tmp_path / "in", count=2)
    for path, _, _, picture in tree.companions:
        width, height = tree.pictures[picture]
        values = np.random.default_rng(1).integers(0, 2**depth, (height, width))
        (tree.root / path).write_bytes(png_of(values[..., np.newaxis], depth, grey=True))
    run(tree, tmp_path / "out")
    assert assert_masks(tree, tmp_path / "out") == 2


def expected_coco(out, names):
    found = {}
    for path in sorted(out.rglob("instances_*.json")):
        found |= coco_boxes(json.loads(path.read_text("utf-8")))
    return {name: found[name.rpartition("/")[2]] for name in names}


@pytest.mark.parametrize("more", [{}, {"split": "train=60,val=40"}], ids=["as it is", "divided"])
def test_boxes_of_coco_once_though_keypoints_repeat_them(more, tmp_path):
    tree, out = write_coco(tmp_path / "in"), tmp_path / "out"
    if more:  # a source with splits is not divided
        for path in sorted(tree.root.glob("*2017/*.jpg")):
            (tree.root / "pictures").mkdir(exist_ok=True)
            path.rename(tree.root / "pictures" / path.name)
    run(tree, out, **more)
    rows = array_rows(out)
    assert len(rows) == 7
    assert {split for split, _ in rows.values()} == ({"train", "val"} if more else {"all"})
    expected = expected_coco(out, rows)
    assert any(not boxes for boxes in expected.values())
    assert_same_boxes(stored_boxes(out), expected)
    found = about(out)
    assert (found["box_classes"], found["box_class_numbers"]) == (list(CLASSES), [1, 2, 3])
    data = icsys.load(out)
    for number, name in enumerate(rows):
        boxes, labels = data.boxes[number]
        assert boxes.shape == (len(labels), 4)
        assert [data.box_classes[label] for label in labels] == [kind for _, kind in expected[name]]
        assert data.boxes.counts[number] == len(labels)


NAMES = ("train/1.jpg", "train/1.png", "val/1.jpg", "val/sub/1.jpg", "val/sub/2.jpg")


@pytest.mark.parametrize(
    ("path", "key", "begin", "known"),
    [
        ("all.json", "file_name", "", NAMES),
        ("val/_annotations.coco.json", "file_name", "val/", NAMES[2:]),
        ("annotations/instances_val.json", "file_name", "val/", NAMES[3:]),  # "1.jpg" is one of two images there
        ("annotations/lvis_val.json", "coco_url", "http:", NAMES),
    ],
)
def test_images_of_one_name_have_their_own_boxes(path, key, begin, known, tmp_path):
    """Outputs of 1.jpg and 1.png of a folder are 1.jpg.png and 1.png.png. What the run did not find has no box."""
    tree = LabelTree(tmp_path / "in")
    images, annotations = [], []
    for number, name in enumerate(NAMES):
        tree.photo(name, number, width=48, height=32)
        shown = f"http://x.org/{name}" if key == "coco_url" else name.removeprefix(begin)
        if begin in {"", "http:"} or name.startswith(begin):
            images.append({"id": number, key: shown, "width": 48, "height": 32})
            annotations.append({"image_id": number, "category_id": 1, "bbox": [2 * number, 0, 4, 4]})
    record = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]}
    tree.write(path, json.dumps(record))
    run(tree, tmp_path / "out")
    sources = {}
    for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        sources[row["file_name"]] = row["source_path"]
    found = {sources[name]: [box for box, _ in boxes] for name, boxes in stored_boxes(tmp_path / "out").items()}
    assert found == {name: [[number, 0, number + 2, 2]] if name in known else [] for number, name in enumerate(NAMES)}


def test_panoptic_masks_of_colours_have_no_array_and_segments_no_boxes(tmp_path):
    tree, out = write_coco_panoptic(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    assert icsys.load(out).mask_kinds == ["stuffthingmaps"]
    assert assert_masks(tree, out, "stuffthingmaps", "stuffthingmaps") == 4
    assert "boxes" not in about(out)


def boxes_of_yolo(tree, out):
    """Return the boxes of each image from the files of YOLO."""
    files = {png(picture): written(out, path) for path, _, form, picture in tree.companions if form.startswith("yolo")}
    return {
        name: yolo_boxes(files[name].read_text("utf-8"), WIDTH, HEIGHT) if files.get(name) else []
        for name in array_rows(out)
    }


@pytest.mark.parametrize(
    ("task", "layout"),
    [("detect", "train/images"), ("segment", "images/train"), ("obb", "train/images"), ("pose", "images/train")],
)
def test_boxes_of_yolo_and_bounds_of_its_polygons(task, layout, tmp_path):
    tree, out = write_yolo(tmp_path / "in", task, layout=layout), tmp_path / "out"
    run(tree, out)
    expected = boxes_of_yolo(tree, out)
    assert sum(map(len, expected.values())) > 3
    named = {name: [(box, CLASSES[kind]) for box, kind in boxes] for name, boxes in expected.items()}
    assert_same_boxes(stored_boxes(out), named)
    found = about(out)
    assert (found["box_classes"], found["boxes"]["from"]) == (list(CLASSES), "yolo")
    assert set(found["splits"]) == ({"train", "val"} if layout == "train/images" else {"all"})


def test_classes_without_names_have_their_numbers(tmp_path):
    tree = write_yolo(tmp_path / "in", layout="train/images")
    for name in "data.yaml", "classes.txt":
        (tree.root / name).unlink()
    for path in tree.root.rglob("labels/*.txt"):
        path.write_text("".join(f"4{line[1:]}\n" for line in path.read_text("utf-8").splitlines()), "utf-8")
    run(tree, tmp_path / "out")
    assert (about(tmp_path / "out")["box_classes"], about(tmp_path / "out")["box_class_numbers"]) == (["4"], [4])


def test_the_labels_that_cover_most_images_give_the_boxes(tmp_path):
    """As in a dataset for ultralytics: labels of YOLO for all, and COCO's file of one split."""
    tree = write_yolo(tmp_path / "in", layout="images/train")
    picture, size = next((picture, size) for picture, size in tree.pictures.items() if "val" in picture)
    image = {"id": 1, "file_name": picture.rpartition("/")[2], "width": size[0], "height": size[1]}
    one = {"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}
    record = {"images": [image], "annotations": [one], "categories": [{"id": 9, "name": "of coco"}]}
    (tree.root / "instances_val.json").write_text(json.dumps(record), "utf-8")
    run(tree, tmp_path / "out")
    assert about(tmp_path / "out")["boxes"]["from"] == "yolo"
    shutil.rmtree(tree.root / "labels")
    run(tree, tmp_path / "again", options(fit="stretch"))
    assert about(tmp_path / "again")["box_classes"] == ["of coco"]
    found = stored_boxes(tmp_path / "again")
    assert sum(map(len, found.values())) == len(found[png(picture)]) == 1


def test_without_masks_and_boxes_nothing_is_said_of_them(tmp_path):
    tree = write_captions(tmp_path / "in")
    run(tree, tmp_path / "out")
    assert not {"masks", "boxes", "box_classes"} & about(tmp_path / "out").keys()
    assert "labels_sha256" not in json.loads((tmp_path / "out" / "shards.json").read_text("utf-8"))
    assert {path.name for path in (tmp_path / "out").glob("*/*.npy")} == {"indices.npy", "palettes.npy", "labels.npy"}


@given(
    images=st.lists(
        st.tuples(st.sampled_from(["train", "val", "test", ""]), st.booleans(), st.integers(-1, 3)),
        min_size=1,
        max_size=6,
    ),
    fit=st.sampled_from(["stretch", "pad", "cover"]),
)
@settings(max_examples=15)
def test_any_images_with_and_without_masks_and_boxes(images, fit, tmp_path_factory):
    """Splits may be without any; -1 stands for an image without a label file, 0 for an empty one."""
    root = tmp_path_factory.mktemp("any")
    tree, out = LabelTree(root / "in"), root / "out"
    for seed, (split, has_mask, count) in enumerate(images):
        start = f"{split}/" if split else ""
        picture = f"{start}images/{seed}.png"
        things = tree.photo(picture, seed, most=max(count, 0))
        if has_mask:
            tree.mask(f"{start}masks/{seed}.png", picture)
        if count >= 0:
            lines = "".join(yolo_line(thing, tree.pictures[picture]) + "\n" for thing in things)
            tree.annotation(f"{start}labels/{seed}.txt", "yolo", picture, lines)
    run(tree, out, options(fit=fit))
    kinds = [json.loads(line)["kind"] for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert ("masks" in about(out), "boxes" in about(out)) == ("mask" in kinds, "annotation" in kinds)
    if "mask" in kinds:
        assert assert_masks(tree, out) == sum(has_mask for _, has_mask, _ in images)
    if "annotation" in kinds:
        assert_same_boxes(stored_boxes(out), boxes_of_yolo(tree, out))


def small(root):
    """Write three pictures with masks, and a file of COCO."""
    tree = write_pairs(root, count=3)
    images = [
        {"id": number, "file_name": picture.rpartition("/")[2], "width": size[0], "height": size[1]}
        for number, (picture, size) in enumerate(tree.pictures.items())
    ]
    annotations = [
        {"id": number, "image_id": 2 - number, "category_id": 7, "bbox": [number, 1, 20, 30], "iscrowd": 0}
        for number in range(3)
    ]
    record = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "cat"}]}
    (root / "instances.json").write_text(json.dumps(record), "utf-8")
    return tree


def assert_as_clean(root, out, chosen):
    """The folder equals that of a first run into an empty folder, and the next run has nothing to do."""
    clean = out.parent / "clean" / out.name
    compress_folder(root, clean, chosen, jobs=1)
    assert everything(out) == everything(clean)
    before = {path: path.stat().st_ino for path in out.rglob("*.npy")}
    assert compress_folder(root, out, chosen, jobs=1).compressed == 0
    assert {path: path.stat().st_ino for path in out.rglob("*.npy")} == before
    shutil.rmtree(clean)


def change_a_mask(root):
    path = root / "masks" / "0001.png"
    with Image.open(path) as image:
        Image.fromarray(np.full_like(np.asarray(image), 255)).save(path)


def change_a_box(root):
    path = root / "instances.json"
    path.write_text(path.read_text("utf-8").replace("[0, 1, 20, 30]", "[9, 9, 9, 9]"), "utf-8")


def remove_all_masks(root):
    shutil.rmtree(root / "masks")


def remove_all_boxes(root):
    (root / "instances.json").unlink()


def remove_an_image(root):
    for name in "images/0000.jpg", "masks/0000.png":
        (root / name).unlink()


@pytest.mark.parametrize(
    "change",
    [change_a_mask, change_a_box, remove_all_masks, remove_all_boxes, remove_an_image],
    ids=lambda change: change.__name__,
)
def test_after_a_change_the_folder_equals_that_of_a_clean_run(change, tmp_path):
    tree, out = small(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    before = {path: path.read_bytes() for path in out.rglob("*.npy")}
    change(tree.root)
    compress_folder(tree.root, out, options(), jobs=1)
    assert {path: path.read_bytes() for path in out.rglob("*.npy")} != before
    assert_as_clean(tree.root, out, options())


def test_engines_and_jobs_give_the_same_bytes(tmp_path):
    tree = small(tmp_path / "in")
    made = []
    for engine, jobs in (("threads", 1), ("processes", 2)):
        out = tmp_path / engine / str(jobs) / "out"
        compress_folder(tree.root, out, options(), jobs=jobs, engine=engine)
        made.append(everything(out))
    assert len(made[0]) > 12
    assert made == made[:1] * 2


@needs_fork
def test_a_run_killed_before_any_rename_is_ended_by_the_next(tmp_path):
    """Whenever it dies, arrays of masks and boxes are the old ones, the new ones, or not in dataset.json."""
    words = ("--format", "arrays", "--size", "24x16", "--fit", "cover", "--colors", "3", "--jobs", "1")
    tree = small(tmp_path / "in")
    assert ics("compress", tree.root, tmp_path / "start", *words, cwd=tmp_path)[0] == 0
    change_a_mask(tree.root)
    change_a_box(tree.root)
    clean = tmp_path / "clean" / "out"
    assert ics("compress", tree.root, clean, *words, cwd=tmp_path)[0] == 0
    expected, step = everything(clean), 0
    while True:
        out = shutil.copytree(tmp_path / "start", tmp_path / str(step) / "out")
        was_killed = run_killed(step, tree.root, out, *words)
        assert verify_folder(out).is_intact, verify_folder(out)
        assert ics("compress", tree.root, out, *words, cwd=tmp_path)[0] == 0
        assert everything(out) == expected
        if not was_killed:
            break
        step += 4  # as many as the time allows; tests of plain arrays take each
    assert step > 12


def test_a_run_stopped_while_it_looks_at_labels_leaves_the_old_arrays(tmp_path):
    tree, out = small(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    before = {path: path.read_bytes() for path in out.rglob("*.npy")}
    change_a_mask(tree.root)
    stop, seen = threading.Event(), []

    def note(progress):
        seen.extend([progress.note] if progress.note == "Packing" else [])
        if seen:
            stop.set()

    compress_folder(tree.root, out, options(), jobs=1, stop=stop, progress=note)
    assert seen == ["Packing"]
    assert {path: path.read_bytes() for path in before} == before
    compress_folder(tree.root, out, options(), jobs=1)
    assert_as_clean(tree.root, out, options())


@pytest.mark.parametrize("name", ["masks.npy", "has_mask.npy", "boxes.npy", "box_labels.npy", "box_starts.npy"])
def test_verify_names_the_block_and_a_lost_array_is_written_again(name, tmp_path):
    tree, out = small(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    path = out / "all" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert verify_folder(out).changed == [f"all/{name}", f"all/{name}: block 1 of 1, from byte 0"]
    os.truncate(path, 10)
    compress_folder(tree.root, out, options(), jobs=1)
    assert_as_clean(tree.root, out, options())


def test_a_label_file_that_another_program_changed_ends_the_packing(tmp_path):
    tree, out = small(tmp_path / "in"), tmp_path / "out"
    run(tree, out)
    before = (out / "all" / "masks.npy").read_bytes()
    (out / "instances.json").write_bytes((out / "instances.json").read_bytes().replace(b"cat", b"dog"))
    change_a_mask(tree.root)
    summary = compress_folder(tree.root, out, options(), jobs=1)
    assert "does not hold 'instances.json' as recorded in the manifest" in summary.stopped
    assert (out / "all" / "masks.npy").read_bytes() == before
    assert not compress_folder(tree.root, out, options(), jobs=1, overwrite="always").stopped
    assert_as_clean(tree.root, out, options())


def test_arrays_of_pixels_have_masks_and_boxes_too(tmp_path):
    tree, out = small(tmp_path / "in"), tmp_path / "out"
    run(tree, out, options(strategy="SO", colors=32))
    assert assert_masks(tree, out) == 3
    assert icsys.load(out).boxes.counts.tolist() == [1, 1, 1]
