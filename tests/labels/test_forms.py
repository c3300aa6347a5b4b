"""Each format says where the output shows what its source said of the picture; broken files are one kind of error."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.forms import FORMS
from icsys.labels.mapped_file import LabelRules
from label_pictures import STORED, VIEWS, seen_box, upright_box, view_of

WIDTH, HEIGHT = STORED
SAME = view_of(1, {"step": 1})


def yolo(box, size):
    left, top, right, bottom = np.array(box) / (*size, *size)
    return f"3 {(left + right) / 2:.9f} {(top + bottom) / 2:.9f} {right - left:.9f} {bottom - top:.9f}\n"


def read_yolo(text, size):
    x, y, width, height = (float(one) for one in text.split()[1:5])
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) * (*size, *size)


def yolo_polygon(box, size):
    left, top, right, bottom = np.array(box) / (*size, *size)
    corners = [(left, top), (right, top), (right, (top + bottom) / 2), (right, bottom), (left, bottom)]
    return "3 " + " ".join(f"{side:.9f}" for corner in corners for side in corner)


def read_yolo_polygon(text, size):
    points = np.reshape([float(one) for one in text.split()[1:]], (-1, 2)) * size
    return np.array([*points.min(axis=0), *points.max(axis=0)])


def voc(box, size, shift=1):
    left, top, right, bottom = box
    return (
        f"<annotation>\n\t<filename>a.jpg</filename>\n\t<size>\n\t\t<width>{size[0]}</width>\n\t\t"
        f"<height>{size[1]}</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<object>\n\t\t<name>cat</name>\n\t\t"
        f"<truncated>0</truncated>\n\t\t<bndbox>\n\t\t\t<xmin>{left + shift}</xmin>\n\t\t\t<ymin>{top + shift}</ymin>\n"
        f"\t\t\t<xmax>{right}</xmax>\n\t\t\t<ymax>{bottom}</ymax>\n\t\t</bndbox>\n\t</object>\n</annotation>\n"
    )


def read_voc(text, size):
    root = ET.fromstring(text)  # noqa: S314 - ours
    assert [root.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [*map(str, size), "3"]
    assert root.findtext("filename") == "a.png"
    return [float(root.findtext(f"object/bndbox/{name}")) - one for name, one in zip(SIDES, (1, 1, 0, 0), strict=True)]


SIDES = ("xmin", "ymin", "xmax", "ymax")


def labelme(box, size):
    left, top, right, bottom = map(float, box)
    shape = {"label": "cat", "points": [[right, top], [left, bottom]], "shape_type": "rectangle", "flags": {}}
    whole = {"version": "5.4.1", "shapes": [shape], "imagePath": "..\\a.jpg", "imageData": "aaaa"}
    return json.dumps(whole | {"imageHeight": size[1], "imageWidth": size[0]}, indent=2)


def read_labelme(text, size):
    value = json.loads(text)
    assert (value["imageWidth"], value["imageHeight"]) == size
    assert value["imagePath"] == "..\\a.png"
    return np.ravel(np.sort(value["shapes"][0]["points"], axis=0))


def cityscapes(box, size):
    left, top, right, bottom = box
    polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return json.dumps({"imgHeight": size[1], "imgWidth": size[0], "objects": [{"label": "cat", "polygon": polygon}]})


def read_cityscapes(text, size):
    value = json.loads(text)
    assert (value["imgWidth"], value["imgHeight"]) == size
    points = np.array(value["objects"][0]["polygon"])
    return [*points.min(axis=0), *points.max(axis=0)]


FORMATS = {
    "yolo": ("yolo", yolo, read_yolo, 0.15),
    "yolo polygons": ("yolo", yolo_polygon, read_yolo_polygon, 0.15),
    "voc": ("voc", voc, read_voc, 0.6),
    "voc, no whole numbers": ("voc", lambda box, size: voc([float(side) for side in box], size), read_voc, 0.15),
    "labelme": ("labelme", labelme, read_labelme, 0.15),
    "cityscapes": ("cityscapes", cityscapes, read_cityscapes, 0.15),
}


@pytest.mark.parametrize(("turn", "way"), VIEWS, ids=str)
def test_a_box_is_where_the_output_shows_it_in_each_format_orientation_and_fit(turn, way):
    random = np.random.default_rng(turn)
    left, top = random.integers(0, WIDTH - 40), random.integers(0, HEIGHT - 30)
    box = (int(left), int(top), int(left + random.integers(24, 36)), int(top + random.integers(20, 26)))
    seen, view = seen_box(turn, box, way), view_of(turn, way)
    for form, write, read, tolerance in FORMATS.values():
        for on, drawn, size in (("stored", box, STORED), ("upright", upright_box(turn, box), view.upright)):
            found = FORMS[form](write(drawn, size).encode(), view, LabelRules(labels_on=on), "a.png")
            if seen is None:
                assert (found.labels, found.dropped) == (0, 1)
                continue
            assert (found.labels, found.dropped) == (1, 0)
            assert read(found.data.decode(), view.output) == pytest.approx(seen, abs=tolerance), (form, on)


@pytest.mark.parametrize(("form", "write", "read", "tolerance"), FORMATS.values(), ids=FORMATS)
def test_the_stated_size_tells_which_picture_labels_were_drawn_on(form, write, read, tolerance):
    view, box = view_of(6, {"step": 2}), (10, 20, 40, 44)
    for drawn, size in ((box, STORED), (upright_box(6, box), STORED[::-1])):
        if form == "yolo" and size == STORED:
            continue  # it states no size, and so lies on the upright picture
        found = FORMS[form](write(drawn, size).encode(), view, LabelRules(), "a.png")
        assert read(found.data.decode(), view.output) == pytest.approx(seen_box(6, box, {"step": 2}), abs=tolerance)


@pytest.mark.parametrize("form", ["voc", "labelme", "cityscapes"])
def test_a_size_that_contradicts_the_picture_is_an_error_that_names_both(form):
    write = {"voc": voc, "labelme": labelme, "cityscapes": cityscapes}[form]
    with pytest.raises(ImageError, match="640x480 pixels, but it has 90x60") as caught:
        FORMS[form](write((1, 2, 3, 4), (640, 480)).encode(), SAME, LabelRules(), "a.png")
    assert caught.value.code == "label_size"
    with pytest.raises(ImageError, match="90x60 pixels, but it has 60x90 upright"):
        FORMS[form](write((1, 2, 3, 4), STORED).encode(), view_of(6, {"step": 1}), LabelRules("upright"), "a.png")


@pytest.mark.parametrize(("form", "write", "read", "tolerance"), FORMATS.values(), ids=FORMATS)
def test_a_map_that_changes_nothing_changes_no_label(form, write, read, tolerance):  # noqa: ARG001
    source = write((10, 20, 40, 44), STORED).encode()
    found = FORMS[form](source, SAME, LabelRules(), "a.jpg")
    assert (found.labels, found.dropped, found.warning) == (1, 0, None)
    assert found.data == (source.replace(b'"aaaa"', b"null") if form == "labelme" else source)


def test_a_copy_has_the_bytes_of_its_source():
    assert FORMS["copy"](b"\xff a caption\r\n", SAME, LabelRules(), "a.png") == (b"\xff a caption\r\n", 0, 0, None)


VALID = {name: write((10, 20, 40, 44), STORED).encode() for name, (_, write, _, _) in FORMATS.items()}
VALID["voc parts"] = VALID["voc"].replace(
    b"<name>cat</name>",
    b"<name>cat</name><polygon><x1>3</x1><y1>4</y1><x2>30</x2><y2>4</y2><x3>3</x3><y3>50</y3></polygon>"
    b"<robndbox><cx>20</cx><cy>30</cy><w>10</w><h>8</h><angle>0.4</angle></robndbox><point><x>1</x><y>2</y></point>",
)
WORDS = [
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"[]",
    b"{}",
    b"null",
    b"9" * 400,
    b"<x/>",
    b"&a;",
    b'"',
    b"\xff\x00",
    b"0.5",
    b"",
]
PLACES = tuple(view_of(turn, way) for turn in (1, 6) for way in ({"size": (9, 30), "fit": "cover"}, {"step": 3}))


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=60), st.sampled_from(PLACES))
def test_bytes_of_any_kind_are_mapped_or_refused(form, data, view):
    mapped_or_refused(form, data, view)


@given(
    st.sampled_from(sorted(VALID)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from(WORDS)), min_size=1, max_size=3),
    st.sampled_from(PLACES),
)
def test_a_file_that_is_changed_anywhere_is_mapped_or_refused(name, changes, view):
    data = VALID[name]
    for place, length, word in changes:
        at = int(place * len(data))
        data = data[:at] + word + data[at + length :]
    mapped_or_refused(name.partition(" ")[0].rstrip(","), data, view)


def changed(value, path, new):
    """Return a value of JSON in which one of its parts is another one."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[path[0] % len(keys)]
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[key] = changed(value[key], path[1:], new)
    return copied


@given(
    st.sampled_from(["labelme", "cityscapes"]),
    st.lists(st.integers(0, 9), max_size=6),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
    st.sampled_from(PLACES),
)
def test_a_value_of_any_type_anywhere_is_mapped_or_refused(form, path, new, view):
    mapped_or_refused(form, json.dumps(changed(json.loads(VALID[form]), path, new)).encode(), view)


def mapped_or_refused(form, data, view):
    refused = None
    try:
        found = FORMS[form](data, view, LabelRules(), "a.png")
    except ImageError as error:
        refused = error
    if refused:
        assert refused.code in {"label_broken", "label_size"}
        assert len(str(refused)) < 300
    else:
        again = FORMS[form](found.data, view_of(1, {"step": 1}, view.output), LabelRules(), "a.png")
        assert again.labels == found.labels
