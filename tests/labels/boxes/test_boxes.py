"""Boxes in label files are those that a reader of plain text, JSON or XML finds."""

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.boxes.box import BoxClass, order_classes
from icsys.labels.boxes.coco_file import CocoFile, ImageFinder
from icsys.labels.boxes.one_image import reader_of, voc_boxes, yolo_boxes

SHARES = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(st.integers(0, 3), SHARES, SHARES, SHARES, SHARES), max_size=5), st.booleans())
def test_boxes_of_yolo_are_shares_of_the_picture(objects, has_confidence):
    text = "".join(f"{kind} {x:.6f} {y:.6f} {w:.6f} {h:.6f}{' 0.5' * has_confidence}\n" for kind, x, y, w, h in objects)
    found = list(yolo_boxes(text.encode(), 30, 20, {0: "cat"}))
    assert [box.kind for box in found] == [BoxClass(one[0], "cat" if one[0] == 0 else str(one[0])) for one in objects]
    expected = [[(x - w / 2) * 30, (y - h / 2) * 20, (x + w / 2) * 30, (y + h / 2) * 20] for _, x, y, w, h in objects]
    np.testing.assert_allclose(
        np.reshape([box[1:] for box in found], (-1, 4)), np.reshape(expected, (-1, 4)), atol=1e-4
    )


@given(st.lists(st.tuples(SHARES, SHARES), min_size=3, max_size=6))
def test_polygons_of_yolo_have_their_bounds(points):
    text = "2 " + " ".join(f"{x:.6f} {y:.6f}" for x, y in points)
    (box,) = yolo_boxes(text.encode(), 100, 10, {})
    xs, ys = [x * 100 for x, _ in points], [y * 10 for _, y in points]
    np.testing.assert_allclose(box[1:], [min(xs), min(ys), max(xs), max(ys)], atol=1e-3)


def test_keypoints_are_left_out():
    line = b"1 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.55 1 0 0 0\n"
    for form in "yolo", "yolo_pose3":
        read = reader_of(form, 10, 10, {})
        assert read is not None
        (box,) = read(line)
        np.testing.assert_allclose(box[1:], [4, 4, 6, 6])
    assert reader_of("labelme", 10, 10, {}) is None


def test_voc_counts_from_one_and_parts_are_no_objects():
    text = """<annotation><object><name> cat </name>
      <bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>
      <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>
      <object><name>dog</name><bndbox><xmin>1</xmin></bndbox></object>
      <object><name>ship</name><robndbox><cx>10</cx><cy>8</cy><w>6</w><h>2</h><angle>ANGLE</angle></robndbox></object>
      </annotation>""".replace("ANGLE", str(math.pi / 2))
    found = list(voc_boxes(text.encode()))
    assert [box.kind.name for box in found] == ["cat", "ship"]
    np.testing.assert_allclose([box[1:] for box in found], [[0, 1.5, 4, 4], [9, 5, 11, 11]], atol=1e-9)


@pytest.mark.parametrize("form", ["yolo", "voc"])
def test_a_broken_file_is_an_error(form):
    read = reader_of(form, 10, 10, {})
    assert read is not None
    with pytest.raises(ImageError):
        list(read(b"0 1 2"))


def test_boxes_of_coco_whatever_the_order_of_its_parts():
    """Annotations of unknown images, without a box, or of categories that are not listed, do no harm."""
    annotations = [
        {"image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]},
        {"image_id": "b", "category_id": "z", "bbox": [0, 0, 0.5, 1e12]},
        {"image_id": "b", "category_id": [1], "bbox": [0, 0, 0.5, 1]},
        {"image_id": 9, "category_id": 5, "bbox": [1, 2, 3, 4]},
        {"image_id": [1], "category_id": 5, "bbox": [1, 2, 3, 4]},
        {"image_id": 1, "caption": "A cat."},
        "no object",
    ]
    images = [
        {"id": 1, "file_name": "a.png", "width": 8, "height": 6.0},
        {"id": "b", "coco_url": "http://x/b.jpg"},
        {"id": 9, "file_name": "a.png", "width": 80, "height": 60},  # kept: an image that was not found
        {"id": 2},
        None,
    ]
    record = {"annotations": annotations, "categories": [{"id": 5, "name": "cat"}, {"id": 7}], "images": images}
    finder = ImageFinder({"a.png": 30}.get, {"http://x/b.jpg": 40}.get)
    file = CocoFile(io.BytesIO(json.dumps(record).encode()), finder, (8, 6))
    assert file.images == {1: 30, "b": 40}
    assert list(file.boxes()) == [
        (30, (BoxClass(5, "cat"), 1, 2, 4, 6)),
        (40, (BoxClass(None, "[1]"), 0, 0, 0.5, 1)),
    ]
    assert {BoxClass(5, "cat"), BoxClass(7, "7")} <= set(file.classes.values())


CLASSES = st.builds(BoxClass, st.none() | st.integers(-2, 3), st.sampled_from(["cat", "dog", "0", ""]))


@given(st.sets(CLASSES))
def test_every_class_has_its_place(found):
    """Names are there once, and numbers rise; where numbers tell classes apart, they decide the order."""
    names, numbers, places = order_classes(found)
    assert sorted(names) == sorted({one.name for one in found})
    assert places.keys() == found
    assert all(names[place] == one.name for one, place in places.items())
    pairs = [(one.number, one.name) for one in found]
    if found and len(set(names)) == len(pairs) == len({number for number, _ in pairs}) and None not in dict(pairs):
        assert names == [name for _, name in sorted(pairs)]
        assert (numbers or list(range(len(names)))) == sorted(number for number, _ in pairs)
    else:
        assert (names, numbers) == (sorted(names), [])
