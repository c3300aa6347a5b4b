"""Images with classes, their splits and groups, from every kind of source."""

import io
import json
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.label_trees import write_kaggle
from tests.source_makers import put_folder, put_parquet, put_tar, put_zip

from icsys import UsageError
from icsys.engine.executor import Executor
from icsys.learning.design import FOLDS, GROUPS, TEST, VALIDATION
from icsys.learning.images.find_labelled import find_labelled
from icsys.learning.images.labelled_images import without_unusable
from icsys.learning.images.stratified_sample import shared_out, stratified_sample
from icsys.learning.learn_settings import LearnSettings
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source


def photo(seed, *, noise=0, side=40):
    """Return a picture of coarse colours as a PNG file; the same one for each seed, with other noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    picture = picture + np.random.default_rng(1000 + noise).integers(-noise, noise + 1, picture.shape)
    file = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def photos(*folders, count=3):
    """Return different pictures by name, some in each folder."""
    names = [f"{folder}/{number}.png" for folder in folders for number in range(count)]
    return {name: photo(seed) for seed, name in enumerate(names)}


def find(path, *, most=1000, seed=0, table=None, report=lambda _: None, **settings):
    """Return the labelled images of a source."""
    source = open_source(path, Path("nowhere"), companions=CompanionSettings(table=table))
    executor = Executor("threads", 2, None, False, threading.Event())
    return find_labelled(source, executor, LearnSettings(**settings), most=most, seed=seed, report=report)


def labels_of(found):
    """Return the class of each image by its path."""
    return {task.source: found.class_names[label] for task, label in zip(found.tasks, found.design.labels, strict=True)}


def members_of(found):
    """Return the paths of each group of two and more."""
    groups = {}
    for task, group in zip(found.tasks, found.design.groups, strict=True):
        groups.setdefault(int(group), []).append(task.source)
    return [group for group in groups.values() if len(group) > 1]


def part(found, chosen):
    """Return the paths of the images chosen."""
    return [task.source for task, is_chosen in zip(found.tasks, chosen, strict=True) if is_chosen]


def test_class_folders_without_a_split_are_divided_into_folds(tmp_path):
    files = photos("dog", "cat", "ant")
    found = find(put_folder(tmp_path, files))
    assert found.class_names == ["ant", "cat", "dog"]
    assert labels_of(found) == {name: name.partition("/")[0] for name in files}
    assert [task.source for task in found.tasks] == sorted(files)
    assert (found.design.kind, found.design.classes, found.images_found) == (FOLDS, 3, 9)
    assert found.design.trained.all()
    assert found.design.tested.all()
    assert found.design.groups.tolist() == list(range(9))
    assert (found.design.labels.dtype, found.design.groups.dtype) == (np.int32, np.int32)
    assert (found.notes, found.failures) == ([], [])


def test_a_test_split_comes_before_a_validation_split(tmp_path):
    files = photos(*(f"{split}/{label}" for split in ("train", "val", "test") for label in ("a", "b")))
    found = find(put_folder(tmp_path, files))
    assert found.design.kind == TEST
    assert part(found, found.design.trained) == [name for name in sorted(files) if name.startswith("train")]
    assert part(found, found.design.tested) == [name for name in sorted(files) if name.startswith("test")]
    assert found.notes == ["6 images of the validation split: left out."]
    assert (len(found.tasks), found.images_found) == (12, 18)


def test_a_validation_split_is_tested_where_no_test_image_has_a_class(tmp_path):
    files = photos("train/a", "train/b", "val/a", "val/b", "test")
    found = find(put_folder(tmp_path, files))
    assert found.design.kind == VALIDATION
    assert part(found, found.design.tested) == [name for name in sorted(files) if name.startswith("val")]
    assert found.notes == ["3 images without a class: left out."]


def test_near_duplicates_are_one_group(tmp_path):
    files = photos("a", "b", count=4)
    files["a/0 again.png"] = photo(0, noise=2)
    files["b/0 copy.png"] = files["b/0.png"]
    folder = put_folder(tmp_path, files)
    near, exact, alone = (find(folder, group=group) for group in ("near", "exact", "none"))
    assert members_of(near) == [["a/0 again.png", "a/0.png"], ["b/0 copy.png", "b/0.png"]]
    assert members_of(exact) == [["b/0 copy.png", "b/0.png"]]
    assert members_of(alone) == []
    assert [one.design.kind for one in (near, exact, alone)] == [GROUPS, GROUPS, FOLDS]


def test_duplicates_across_a_split_are_counted_and_tested_ones_are_one_group(tmp_path):
    files = photos("train/a", "train/b", "test/a", "test/b")
    files["test/a/leak.png"] = photo(0, noise=2)
    files["test/b/again.png"] = files["test/b/0.png"]
    files["train/b/again.png"] = files["train/b/0.png"]
    found = find(put_folder(tmp_path, files))
    assert members_of(found) == [["test/b/0.png", "test/b/again.png"]]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("1 of 8 images of the test split have a near duplicate in the train split:")


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), min_size=8, max_size=20))
def test_groups_by_a_pattern_equal_those_of_a_naive_twin(tmp_path_factory, keys):
    keys = [*((9, label) for label in "aabb"), *keys]
    files = {f"{label}/patient_{key}_{number}.png": b"" for number, (key, label) in enumerate(keys)}
    files |= {"a/alone.png": b"", "b/without.png": b""}
    found = find(put_folder(tmp_path_factory.mktemp("photos"), files), group=r"patient_(\d+)")
    twin = {}
    for name in sorted(files):
        twin.setdefault(name.split("_")[1] if "_" in name else name, []).append(name)
    assert sorted(members_of(found)) == sorted(group for group in twin.values() if len(group) > 1)
    assert found.design.kind == GROUPS


def test_a_pattern_without_a_group_stands_for_what_it_finds(tmp_path):
    files = dict.fromkeys((f"{label}/{day}-{n}.png" for label in "ab" for day in ("mo", "tu") for n in "12"), b"")
    found = find(put_folder(tmp_path, files), group="/..-")
    assert members_of(found) == [
        ["a/mo-1.png", "a/mo-2.png", "b/mo-1.png", "b/mo-2.png"],
        ["a/tu-1.png", "a/tu-2.png", "b/tu-1.png", "b/tu-2.png"],
    ]


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("patient_(", "group='patient_\\('.*regular expression"),
        ("nothing", "found in no path, such as 'a/0.png'"),
        (r"\.png", "all images would be one group"),
        ("^[ab]", "all images of each class are in one group"),
    ],
)
def test_a_pattern_that_makes_no_groups_is_refused(tmp_path, group, text):
    with pytest.raises(UsageError, match=text):
        find(put_folder(tmp_path, photos("a", "b")), group=group)


def test_a_class_in_one_group_is_named(tmp_path):
    files = dict.fromkeys(("a/1.png", "a/1 b.png", "b/1.png", "b/2.png"), b"")
    found = find(put_folder(tmp_path, files), group=r"\d|1 b")
    assert len(found.notes) == 1
    assert found.notes[0].startswith("All images are in one group in 1 of 2 classes ('a'):")


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"notes.txt": b"none"}, "no image was found"),
        (photos("a"), "has one class only, 'a'"),
        ({"a.png": b"", "b.png": b""}, "no image of .* has a class: expected folders of classes"),
        ({"a/1.png": b"", "b/1.png": b"", "c/1.png": b""}, "no class of two or more usable images"),
        (photos("train/a", "train/b", "test/a", "test/c"), "without a usable image in the train split: 'c'"),
        (photos("train/a", "train/b", "test/a"), "the test split has one class only"),
    ],
)
def test_what_no_model_can_learn_from_is_refused(tmp_path, files, text):
    with pytest.raises(UsageError, match=text):
        find(put_folder(tmp_path, files), group="none")


def test_broken_images_and_rare_classes_are_left_out(tmp_path):
    files = photos("a", "b") | {"a/broken.png": b"no", "c/0.png": photo(50), "c/1.png": b"", "d/0.png": photo(51)}
    found = find(put_folder(tmp_path, files))
    assert found.class_names == ["a", "b"]
    assert found.notes == ["2 classes with one usable image: left out ('c', 'd')."]
    assert [(one.source, one.code) for one in found.failures] == [
        ("a/broken.png", "unidentified"),
        ("c/1.png", "empty"),
    ]
    assert (len(found.tasks), found.images_found) == (6, 10)


def test_masks_are_no_images(tmp_path):
    files = {}
    for number in range(4):
        mask = io.BytesIO()
        Image.fromarray(np.eye(40, dtype=np.uint8)).save(mask, "PNG")
        files[f"images/{'ab'[number % 2]}/{number}.png"] = photo(number)
        files[f"masks/{'ab'[number % 2]}/{number}.png"] = mask.getvalue()
    found = find(put_folder(tmp_path, files))
    assert set(labels_of(found).values()) == {"a", "b"}
    assert all(task.source.startswith("images") for task in found.tasks)


def test_archives_give_the_same_images_as_folders(tmp_path):
    files = photos("train/a", "train/b", "test/a", "test/b")
    expected = find(put_folder(tmp_path / "photos", files))
    for path in (put_zip(tmp_path / "photos.zip", files), put_tar(tmp_path / "photos.tar", files)):
        found = find(path)
        assert labels_of(found) == labels_of(expected)
        assert part(found, found.design.tested) == part(expected, expected.design.tested)


def test_the_labels_of_parquet_and_webdataset_come_before_folders(tmp_path):
    files = {f"{number}.png": photo(number) for number in range(6)}
    rows = put_parquet(tmp_path / "rows.parquet", files, labels=[0, 1, 0, 1, 0, -1], names=["cat", "dog"])
    found = find(rows)
    assert list(labels_of(found).values()) == ["cat", "dog", "cat", "dog", "cat"]
    assert found.notes == ["1 image without a class: left out."]
    samples = {}
    for number, (name, data) in enumerate(files.items()):
        samples |= {f"same/{name}": data, f"same/{number}.cls": str(number % 3).encode()}
    found = find(put_tar(tmp_path / "samples.tar", samples))
    assert list(labels_of(found).values()) == ["0", "1", "2", "0", "1", "2"]


TABLES = {
    "metadata.csv": "file_name,label\n" + "".join(f"{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in range(6)),
    "metadata.jsonl": "".join(
        json.dumps({"file_name": f"{n}.png", "class": "cat" if n % 2 else "dog"}) + "\n" for n in range(6)
    ),
    "labels.csv": "\ufeffID;Species\n" + "".join(f"{n};{'cat' if n % 2 else 'dog'}\n" for n in range(6)),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_with_a_column_of_labels_gives_classes(tmp_path, name):
    files = {f"{number}.png": photo(number) for number in range(6)} | {name: TABLES[name].encode()}
    found = find(put_folder(tmp_path, files), table=name if name == "labels.csv" else None)
    assert labels_of(found) == {f"{n}.png": "cat" if n % 2 else "dog" for n in range(6)}


def test_a_table_of_kaggle_gives_classes_where_folders_are_splits(tmp_path):
    write_kaggle(tmp_path, with_suffix=False)
    text = (tmp_path / "labels.csv").read_text()
    classes = dict(line.split(",")[:2] for line in text.splitlines()[1:])
    if min(Counter(classes.values()).values()) < 2:
        lines = ["image,label", *(f"{name},{'ab'[place % 2]}" for place, name in enumerate(sorted(classes)))]
        (tmp_path / "labels.csv").write_text("\n".join(lines[:-1]))
        classes = dict(line.split(",") for line in lines[1:-1])
    found = find(tmp_path, table="labels.csv")
    assert {name.rpartition("/")[2].rpartition(".")[0]: label for name, label in labels_of(found).items()} == classes


def test_a_table_without_labels_is_named(tmp_path):
    files = {f"{number}.png": photo(number) for number in range(3)} | {"metadata.csv": b"file_name,text\n0.png,a cat\n"}
    with pytest.raises(UsageError, match=r"metadata.csv gives no classes: expected a column such as file_name"):
        find(put_folder(tmp_path, files))


def test_an_image_with_two_classes_in_a_table_has_none(tmp_path):
    rows = "file_name,label\n0.png,a\n1.png,a\n2.png,b\n3.png,b\n4.png,a\n4.png,b\n0.png,a\n"
    files = {f"{number}.png": photo(number) for number in range(5)} | {"metadata.csv": rows.encode()}
    found = find(put_folder(tmp_path, files))
    assert labels_of(found) == {"0.png": "a", "1.png": "a", "2.png": "b", "3.png": "b"}
    assert found.notes == ["1 image without a class: left out."]


def test_a_sample_keeps_the_shares_of_classes_and_splits(tmp_path):
    files = dict.fromkeys(
        (
            f"{split}/{label}/{n}.png"
            for split, k in (("train", 2), ("test", 1))
            for label in "abc"
            for n in range(20 * k)
        ),
        b"",
    )
    folder = put_folder(tmp_path, files)
    found, again, other = (find(folder, most=90, group="none", seed=seed) for seed in (1, 1, 2))
    counts = Counter(tuple(name.split("/")[:2]) for name in labels_of(found))
    assert counts == {(split, label): size for split, size in (("train", 20), ("test", 10)) for label in "abc"}
    assert [one.source for one in found.tasks] == sorted(one.source for one in found.tasks)
    assert found.tasks == again.tasks != other.tasks
    assert found.notes == [
        "90 of 180 images are judged, drawn at random (seed 1) with classes and splits in proportion."
    ]
    assert found.images_found == 180


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), min_size=1, max_size=80), st.integers(1, 80))
def test_a_sample_is_whole_fair_and_never_too_large(strata, most):
    classes = {label for _, label in strata}
    try:
        places = stratified_sample(strata, most, 3)
    except UsageError:
        assert most < 3 * len(classes)
        return
    assert places == sorted(set(places))
    assert len(places) == min(most, len(strata))
    drawn, found = Counter(strata[place] for place in places), Counter(strata)
    is_split = len({is_tested for is_tested, _ in strata}) > 1
    for stratum, count in found.items():
        fewest = 1 if is_split and stratum[0] else 2
        assert drawn[stratum] >= min(count, fewest)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.data())
def test_shares_lie_within_one_of_the_exact_ones_unless_the_fewest_are_more(counts, data):
    total = data.draw(st.integers(0, sum(counts)))
    shares = shared_out(np.array(counts), np.zeros(len(counts), int), total)
    assert shares.sum() == total
    assert all(abs(share - count * total / sum(counts)) < 1 for share, count in zip(shares, counts, strict=True))


def test_too_few_images_for_all_classes_are_refused():
    with pytest.raises(UsageError, match="4 images for 3 classes: expected 6 or more"):
        stratified_sample([(True, label) for label in "abcabcabc"], 4, 0)


def test_images_that_could_not_be_made_are_taken_out_of_the_design(tmp_path):
    files = photos("a", "b", "c")
    files["a/0 copy.png"] = files["a/0.png"]
    found = find(put_folder(tmp_path, files))
    usable = np.array([not task.source.startswith(("c/0", "c/1", "a/1")) for task in found.tasks])
    less = without_unusable(found, usable)
    assert less.class_names == ["a", "b"]
    assert labels_of(less) == {name: label for name, label in labels_of(found).items() if name in labels_of(less)}
    assert members_of(less) == [["a/0 copy.png", "a/0.png"]]
    assert less.notes == ["1 class with one usable image: left out ('c')."]
    assert without_unusable(found, np.ones(len(usable), bool)) is found
    with pytest.raises(UsageError, match="one class only"):
        without_unusable(found, np.array([task.source.startswith("a") for task in found.tasks]))


def test_progress_is_reported(tmp_path):
    steps = []
    find(put_folder(tmp_path, photos("a", "b")), report=steps.append)
    last = {step.note: (step.done, step.total) for step in steps}
    assert last["Looking at the images"] == (6, 6)


@pytest.mark.parametrize("names", ["{}.tar", "{}-000000.tar", "{}-00001.tar"])
def test_packs_are_splits_by_their_names(tmp_path, names):
    put_folder(tmp_path, {})
    for split in ("train", "test"):
        samples = {}
        for number in range(4):
            samples |= {
                f"{split}{number}.png": photo(number, noise=len(split)),
                f"{split}{number}.cls": str(number % 2).encode(),
            }
        put_tar(tmp_path / names.format(split), samples)
    found = find(tmp_path, group="none")
    assert found.design.kind == TEST
    assert all("test" in name for name in part(found, found.design.tested))
    assert (found.design.trained.sum(), found.design.tested.sum()) == (4, 4)


def test_a_split_that_cannot_be_read_is_named(tmp_path):
    put_folder(tmp_path, {})
    samples = {"a/0.png": photo(0), "a/1.png": photo(1), "b/0.png": photo(2), "b/1.png": photo(3)}
    put_zip(tmp_path / "train.zip", samples)
    (tmp_path / "test.zip").write_bytes(b"no archive")
    with pytest.raises(UsageError, match=r"the split 'test.*' of .* cannot be read"):
        find(tmp_path, group="none")


def test_a_broken_image_with_the_name_of_a_split_is_one_failure(tmp_path):
    found = find(put_folder(tmp_path, photos("a", "b") | {"a/test.png": b"no", "b/val.jpg": b""}))
    assert [one.source for one in found.failures] == ["a/test.png", "b/val.jpg"]
    assert len(found.tasks) == 6


def test_an_error_names_what_could_not_be_read(tmp_path):
    files = photos("a", "b", count=2) | {f"b/{number}.png": b"GIF89a, and no more" for number in range(2)}
    with pytest.raises(UsageError, match=r"one class only, 'a': expected .*; 2 not readable, such as b/0.png: \w+"):
        find(put_folder(tmp_path / "two", files))
    files["b/1.png"] = photo(9)
    with pytest.raises(UsageError, match=r"left out \('b'\): expected .*; not readable: b/0.png: \w+"):
        find(put_folder(tmp_path / "one", files))
