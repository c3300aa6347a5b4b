"""Masks, annotations, sidecars, tables and lists are found in the layouts of well-known datasets, and nowhere else."""

import pickle
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import label_trees
from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder
from icsys.errors import UsageError
from icsys.sources.base import Companion, Ignored, Task, Unreadable
from icsys.sources.companions.layout import NO_COMPANIONS, CompanionLayout, CompanionSettings, PairRule
from icsys.sources.folder import plan_by_class, plan_folder
from icsys.sources.open_source import open_source
from label_trees import LABEL_TREES, LabelTree

PHOTO = Image.fromarray(synthetic_photo(24, 24))
FLAT = Image.fromarray(np.kron(np.array([[0, 1], [2, 255]], np.uint8), np.ones((12, 12), np.uint8)))


def opened(root, **values):
    return open_source(str(root), Path(root).parent / "none", companions=CompanionSettings(**values))


def plan(root, suffix=".png", **values):
    """Return tasks, companions, ignored and unreadable entries of a folder, each by path, and the layout."""
    source = opened(root, **values)
    planned = list(source.plan(suffix))
    kinds = [{one.source: one for one in planned if isinstance(one, kind)} for kind in (Task, Companion)]
    left = [{one.source for one in planned if isinstance(one, kind)} for kind in (Ignored, Unreadable)]
    assert sum(map(len, [*kinds, *left])) == len(planned)
    return *kinds, *left, source.layout


def summed(companions):
    return {(path, one.kind, one.form, one.picture and one.picture.source) for path, one in companions.items()}


def saved(root, files):
    """Write images by path; the value is an image, or bytes or text."""
    for path, value in files.items():
        place = Path(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, Image.Image):
            value.save(place)
        else:
            place.write_bytes(value.encode() if isinstance(value, str) else value)


@pytest.fixture(scope="module")
def trees():
    """Every tree of the helper module, written once."""
    with tempfile.TemporaryDirectory() as folder:
        yield {name: write(Path(folder, name, "in")) for name, write in LABEL_TREES.items()}


@pytest.mark.parametrize("name", LABEL_TREES)
def test_every_layout_is_recognised_exactly(trees, name):
    tree = trees[name]
    tasks, companions, ignored, unreadable, layout = plan(tree.root)
    assert summed(companions) == tree.companions
    assert set(tasks) == set(tree.pictures)
    assert (ignored, unreadable) == (tree.others, set())
    assert ["--table" in text for text in layout.unclear] == [True] * (name in {"carvana", "kaggle"})
    assert bool(layout.found) == bool(tree.companions)
    assert pickle.loads(pickle.dumps(layout)) == layout  # noqa: S301 - our own


@pytest.mark.parametrize("name", LABEL_TREES)
@pytest.mark.parametrize("suffix", ["", ".png", ".npz", ".jpg"])
def test_outputs_differ_and_pictures_are_the_tasks_of_the_plan(trees, name, suffix):
    tasks, companions, *_ = plan(trees[name].root, suffix)
    for companion in companions.values():
        assert companion.picture is None or companion.picture == tasks[companion.picture.source]
        output = Path(companion.source).with_suffix(".png").as_posix() if companion.kind == "mask" else companion.source
        assert companion.task.output == (output if suffix else companion.source)
    outputs = [one.output for one in tasks.values()] + [one.task.output for one in companions.values()]
    assert len({output.lower() for output in outputs}) == len(outputs)


@pytest.mark.parametrize("name", ["voc", "cityscapes", "pairs_beside", "darknet"])
def test_palettes_and_counts_meet_pictures_only(trees, name):
    source = opened(trees[name].root)
    assert {task.source for task in source.plan_by_class()} == set(trees[name].pictures)


def test_without_masks_as_a_setting_all_images_are_pictures(trees):
    tree = trees["voc"]
    tasks, companions, *_, layout = plan(tree.root, masks="none")
    assert set(tasks) == set(tree.pictures) | set(tree.of("mask"))
    assert summed(companions) == {one for one in tree.companions if one[1] != "mask"}
    assert not any("mask" in text for text in (*layout.found, *layout.unclear))


@pytest.mark.parametrize(
    ("name", "pattern"), [("pairs", "masks"), ("pairs", "masks/*.png"), ("pairs_beside", "*_mask.*")]
)
def test_named_masks_are_those_that_a_pattern_matches(trees, name, pattern):
    tree = trees[name]
    tasks, companions, *_ = plan(tree.root, masks=pattern)
    assert (set(tasks), summed(companions)) == (set(tree.pictures), tree.companions)


