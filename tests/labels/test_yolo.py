"""YOLO's text files: each kind of line follows its picture, and everything else stays."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from icsys import Options
from icsys.choices import FITS
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.mapped_file import LabelRules
from icsys.labels.yolo import map_yolo

RULES = LabelRules()
PAD = View.of((200, 100), 1, Options(size=(100, 100), fit="pad"))  # y becomes 0.25 + y / 2
CROP = View.of((200, 100), 1, Options(size=(100, 100), fit="cover"))  # x becomes 2 x - 0.5
KEPT = View.of((200, 100), 1, Options(step=2))


def mapped(text, view=PAD, rules=RULES, **settings):
    found = map_yolo(text.encode(), view, rules, **settings)
    return found.data.decode(), found.labels, found.dropped


def test_a_box_keeps_its_class_and_its_confidence():
    text, *counts = mapped("7 0.5 0.5 0.25 0.5 0.93\n0 0.5 0.1 0.2 0.2\n")
    assert text == "7 0.500000 0.500000 0.250000 0.250000 0.93\n0 0.500000 0.300000 0.200000 0.100000\n"
    assert counts == [2, 0]
    assert mapped("7 0.5 0.5 0.25 0.5 0.93 12\n")[0] == "7 0.500000 0.500000 0.250000 0.250000 0.93 12\n"


def test_a_crop_cuts_boxes_and_drops_those_outside_or_of_too_small_a_share():
    text = "0 0.25 0.5 0.25 0.5\n1 0.1 0.5 0.1 0.5\n2 0.5 0.5 0.25 0.5\n"
    assert mapped(text, CROP) == (
        "0 0.125000 0.500000 0.250000 0.500000\n2 0.500000 0.500000 0.500000 0.500000\n",
        2,
        1,
    )
    assert mapped(text, CROP, LabelRules(min_visibility=0.51))[1:] == (1, 2)


def test_polygons_of_any_number_of_points_are_cut():
    text, *counts = mapped("0 0.1 0.2 0.4 0.2 0.4 0.6\n1 0.5 0.1 0.6 0.1 0.6 0.2 0.5 0.3 0.45 0.2\n", CROP)
    assert counts == [2, 0]
    first, second = (np.array(line.split()[1:], float).reshape(-1, 2) for line in text.splitlines())
    assert first == pytest.approx(np.array([(0, 0.2), (0.3, 0.2), (0.3, 0.6), (0, 0.4)])[[3, 0, 1, 2]], abs=1e-6)
    assert second == pytest.approx(np.array([(0.5, 0.1), (0.7, 0.1), (0.7, 0.2), (0.5, 0.3), (0.4, 0.2)]), abs=1e-6)


def test_predicted_polygons_keep_their_confidence():
    assert mapped("0 0 0 1 0 1 1 0.5\n")[0] == "0 0.000000 0.250000 1.000000 0.250000 1.000000 0.750000 0.5\n"


def test_keypoints_follow_and_those_outside_become_zeros():
    person = "0 0.5 0.5 0.4 0.4 0.2 0.5 2 0.5 0.4 1 0 0 0 0.55 0.6 2\n"
    assert mapped(person, CROP)[0] == (
        "0 0.500000 0.500000 0.800000 0.400000 0 0 0 0.500000 0.400000 1 0 0 0 0.600000 0.600000 2\n"
    )
    assert mapped("0 0.05 0.5 0.1 0.4 0.05 0.5 2\n", CROP) == ("", 0, 1)


def test_keypoints_without_a_place_stay_without_one_in_every_orientation():
    view = View.of((200, 100), 6, Options(size=(50, 50), fit="pad"))
    assert map_yolo(b"0 0.5 0.5 0.4 0.4 0 0 0 0.5 0.5 2", view, RULES).data.split()[5:8] == [b"0"] * 3


def test_keypoints_of_two_values_are_told_by_their_shape_and_doubted_without_it():
    tiger = "0 0.5 0.5 0.4 0.4 0.4 0.5 0.5 0.4 0 0 0.65 0.62\n"
    assert mapped(tiger, keypoint_values=2)[0] == (
        "0 0.500000 0.500000 0.400000 0.200000 0.400000 0.500000 0.500000 0.450000 0 0 0.650000 0.560000\n"
    )
    found = map_yolo(tiger.encode(), PAD, RULES)
    assert "kpt_shape" in found.warning
    assert map_yolo(tiger.encode(), KEPT, RULES).warning is None
    polygons = b"0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.05 0.1\n"
    assert map_yolo(polygons, PAD, RULES).warning is None


def test_oriented_boxes_keep_four_corners_when_they_are_cut():
    text, *counts = mapped("0 0.2 0.4 0.4 0.1 0.5 0.3 0.3 0.6 0.8\n", CROP)
    assert counts == [1, 0]
    assert len(text.split()) == 10
    assert text.endswith(" 0.8\n")
    first, second, third, fourth = np.array(text.split()[1:9], float).reshape(4, 2)
    assert first + third == pytest.approx(second + fourth, abs=1e-5)
    assert min(first[0], fourth[0]) < 0  # a corner of the smallest box along the same axes


def test_other_four_points_are_polygons():
    text, *_ = mapped("0 0.2 0.4 0.4 0.1 0.5 0.3 0.3 0.9\n", CROP)
    assert len(text.split()) == 11


def test_a_file_whose_values_stay_is_returned_as_it_is():
    source = b"\xef\xbb\xbf# classes\r\n\r\n 3  .5 0.5 1.02 2.5e-1   # a cat\r\n"
    for view in (KEPT, View.of((200, 100), 1, Options(size=(33, 77), fit="stretch"))):
        assert map_yolo(source, view, RULES) == (source, 1, 0, None)


def test_blank_lines_comments_and_line_ends_stay():
    source = b"\xef\xbb\xbf# caf\xff\r\n\r\n3 .5 0.5 1 1 # a cat\n\t\n4 0.5 0.5 0 0.5"
    expected = (
        b"\xef\xbb\xbf# caf\xff\r\n\r\n3 0.500000 0.500000 1.000000 0.500000 # a cat\n\t\n"
        b"4 0.500000 0.500000 0.000000 0.250000"
    )
    assert map_yolo(source, PAD, RULES).data == expected
    assert map_yolo(b"", PAD, RULES) == (b"", 0, 0, None)
    assert map_yolo(b"\xef\xbb\xbf1 0.5 0.5 1 1", PAD, RULES).data.startswith(b"\xef\xbb\xbf1 0.5")


def test_values_lie_within_the_output_where_a_source_exceeds_its_picture():
    view, stored = View.of((200, 100), 3, Options(step=2)), LabelRules("stored")
    assert mapped("0 0.02 0.5 0.1 1\n", view, stored)[0] == "0 0.965000 0.500000 0.070000 1.000000\n"
    assert mapped("0 -0.1 0 0.5 0 0.5 0.5 0.3 0.9\n", view, stored)[0].split()[1] == "1.000000"
    assert mapped("0 1.5 0.5 0.1 1\n", view, stored) == ("", 0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.1 0.1\n0 0.5 0.5\n", "line 2: expected a class and at least four numbers, not 3 values"),
        ("cat 0.5 0.5 0.1 0.1\n", "line 1: expected a number, not 'cat'"),
        ("0.5 0.5 0.5 0.1 0.1\n", "line 1: expected the number of a class first, not 0.5"),
        ("-1 0.5 0.5 0.1 0.1\n", "line 1: expected the number of a class first, not -1"),
        ("0 0.5 nan 0.1 0.1\n", "line 1: expected a number, not 'nan'"),
        ("\n0 320 240 20 20\n", "line 2: expected shares of width and height from 0 to 1, not 320"),
        ("0 0.5 0.5 -0.1 0.2\n", "line 1: expected a width and a height of at least 0"),
        ("0 0.5 0.5 0.1 " + "1" * 5000, "expected a number, not '" + "1" * 40 + "'"),
    ],
)
def test_what_is_no_line_of_yolo_is_an_error_with_its_line(text, message):
    with pytest.raises(ImageError, match=message.replace("(", r"\(")) as caught:
        map_yolo(text.encode(), KEPT, RULES)
    assert caught.value.code == "label_broken"


@given(
    st.integers(1, 8),
    st.tuples(st.integers(2, 300), st.integers(2, 300)),
    st.sampled_from(FITS),
    st.tuples(st.integers(1, 40_000), st.integers(1, 40_000)),
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
@example(6, (2, 77), "contain", (179, 5), [0.0] * 6)  # on the edge, and by a rounding beyond it
def test_written_numbers_are_within_a_hundredth_of_a_pixel(turn, stored, fit, size, values):
    view = View.of(stored, turn, Options(size=size, fit=fit, enlarge=True))
    line = " ".join(["0", *map(repr, values)]).encode()
    found = map_yolo(line, view, LabelRules("stored")).data.split()[1:]
    if fit != "cover":
        expected = view.map(np.reshape(values, (-1, 2)) * stored, "stored")
        assert np.reshape(found, (-1, 2)).astype(float) * view.output == pytest.approx(expected, abs=0.01)
