"""Cityscapes: polygons and boxes follow their picture, everything else in the file stays as it is."""

import json

import pytest

from icsys import Options
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.cityscapes import map_cityscapes
from icsys.labels.mapped_file import LabelRules

THIRD = View.of((200, 100), 1, Options(step=3))
CROP = View.of((200, 100), 1, Options(size=(100, 100), fit="cover"))  # x of 50 to 150


def mapped(objects, view=THIRD, rules=None, indent=None):
    data = json.dumps({"imgHeight": 100, "imgWidth": 200, "objects": objects}, indent=indent).encode()
    found = map_cityscapes(data, view, rules or LabelRules())
    return json.loads(found.data)["objects"], found


def test_only_places_and_sizes_change():
    road = {"deleted": 0, "label": "road", "polygon": [[0, 90], [200, 90], [200, 100]], "user": "a", "id": 7}
    for indent in (None, 4):
        _, found = mapped([road], indent=indent)
        expected = road | {"polygon": [[0, 30], [67, 30], [67, 34]]}
        text = json.dumps({"imgHeight": 34, "imgWidth": 67, "objects": [expected]}, indent=indent)
        assert found == (text.encode(), 1, 0, None)


def test_a_crop_cuts_and_drops():
    objects = [{"label": "car", "polygon": [[x, 0], [x + 40, 0], [x + 40, 10], [x, 10]]} for x in (30, 0)]
    shapes, found = mapped(objects, CROP)
    assert sorted(shapes[0]["polygon"]) == [[0, 0], [0, 10], [20, 0], [20, 10]]
    assert (found.labels, found.dropped) == (1, 1)
    assert mapped(objects, CROP, LabelRules(min_visibility=0.6))[1][1:3] == (0, 2)


def test_boxes_of_persons_follow_and_zeros_stay_zeros():
    person = {"label": "person", "bbox": [40, 10, 20, 60], "bboxVis": [40, 20, 8, 30]}
    hidden = {"label": "person", "bbox": [60, 10, 20, 60], "bboxVis": [0, 0, 0, 0]}
    gone = {"label": "person", "bbox": [10, 10, 20, 60], "bboxVis": [10, 10, 20, 60]}
    shapes, found = mapped([person, hidden, gone], CROP)
    assert [one["bbox"] for one in shapes] == [[0, 10, 10, 60], [10, 10, 20, 60]]
    assert [one["bboxVis"] for one in shapes] == [[0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.dropped == 1
    padded = View.of((200, 100), 1, Options(size=(100, 100), fit="pad"))
    assert mapped([hidden], padded)[0][0]["bboxVis"] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"objects": [\n{"polygon": }]}', "line 2: no valid JSON"),
        (b"[]", "line 1: expected an object"),
        (b"{}", "objects: expected a list, not None"),
        (b'{"objects": [{"polygon": [[1, 2, 3]]}]}', r"objects\[0\].polygon\[0\]: expected two numbers"),
        (b'{"objects": [{"bbox": [1, 2, 3]}]}', r"objects\[0\].bbox: expected left, top, width and height"),
        (b'{"objects": ' + b"[" * 500, "no valid JSON: lists or tables are nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "no valid JSON"),
        (b'{"a": "\xff"}', "no valid JSON"),
    ],
)
def test_what_is_no_file_of_cityscapes_is_an_error_with_its_place(text, message):
    with pytest.raises(ImageError, match=message) as caught:
        map_cityscapes(text, THIRD, LabelRules())
    assert caught.value.code == "label_broken"
