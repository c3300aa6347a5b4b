"""Pascal VOC: pixels counted from 1 stay so, everything else in the file stays as it is."""

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.mapped_file import LabelRules
from icsys.labels.voc import map_voc

HALF = View.of((200, 100), 1, Options(step=2))
CROP = View.of((200, 100), 1, Options(size=(100, 100), fit="cover"))  # x of 50 to 150
SAME = View.of((200, 100), 1, Options(step=1))
PERSON = """<?xml version="1.0"?>
<annotation>
  <folder>VOC2012</folder>
  <filename>2007_000027.jpg</filename>
  <path>/home/a/JPEGImages/2007_000027.jpg</path>
  <!-- drawn by hand -->
  <size>
    <width>200</width>
    <height>100</height>
    <depth>3</depth>
  </size>
  <segmented>0</segmented>
  <object>
    <name>person &amp; dög</name>
    <pose>Left</pose>
    <truncated>0</truncated>
    <difficult/>
    <bndbox>
      <xmax>120</xmax>
      <xmin>41</xmin>
      <ymin>1</ymin>
      <ymax>100</ymax>
    </bndbox>
    <part>
      <name>head</name>
      <bndbox>
        <xmin>45</xmin>
        <ymin>11</ymin>
        <xmax>50</xmax>
        <ymax>20</ymax>
      </bndbox>
    </part>
    <part>
      <name>foot</name>
      <bndbox>
        <xmin>61</xmin>
        <ymin>81</ymin>
        <xmax>80</xmax>
        <ymax>100</ymax>
      </bndbox>
    </part>
    <point>
      <x>101</x>
      <y>51</y>
    </point>
    <attributes id="7"><mood>calm</mood></attributes>
  </object>
  <object>
    <name>cat</name>
    <truncated>0</truncated>
    <bndbox>
      <xmin>1</xmin>
      <ymin>1</ymin>
      <xmax>50</xmax>
      <ymax>100</ymax>
    </bndbox>
  </object>
</annotation>
"""


def mapped(text, view=HALF, rules=None):
    return map_voc(text.encode(), view, rules or LabelRules(), "2007_000027.png")


def one_object(inside, size=(200, 100)):
    return (
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
        f"<object><name>cat</name><truncated>0</truncated>{inside}</object></annotation>"
    )


def box_text(*sides):
    names = ("xmin", "ymin", "xmax", "ymax")
    return f"<bndbox>{''.join(f'<{n}>{s}</{n}>' for n, s in zip(names, sides, strict=True))}</bndbox>"


def numbers(data, path):
    return [float(one.text) for one in ET.fromstring(data).find(path)]  # noqa: S314 - ours


def test_only_places_sizes_and_names_change():
    found = mapped(PERSON)
    text, number = found.data.decode(), re.compile(r">(\d+)<")
    source = (
        PERSON.replace('"1.0"', '"1.0" encoding="utf-8"')
        .replace(".jpg", ".png")
        .replace("<difficult/>", "<difficult />")
    )
    assert number.sub("><", text) == number.sub("><", source)
    values = [int(value) for value in number.findall(text)]
    head, foot, point, cat = [23, 6, 25, 10], [31, 41, 40, 50], [51, 26], [1, 1, 25, 50]
    assert values == [100, 50, 3, 0, 0, 60, 21, 1, 50, *head, *foot, *point, 0, *cat]
    assert (found.labels, found.dropped) == (2, 0)


def test_a_crop_drops_objects_and_parts_and_marks_what_it_cuts():
    found = mapped(PERSON, CROP)
    text = found.data.decode()
    assert (found.labels, found.dropped) == (1, 1)
    assert "cat<" not in text
    assert "head" not in text
    assert "<truncated>1</truncated>" in text
    assert numbers(found.data, "object/bndbox") == [70, 1, 1, 100]
    assert numbers(found.data, "object/part/bndbox") == [11, 81, 30, 100]
    assert text.endswith("  </object>\n</annotation>\n")
    assert re.search(r"</bndbox>\n    <part>\n      <name>foot", text)