def test_named_masks_may_lie_anywhere_and_be_anything(tmp_path):
    files = {f"a/deep/train/{n}.jpg": PHOTO for n in range(3)} | {f"b/other/{n}_x.png": PHOTO for n in range(3)}
    saved(tmp_path, files)
    tasks, companions, *_ = plan(tmp_path, masks="b/*,c/*" if Path(tmp_path, "c").exists() else "b/*")
    assert set(tasks) == {f"a/deep/train/{n}.jpg" for n in range(3)}
    assert summed(companions) == {(f"b/other/{n}_x.png", "mask", "mask", f"a/deep/train/{n}.jpg") for n in range(3)}


def test_a_pattern_without_a_match_and_a_named_mask_without_a_picture_are_refused(tmp_path):
    saved(tmp_path / "in", {"images/a.jpg": PHOTO, "gt/a.png": FLAT, "gt/b.png": FLAT})
    with pytest.raises(UsageError, match=r"no image below .* matches 'none/\*'.*expected"):
        plan(tmp_path / "in", masks="gt/a.png,none/*")
    with pytest.raises(UsageError, match=r"mask 'gt/b.png' has no picture; expected"):
        plan(tmp_path / "in", masks="gt/*")
    with pytest.raises(UsageError, match=r"masks='x' with source .*: expected a folder of images"):
        open_source(str(tmp_path / "in/images/a.jpg"), tmp_path / "out", companions=CompanionSettings("x"))
    with pytest.raises(UsageError, match=r"table='t.csv': expected the path of a CSV or JSON lines file below"):
        plan(tmp_path / "in", table="t.csv")


@pytest.mark.parametrize("with_suffix", [True, False])
def test_a_table_is_one_that_the_user_names(tmp_path, with_suffix, monkeypatch):
    tree = label_trees.write_kaggle(tmp_path / "in", with_suffix=with_suffix)
    _, companions, ignored, _, layout = plan(tree.root)
    assert (summed(companions), ignored) == (set(), {"labels.csv"})
    assert ["--table" in text and "labels.csv" in text for text in layout.unclear] == [True]
    assert summed(plan(tree.root, table="labels.csv")[1]) == tree.companions
    assert plan(tree.root, table="labels.csv")[4].unclear == ()
    monkeypatch.chdir(tmp_path)
    assert summed(plan(tree.root, table="in/labels.csv")[1]) == tree.companions
    (tmp_path / "outside.csv").write_text("a", "utf-8")
    with pytest.raises(UsageError, match="below"):
        plan(tree.root, table="outside.csv")


FOUR = range(4)


def images(pattern, image):
    return {pattern.format(number): image for number in FOUR}


def texts(pattern, text):
    return {pattern.format(number): text for number in FOUR}


OTHER_LAYOUTS = {
    "camvid": ({"train/{}.png": "trainannot/{}.png", "val/{}.png": "valannot/{}.png"}, {}),
    "mvtec": ({"a/test/bad/{:03}.png": "a/ground_truth/bad/{:03}_mask.png", "a/test/good/{}.png": ""}, {}),
    "kitti": ({"training/image_2/{:06}_10.png": "training/semantic/{:06}_10.png"}, {}),
    "bdd": ({"images/10k/train/{}.jpg": "labels/sem_seg/masks/train/{}.png"}, {}),
    "deepglobe": ({"train/{}_sat.jpg": "train/{}_mask.png"}, {}),
    "isic": ({"ISIC_Input/ISIC_{}.jpg": "ISIC_Part1_GroundTruth/ISIC_{}_segmentation.png"}, {}),
    "mapillary": ({"training/images/{}.jpg": "training/v1.2/labels/{}.png"}, {}),
    "imagenet": ({"Data/train/n01/n01_{}.JPEG": ""}, {"Annotations/train/n01/n01_{}.xml": ("<annotation/>", "voc")}),
    "captions": ({"images/{}.jpg": ""}, {"captions/{}.txt": ("two cats", "copy")}),
    "labelme": ({"images/{}.jpg": ""}, {"annotations/{}.json": ('{"shapes": []}', "labelme")}),
}


