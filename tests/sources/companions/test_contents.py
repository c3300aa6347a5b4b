"""A few bytes tell the form of a file; broken and hostile ones tell nothing."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import label_trees
from icsys.sources.companions import contents
from icsys.sources.companions.contents import is_yolo, top_keys
from icsys.sources.companions.tree_files import FolderFiles
from icsys.sources.folder_entries import FolderReader


def on_disk(look):
    """Return a function of a file on the disk."""
    return lambda place: look(FolderFiles(FolderReader.of(place.parent, place.parent / "none")), place.name)


first_lines, text_form, pose_form, xml_form, json_form, is_coco, names_images = map(
    on_disk,
    [
        contents.first_lines,
        contents.text_form,
        contents.pose_form,
        contents.xml_form,
        contents.json_form,
        contents.is_coco,
        contents.names_images,
    ],
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text('a"\\[{: ', max_size=3), inside, max_size=3),
    max_leaves=12,
)
KEYS = st.dictionaries(st.text("abc[{]}: ", max_size=4), JSON, max_size=5)
SHARES = st.floats(0, 1).map(lambda value: f"{value:.6f}")


def file(tmp_path, content, name="file.txt"):
    place = tmp_path / name
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


@given(KEYS, st.sampled_from([None, 2]), st.integers(0, 200))
def test_keys_of_the_outermost_table_are_those_of_a_parser(record, indent, cut):
    text = json.dumps(record, indent=indent, ensure_ascii=False).encode()
    assert top_keys(text) == set(record)
    assert top_keys(text[:cut]) <= set(record)


@given(st.binary(max_size=60))
def test_any_bytes_have_keys_or_none(data):
    assert isinstance(top_keys(data), set)


@given(st.lists(st.tuples(st.integers(0, 99), st.lists(SHARES, min_size=4, max_size=9)), max_size=6))
def test_lines_of_classes_and_shares_are_yolo(rows):
    lines = [" ".join([str(number), *values]) for number, values in rows]
    assert is_yolo(lines) is (True if lines else None)
    assert is_yolo([*lines, "", "  # a comment"]) is (True if lines else None)
    assert is_yolo([*lines, "a cat"]) is False
    assert is_yolo([*lines, "0 12 30 55 80"]) is False


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", None),
        (" \n\n", None),
        ("0 0.5 0.5 0.1 0.1\n", "yolo"),
        ("\ufeff0 0.5 0.5 0.1 0.1\r\n1 0.5 0.5 0.1 0.1", "yolo"),
        ("3 cats and 2 dogs, 4 of 5 asleep\n", "copy"),
        ("1girl, solo, long hair, 2022", "copy"),
        ("10 20 30 20 30 40 10 40 plane 0\n", "numbers"),
        ("0.5", "numbers"),
        (b"\xff\xfe\0binary", None),
        ("0 " + "1" * 60_000 + "x", "copy"),  # in no time that grows with the square
    ],
)
def test_texts_beside_pictures(text, form, tmp_path):
    assert text_form(file(tmp_path, text)) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("path: .\nkpt_shape: [17, 3]  # number, values\n", "yolo_pose3"),
        ("kpt_shape:\n  - 5\n  - 2\nnames: [a]\n", "yolo_pose2"),
        ("kpt_shape: [ 5,2 ]", "yolo_pose2"),
        ("kpt_shape: [17, 4]\n", None),
        ("# kpt_shape: [17, 3]\n", None),
        ("names: [kpt_shape]\n", None),
    ],
)
def test_yaml_states_how_many_values_a_keypoint_has(text, form, tmp_path):
    (tmp_path / "data.yaml").write_text(text)
    assert pose_form(tmp_path / "data.yaml") == form


def test_only_whole_lines_of_a_long_text_count(tmp_path):
    long = file(tmp_path, "0 0.5 0.5 0.1 0.1\n" * 10_000)
    assert set(first_lines(long)) == {"0 0.5 0.5 0.1 0.1"}
    assert first_lines(tmp_path / "none") == first_lines(tmp_path) == []
    assert first_lines(file(tmp_path, "a" * 200_000)) == [""]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (label_trees.voc_xml("a.jpg", (9, 9), []), "voc"),
        ('\ufeff<?xml version="1.0"?>\n<!-- by hand -->\n<annotation verified="yes"/>', "voc"),
        ("<annotations/>", "copy"),
        ("<html><annotation></html>", "copy"),
        ("", "copy"),
    ],
)
def test_xml_is_that_of_voc_by_its_root(text, form, tmp_path):
    assert xml_form(file(tmp_path, text)) == form


def test_json_about_one_picture(tmp_path):
    labelme = label_trees.labelme_json("a.jpg", (60, 50), [])
    with_picture = json.dumps({"imageData": "A" * 100_000} | json.loads(labelme))
    cityscapes = json.dumps({"imgHeight": 1, "imgWidth": 2, "objects": []})
    texts = [labelme, with_picture, cityscapes, '{"a": {"shapes": []}}', "[", "", "[" * 100_000, '"shapes":']
    forms = [json_form(file(tmp_path, text)) for text in texts]
    assert forms == ["labelme", "labelme", "cityscapes", *["copy"] * 5]


def test_coco_is_recognised_wherever_its_lists_are(tmp_path):
    """Annotations may come first, and there may be millions of either."""
    image = {"id": 1, "file_name": "a.jpg", "width": 5, "height": 4}
    many = [image | {"id": number, "file_name": f"{number:012d}.jpg"} for number in range(40_000)]
    for record in (
        {"images": [image], "annotations": []},
        {"info": {}, "images": many, "annotations": [], "categories": []},
        {"annotations": [{"id": 1}] * 300_000, "images": [image]},
        {"info": {}, "images": [image], "categories": []},  # of test images
    ):
        for indent in (None, 1):
            assert is_coco(file(tmp_path, json.dumps(record, indent=indent), "a.json"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        '[{"image_id": 1, "bbox": [1, 2, 3, 4]}]',
        '{"images": [{"file_name": "a.jpg"}]}',
        '{"name": "app", "scripts": {"images": "x"}}',
        '{"images": "annotations"}',
        '{"text": "\\"images\\": [] \\"annotations\\": []"}',
        "{" * 100_000,
        b"\0\xff" * 100,
    ],
)
def test_other_json_is_not_coco(text, tmp_path):
    assert not is_coco(file(tmp_path, text, "a.json"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("metadata.jsonl", '{"file_name": "a.jpg", "text": "é"}\n', True),
        ("metadata.jsonl", '\n{"left_file_name": "a.jpg"}\n', True),
        ("metadata.jsonl", '{"name": "a.jpg"}\n', False),
        ("metadata.jsonl", "[1]\n", False),
        ("metadata.jsonl", "{\n", False),
        ("metadata.csv", "file_name,text\na.jpg,b\n", True),
        ("metadata.csv", '\ufeff"text","file_name"\n', True),
        ("metadata.csv", "name,text\n", False),
        ("metadata.csv", "", False),
        ("METADATA.CSV", "file_name\n", True),
    ],
)
def test_a_table_of_images_has_file_names(name, text, expected, tmp_path):
    assert names_images(file(tmp_path, text, name)) is expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    assert first_lines(tmp_path / "a.json") == []
    assert not is_coco(tmp_path / "a.json")
    assert json_form(tmp_path / "a.json") == "copy"


def test_random_bytes_have_a_form(tmp_path):
    random = np.random.default_rng(0)
    for size in (1, 100, 70_000):
        place = file(tmp_path, random.bytes(size))
        assert (text_form(place), xml_form(place), json_form(place)) in {
            (None, "copy", "copy"),
            ("copy", "copy", "copy"),
            ("numbers", "copy", "copy"),
        }


def test_a_polygon_that_is_longer_than_what_is_read_is_one_of_yolo(tmp_path):
    text = "3 " + " ".join(["0.25 0.75"] * 20_000)
    assert text_form(file(tmp_path, text)) == text_form(file(tmp_path, text + "\n" + text)) == "yolo"


def test_labels_that_are_no_numbers_by_mistake_are_no_words(tmp_path):
    assert (
        text_form(file(tmp_path, "0 nan nan nan nan\n")) == text_form(file(tmp_path, "1 -inf inf NaN 0.5")) == "numbers"
    )