def test_what_is_not_cut_is_not_marked():
    assert "<truncated>0</truncated>" in mapped(one_object(box_text(51, 1, 150, 100)), CROP).data.decode()
    assert "<truncated>1</truncated>" in mapped(one_object(box_text(50, 1, 150, 100)), CROP).data.decode()


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 8), st.sampled_from([20, 23, 70, 190, 450]))
def test_a_box_of_whole_pixels_is_within_half_a_pixel(one, other, turn, width):
    first, last = sorted([one, other])
    view = View.of((200, 100), turn, Options(size=(width, width), fit="stretch", enlarge=True))
    text = one_object(box_text(first, 3, last, 98))
    data = map_voc(text.encode(), view, LabelRules("stored"), "a.png").data
    left, right = sorted(view.map(np.array([(first - 1, 2), (last, 98)], float), "stored")[:, int(turn > 4)])
    xmin, ymin, xmax, ymax = numbers(data, "object/bndbox")
    low, high = (ymin, ymax) if turn > 4 else (xmin, xmax)
    assert 1 <= low <= high <= width
    if right - left >= 1:
        assert (low - 1, high) == pytest.approx((left, right), abs=0.50001)
    else:
        assert low - 1 - 0.5 <= left < right <= high + 0.5


def test_a_box_smaller_than_a_pixel_is_one_pixel():
    view = View.of((200, 100), 1, Options(step=10))
    assert numbers(mapped(one_object(box_text(33, 36, 34, 37)), view).data, "object/bndbox") == [4, 4, 4, 4]
    assert numbers(mapped(one_object(box_text(200, 100, 200, 100)), view).data, "object/bndbox") == [20, 10, 20, 10]


def test_fractions_stay_fractions():
    assert numbers(mapped(one_object(box_text("41.5", 1, 120, 99))).data, "object/bndbox") == [21.25, 1, 60, 49.5]


def test_polygons_of_both_spellings_are_cut():
    flat = "<polygon>\n<x1>11</x1>\n<y1>21</y1>\n<x2>91</x2>\n<y2>21</y2>\n<x3>91</x3>\n<y3>81</y3>\n</polygon>"
    nested = "<polygon><pt><x>11</x><y>21</y></pt><pt><x>91</x><y>21</y></pt><pt><x>91</x><y>81</y></pt></polygon>"
    assert numbers(mapped(one_object(flat)).data, "object/polygon") == [6, 11, 46, 11, 46, 41]
    data = mapped(one_object(flat), CROP).data
    assert re.findall(rb"<([xy]\d)>", data) == [b"x1", b"y1", b"x2", b"y2", b"x3", b"y3", b"x4", b"y4"]
    values = np.reshape(numbers(data, "object/polygon"), (-1, 2))
    data = mapped(one_object(nested), CROP).data
    points = [[float(one.findtext(name)) for name in "xy"] for one in ET.fromstring(data).iter("pt")]  # noqa: S314 - ours
    assert points == values.tolist()
    assert sorted(points) == [[1, 21], [1, 51], [41, 21], [41, 81]]


def test_an_oriented_box_turns_with_its_picture():
    box = "<robndbox><cx>60</cx><cy>40</cy><w>40</w><h>20</h><angle>0.3</angle></robndbox>"
    view = View.of((200, 100), 6, Options(step=2))
    values = numbers(map_voc(one_object(box).encode(), view, LabelRules(), "a.png").data, "object/robndbox")
    assert values == pytest.approx([(100 - 40) / 2, 60 / 2, 20, 10, 0.3 + math.pi / 2], abs=1e-4)
    steep = one_object(box.replace("0.3", "2.5")).encode()
    values = numbers(map_voc(steep, view, LabelRules(), "a.png").data, "object/robndbox")
    assert values[4] == pytest.approx(2.5 - math.pi / 2, abs=1e-4)
    view = View.of((200, 100), 2, Options(step=2))
    values = numbers(map_voc(one_object(box).encode(), view, LabelRules("stored"), "a.png").data, "object/robndbox")
    assert values == pytest.approx([(200 - 60) / 2, 20, 20, 10, math.pi - 0.3], abs=1e-4)