@pytest.mark.parametrize("name", OTHER_LAYOUTS)
def test_layouts_of_other_datasets_are_recognised(name, tmp_path):
    """A pattern of pictures with that of their masks, and patterns of labels with a text and its form."""
    masks, labels = OTHER_LAYOUTS[name]
    for picture, mask in masks.items():
        saved(tmp_path / "in", images(picture, PHOTO) | (images(mask, FLAT) if mask else {}))
    for label, (text, _) in labels.items():
        saved(tmp_path / "in", texts(label, text))
    tasks, companions, *_, layout = plan(tmp_path / "in")
    expected = {
        (mask.format(n), "mask", picture.format(n)) for picture, mask in masks.items() for n in FOUR if mask
    } | {(label.format(n), form, next(iter(masks)).format(n)) for label, (_, form) in labels.items() for n in FOUR}
    assert {(path, one.form, one.picture.source) for path, one in companions.items()} == expected
    assert len(tasks) == 4 * len(masks)
    assert layout.unclear == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("n01/n01_{0} {0}", True),
        ("/home/me/SegNet/Data/n01/n01_{0}.JPEG /home/me/annot/n01_{0}.png", True),
        ("Data\\n01\\n01_{0}.JPEG", True),
        ("n01_{0}", True),
        ("cat_{0}", False),
        ("../../etc/n01_{0}", False),
    ],
)
def test_lists_name_images_in_many_ways(line, expected, tmp_path):
    saved(tmp_path / "in", images("Data/n01/n01_{}.JPEG", PHOTO) | {"sets/a.txt": "# all\n\n"})
    (tmp_path / "in/sets/a.txt").write_text("# all\n\n" + "".join(line.format(n) + "\n" for n in FOUR), "utf-8")
    companions = plan(tmp_path / "in")[1]
    assert {path: (one.kind, one.form) for path, one in companions.items()} == (
        {"sets/a.txt": ("sidecar", "names")} if expected else {}
    )


# Traps: what looks like masks or labels by its name.


def test_classes_named_like_masks_hold_photos(tmp_path):
    saved(tmp_path / "in", {f"{name}/{name}_{n}.jpg": PHOTO for name in ("masks", "labels", "cat") for n in range(5)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions, layout) == (15, {}, NO_COMPANIONS)


def test_faces_with_and_without_masks_are_classes(tmp_path):
    saved(tmp_path / "in", {f"{name}/{n}.png": PHOTO for name in ("with_mask", "without_mask") for n in range(5)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions, layout) == (10, {}, NO_COMPANIONS)


def test_a_class_named_masks_beside_classes_with_the_same_stems_is_unclear(tmp_path):
    saved(tmp_path / "in", {f"{name}/{n:04}.png": FLAT for name in ("cat", "dog", "masks") for n in range(5)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions) == (15, {})
    (text,) = layout.unclear
    assert all(part in text for part in ("5 images in masks", "cat and of dog", "--masks 'masks/*'", "--no-masks"))


def test_two_classes_of_flat_images_are_classes(tmp_path):
    saved(tmp_path / "in", {f"{name}/{n:04}.png": FLAT for name in ("face", "mask") for n in range(5)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions) == (10, {})
    assert "as classes are" in layout.unclear[0]


def test_digits_in_class_folders_are_pictures(tmp_path):
    saved(tmp_path / "in", {f"{name}/{n}.png": FLAT.convert("1") for name in range(5) for n in range(4)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions, layout) == (20, {}, NO_COMPANIONS)


def test_photos_as_png_are_no_masks_whatever_their_folder(tmp_path):
    saved(tmp_path / "in", {f"{name}/{n}.png": PHOTO for name in ("images", "masks", "gt") for n in range(5)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions) == (15, {})
    assert len(layout.unclear) == 1
    assert "5 images in masks may be masks, but some have more than 256 values" in layout.unclear[0]


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_masks_of_a_lossy_format_are_unclear(tmp_path, suffix):
    files = {f"images/{n}.jpg": PHOTO for n in range(4)} | {f"masks/{n}.{suffix}": FLAT for n in range(4)}
    saved(tmp_path / "in", files | {f"{n}.jpg": PHOTO for n in range(4)} | {f"{n}_mask.jpg": FLAT for n in range(4)})
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions) == (16, {})
    assert len(layout.unclear) == 2
    assert all("their format changes values" in text for text in layout.unclear)
    assert "--masks '*_mask.*'" in layout.unclear[0]
    assert len(plan(tmp_path / "in", masks="masks/*,*_mask.*")[1]) == 8


@pytest.mark.parametrize(("paired", "unclear", "found"), [(8, True, 0), (9, False, 9), (4, True, 0)])
def test_most_masks_have_pictures(tmp_path, paired, unclear, found):
    """Nine of ten are enough. A mask without its picture is named; fewer masks are pictures, which is told."""
    files = {f"images/{n}.jpg": PHOTO for n in range(paired)} | {f"masks/{n}.png": FLAT for n in range(10)}
    saved(tmp_path / "in", files)
    _, companions, _, unreadable, layout = plan(tmp_path / "in")
    assert len(companions) == found
    assert bool(layout.unclear) == unclear
    assert unreadable == ({"masks/9.png"} if found else set())


def test_masks_with_other_stems_are_told(tmp_path):
    """Such as several masks for each picture, one for each cell."""
    files = {f"{n}/images/{n}.png": PHOTO for n in range(3)} | {
        f"{n}/masks/{n}f{i}.png": FLAT for n in range(3) for i in (0, 1)
    }
    saved(tmp_path / "in", files)
    tasks, companions, _, _, layout = plan(tmp_path / "in")
    assert (len(tasks), companions) == (9, {})
    (text,) = layout.unclear
    assert text.startswith("6 images in 0/masks, 1/masks, 2/masks may be masks, but few have the stem of a picture")
    assert plan(tmp_path / "in", masks="none")[4] == NO_COMPANIONS


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_to_masks_and_labels_are_followed_on_request(tmp_path):
    tree = label_trees.write_pairs(tmp_path / "in")
    (tree.root / "masks").rename(tmp_path / "elsewhere")
    (tree.root / "masks").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    for follow, expected in ((False, set()), (True, tree.companions)):
        source = open_source(str(tree.root), tmp_path / "o", follow_links=follow, companions=CompanionSettings())
        assert summed({one.source: one for one in source.plan(".png") if isinstance(one, Companion)}) == expected


def test_folders_that_some_systems_take_for_one_give_masks_the_pictures_of_the_plan(tmp_path):
    saved(tmp_path / "in", {"Images/a.jpg": PHOTO, "images/a.jpg": PHOTO, "images/b.jpg": PHOTO, "gt/b.png": FLAT})
    rule = PairRule(kind="mask", form="mask", pictures=("images",), is_whole=True)
    both = tuple(sorted(path.name for path in (tmp_path / "in").iterdir() if path.name != "gt"))
    layout = CompanionLayout(folders={"gt": (rule,)}, alike={"images": both} if len(both) > 1 else {})
    saved(tmp_path / "in", {"gt/a.png": FLAT})
    planned = list(plan_folder(tmp_path / "in", tmp_path / "out", ".png", layout=layout))
    tasks = {one.source: one for one in planned if isinstance(one, Task)}
    masks = [one for one in planned if isinstance(one, Companion)]
    assert [one.source for one in masks] == ["gt/a.png", "gt/b.png"]
    assert all(one.picture == tasks[one.picture.source] for one in masks)


@pytest.mark.parametrize("name", ["voc", "cityscapes", "pairs_beside", "darknet", "pets"])
def test_what_a_run_writes_is_recognised_as_its_source_was(trees, name, tmp_path):
    summary = compress_folder(trees[name].root, tmp_path / "out", Options(strategy="SO", step=2))
    assert (summary.failed, summary.companion_failures) == (0, [])
    tasks, companions, *_, layout = plan(tmp_path / "out")
    stems = {path.rpartition(".")[0] for path in trees[name].pictures}
    assert {path.rpartition(".")[0] for path in tasks} == stems
    assert {(Path(path).stem, one.kind, one.form) for path, one in companions.items()} == {
        (Path(path).stem, kind, form) for path, kind, form, _ in trees[name].companions
    }
    assert layout.unclear == ()


def test_a_broken_mask_is_a_mask(tmp_path):
    tree = label_trees.write_pairs(tmp_path / "in")
    (tree.root / "masks/0002.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert summed(plan(tree.root)[1]) == tree.companions


def test_annotated_pictures_may_be_a_few_and_in_several_folders(tmp_path):
    files = {f"images/{split}/{split}{n}.jpg": PHOTO for split in ("train", "val") for n in range(6)}
    files |= {f"masks/{split}{n}.png": FLAT for split in ("train", "val") for n in range(2)}
    files |= {f"labels/{split}{n}.txt": "0 .5 .5 1 1\n" for split in ("train", "val") for n in range(3)}
    saved(tmp_path / "in", files)
    companions = plan(tmp_path / "in")[1]
    expected = {
        (f"masks/{s}{n}.png", "mask", "mask", f"images/{s}/{s}{n}.jpg") for s in ("train", "val") for n in (0, 1)
    }
    expected |= {
        (f"labels/{s}{n}.txt", "annotation", "yolo", f"images/{s}/{s}{n}.jpg")
        for s in ("train", "val")
        for n in range(3)
    }
    assert summed(companions) == expected


def test_two_pictures_and_masks_of_one_name_get_outputs_of_their_own(tmp_path):
    files = {"a.jpg": PHOTO, "a.bmp": PHOTO, "a_mask.png": FLAT, "a_mask.gif": FLAT, "a_mask.txt": "words"}
    saved(tmp_path / "in", files | {"b.jpg": PHOTO, "b_mask.png": FLAT, "b.npz": b"1"})
    for suffix in (".png", ".npz"):
        tasks, companions, *_ = plan(tmp_path / "in", suffix)
        outputs = [one.output for one in tasks.values()] + [one.task.output for one in companions.values()]
        assert len(set(outputs)) == len(outputs) == 7
        assert companions["b_mask.png"].task.output == "b_mask.png"
        assert companions["b.npz"].task.output == "b.npz"
        assert companions["a_mask.png"].picture.source == "a.bmp"


def test_numbers_of_no_known_format_are_told(tmp_path):
    files = {f"images/{n}.jpg": PHOTO for n in range(3)} | {
        f"labelTxt/{n}.txt": "10 20 30 20 30 40 10 40" for n in range(3)
    }
    saved(tmp_path / "in", files)
    _, companions, ignored, _, layout = plan(tmp_path / "in")
    assert (companions, len(ignored)) == ({}, 3)
    assert "3 files *.txt in labelTxt" in layout.unclear[0]
    files = {f"b/{n}.jpg": PHOTO for n in range(3)} | {f"b/{n}.txt": "10 20 30 40 1" for n in range(3)}
    shutil.rmtree(tmp_path / "in")
    saved(tmp_path / "in", files)
    _, companions, _, _, layout = plan(tmp_path / "in")
    assert {one.form for one in companions.values()} == {"copy"}
    assert "copied unchanged" in layout.unclear[0]


def test_labels_without_a_picture_are_left_out_and_told(tmp_path):
    tree = label_trees.write_yolo(tmp_path / "in")
    (tree.root / "labels/train/gone.txt").write_text("0 .5 .5 1 1\n", "utf-8")
    _, companions, ignored, _, layout = plan(tree.root)
    assert summed(companions) == tree.companions
    assert ignored == {"labels/train/gone.txt"}
    assert "1 file *.txt in labels/train are left out: they have no picture" in layout.unclear


def test_videos_archives_and_edits_beside_photos_are_no_sidecars(tmp_path):
    names = ["a.MOV", "a.xmp", "a.zip", "a.AAE", "a.py", "A.txt", ".a.txt", "a"]
    saved(tmp_path / "in", {"a.jpg": PHOTO} | dict.fromkeys(names, b"\0\1"))
    _, companions, ignored, _, layout = plan(tmp_path / "in")
    assert (companions, ignored, layout) == ({}, set(names), NO_COMPANIONS)


def test_forms_may_differ_from_file_to_file(tmp_path):
    files = {f"{n}.jpg": PHOTO for n in range(4)} | {f"{n}.json": '{"author": "A"}' for n in range(3)}
    saved(tmp_path / "in", files | {"3.json": label_trees.labelme_json("3.jpg", (24, 24), []), "2.jpg.json": "{}"})
    assert {path: (one.kind, one.form) for path, one in plan(tmp_path / "in")[1].items()} == {
        **{f"{n}.json": ("sidecar", "copy") for n in range(3)},
        "3.json": ("annotation", "labelme"),
        "2.jpg.json": ("sidecar", "copy"),
    }


def test_output_folders_links_and_hidden_folders_hold_no_companions(tmp_path):
    tree = label_trees.write_pairs(tmp_path / "in")
    shutil.copytree(tree.root / "masks", tree.root / ".hidden/masks")
    out = tmp_path / "in" / "out"
    shutil.copytree(tree.root / "masks", out / "masks")
    source = open_source(str(tree.root), out, companions=CompanionSettings())
    companions = {one.source: one for one in source.plan(".png") if isinstance(one, Companion)}
    assert summed(companions) == tree.companions


# Trees without candidates.

FOLDERS = st.lists(st.sampled_from(["cat", "Cat", "dog", "images", "train", "é", "0"]), max_size=2).map("/".join)
NAMES = st.sampled_from(
    ["x.png", "y.jpg", "Y.png", "z.gif", "w.webp", "notes.md", "run.json", "a.csv", "b.mov", "noext"]
)
PATHS = st.tuples(FOLDERS, NAMES).map(lambda path: "/".join(filter(None, path)))
PNG = image_bytes(synthetic_photo(4, 4))


@settings(deadline=None, max_examples=40)
@given(st.sets(PATHS, max_size=14))
def test_a_tree_without_candidates_is_planned_as_without_a_survey(paths):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "in")
        root.mkdir()
        saved(root, {path: PNG if path[-3:] in {"png", "jpg", "gif", "ebp"} else b"{}" for path in paths})
        source = open_source(str(root), Path(name, "out"), companions=CompanionSettings())
        assert list(source.plan(".png")) == list(plan_folder(root, Path(name, "out"), ".png"))
        if not any(path.endswith(".zip") for path in paths):
            assert source.layout == NO_COMPANIONS
            assert list(source.plan_by_class()) == list(plan_by_class(root, Path(name, "out")))


def test_facts_of_a_tree_know_their_own(tmp_path):
    assert LabelTree(tmp_path).of("mask") == {}


@pytest.mark.parametrize("captions", [0, 1, 4])
def test_a_label_of_pixels_among_labels_of_yolo_fails_and_is_not_copied(captions, tmp_path):
    """As a copy it would have places that are wrong."""
    numbers = range(captions + 2)
    files = {f"images/{number}.png": PHOTO for number in numbers} | {"labels/0.txt": "0 .5 .5 1 1\n"}
    files |= {"labels/1.txt": "0 12 30 50 60\n"} | {f"labels/{number}.txt": "two words" for number in numbers[2:]}
    saved(tmp_path / "in", files)
    summary = compress_folder(tmp_path / "in", tmp_path / "out", Options(size=8))
    assert "labels/1.txt" in {one.source for one in summary.companion_failures}
    assert (tmp_path / "out" / "labels" / "0.txt").read_text("utf-8") == "0 .5 .5 1 1\n"
    assert not (tmp_path / "out" / "labels" / "1.txt").exists()


def test_labels_of_some_images_of_a_larger_dataset_stay_labels_and_are_no_lists(tmp_path):
    root = tmp_path / "source"
    saved(root, {f"images/{number}.jpg": PHOTO for number in range(3)})
    saved(root, {f"labels/{number}.txt": "0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n" for number in range(40)})
    _, companions, ignored, _, layout = plan(root)
    assert summed(companions) == {
        (f"labels/{number}.txt", "annotation", "yolo", f"images/{number}.jpg") for number in range(3)
    }
    assert len(ignored) == 37
    assert "37 files *.txt in labels are left out: they have no picture" in layout.unclear


def test_numbers_of_classes_are_no_names_of_images(tmp_path):
    root = tmp_path / "source"
    saved(root, {f"images/{number}.jpg": PHOTO for number in range(3)})
    saved(root, {"a/other.txt": "0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1\n", "a/list.txt": "0 1\n2 1\n"})
    assert summed(plan(root)[1]) == {("a/list.txt", "sidecar", "names", None)}


def test_masks_with_the_whole_names_of_pictures_beside_them_are_told(tmp_path):
    root = tmp_path / "source"
    saved(root, {f"train/{number}.jpg": PHOTO for number in range(9)})
    saved(root, {f"train/{number}.png": FLAT for number in range(9)})
    tasks, companions, _, _, layout = plan(root)
    assert (len(tasks), companions) == (18, {})
    assert [note for note in layout.unclear if "9 images in train may be masks" in note and "'train/*.png'" in note]
    saved(root, {f"train/{number}.png": PHOTO for number in range(9)})
    assert not opened(root).layout.unclear
    assert not opened(root, masks="none").layout.unclear