def test_an_oriented_box_that_is_stretched_keeps_its_middle_and_area_and_is_told():
    box = "<robndbox><cx>60</cx><cy>40</cy><w>40</w><h>20</h><angle>0.3</angle></robndbox>"
    view = View.of((200, 100), 1, Options(size=(50, 100), fit="stretch"))
    found = map_voc(one_object(box).encode(), view, LabelRules(), "a.png")
    x, y, width, height, angle = numbers(found.data, "object/robndbox")
    along, across = (
        np.array([10 * math.cos(0.3), 40 * math.sin(0.3)]),
        np.array([-5 * math.sin(0.3), 20 * math.cos(0.3)]),
    )
    assert (x, y, width * height) == pytest.approx((15, 40, abs(along[0] * across[1] - along[1] * across[0])), abs=0.01)
    assert math.tan(angle) * (across[1] / across[0]) == pytest.approx(-1, rel=1e-3)
    assert found.warning == "oriented boxes are slanted by the stretch: the nearest boxes with right angles are written"
    assert map_voc(one_object(box).encode(), HALF, LabelRules(), "a.png").warning is None


def test_a_point_outside_is_left_out_and_its_object_stays():
    data = mapped(one_object(box_text(51, 1, 99, 99) + "<point><x>30</x><y>3</y></point>"), CROP).data
    assert b"<point>" not in data
    assert b"<name>cat" in data


def test_a_size_of_zero_is_none_and_a_file_without_objects_is_kept():
    found = mapped(one_object(box_text(1, 1, 2, 2), (0, 0)))
    assert b"<width>100</width><height>50</height>" in found.data
    assert mapped("<annotation/>") == (b"<annotation/>", 0, 0, None)
    assert mapped("<annotation><object><name>a</name></object></annotation>", CROP).labels == 1


def test_nothing_is_written_anew_where_nothing_changes():
    source = PERSON.replace(".jpg", ".png").replace("\n", "\r\n").encode("utf-8-sig")
    assert map_voc(source, SAME, LabelRules(), "2007_000027.png") == (source, 2, 0, None)


def test_line_ends_and_other_encodings_are_read():
    found = map_voc(PERSON.replace("\n", "\r\n").encode(), HALF, LabelRules(), "a.png").data
    assert found.count(b"\r\n") == found.count(b"\n") == PERSON.count("\n")
    latin = PERSON.replace('"1.0"', '"1.0" encoding="latin-1"').encode("latin-1")
    assert "person &amp; dög" in map_voc(latin, HALF, LabelRules(), "a.png").data.decode()
    assert "dög" in map_voc(PERSON.encode("utf-16"), HALF, LabelRules(), "a.png").data.decode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation>\n<object>", "line 2: no valid XML"),
        ("", "line 1: no valid XML"),
        ("<html></html>", "line 1: expected <annotation>, not <html>"),
        (f"\n{one_object(box_text(1, 'a', 2, 2))}", "line 2: expected a number in <ymin>, not 'a'"),
        (one_object("\n<bndbox><xmin>1</xmin></bndbox>"), "line 2: expected <ymin> in <bndbox>"),
        (one_object("<polygon><x1>1</x1></polygon>"), "expected points in <polygon>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "without entities"),
        ("<annotation>" + "<a>" * 200, "nested too deeply"),
        ('<?xml version="1.0" encoding="gb2312"?><annotation/>', "no valid XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "no valid XML"),
    ],
)
def test_what_is_no_file_of_voc_is_an_error_with_its_line(text, message):
    with pytest.raises(ImageError, match=message) as caught:
        mapped(text)
    assert caught.value.code == "label_broken"


def test_a_file_that_would_fill_the_memory_is_refused():
    with pytest.raises(ImageError) as caught:
        mapped("<annotation>" + " " * 2**24)
    assert caught.value.code == "too_large"
