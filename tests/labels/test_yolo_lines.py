"""The kind of YOLO's lines is told by their values."""

import pytest

from icsys.errors import ImageError
from icsys.labels.yolo_lines import BOXES, KEYPOINTS, ORIENTED, POLYGONS, line_kind, may_be_keypoints, read_yolo

BOX = "0 0.5 0.5 0.2 0.2"
SEEN = " ".join(f"0.5 0.5 {visibility}" for visibility in (2, 1, 0))
CORNERS = "0 0.2 0.4 0.4 0.1 0.5 0.3 0.3 0.6"


@pytest.mark.parametrize(
    ("text", "name", "extras"),
    [
        ("", BOXES, []),
        (BOX, BOXES, [0]),
        (f"{BOX}\n{BOX} 0.9", BOXES, [0, 1]),
        (f"{BOX} 0.9 14", BOXES, [2]),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", POLYGONS, [0]),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.8", POLYGONS, [1]),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.8 5", POLYGONS, [2]),
        (f"0 0.1 0.1 0.2 0.1 0.2 0.2\n{BOX}", POLYGONS, [0, 0]),
        (CORNERS, ORIENTED, [0]),
        (f"{CORNERS} 0.7", ORIENTED, [1]),
        (f"{CORNERS}\n0 0.1 0.1 0.2 0.1 0.2 0.2", POLYGONS, [0, 0]),
        ("0 0.2 0.4 0.4 0.1 0.5 0.3 0.3 0.9", POLYGONS, [0]),
        (f"{BOX} {SEEN}", KEYPOINTS, [0]),
        (f"{BOX} {SEEN}\n1 0.5 0.5 0.1 0.1 {SEEN}", KEYPOINTS, [0, 0]),
        (f"{BOX} {' '.join(['0.5 0.5 2'] * 17)}", KEYPOINTS, [0]),
        (f"{BOX} 0.5 0.5 1", KEYPOINTS, [0]),
        (f"{BOX} 0.9 0.5 2", KEYPOINTS, [0]),
        (f"{BOX} 0.9 0.5 1", POLYGONS, [1]),  # outside the box: three points and a confidence
        ("0 0.3 1 0.2 0.8 0.1 0.7 0 0.6 0 1 1", POLYGONS, [1]),
        (f"{BOX} 0.5 0.5 2\n{BOX} 0.5 0.5 2 0.4 0.4 2", POLYGONS, None),
    ],
)
def test_the_values_of_all_lines_tell_their_kind(text, name, extras):
    lines = read_yolo(text.encode())
    if extras is None:
        with pytest.raises(ImageError, match="expected shares"):
            line_kind(lines)
        return
    kind = line_kind(lines)
    assert kind.name == name
    assert [kind.extras(line) for line in lines] == extras


def test_the_number_of_values_of_a_keypoint_decides_where_it_is_known():
    (line,) = lines = read_yolo(b"0 0.5 0.5 0.2 0.2 0.45 0.5 0.5 0.45 0.55 0.55 0.9")
    assert line_kind(lines, 2) == (KEYPOINTS, 2)
    assert line_kind(lines, 2).extras(line) == 1
    assert line_kind(lines, 3).extras(line) == 1
    assert line_kind(read_yolo(BOX.encode()), 2).name == BOXES


def test_polygons_that_look_like_boxes_with_keypoints_are_doubted():
    def doubted(text):
        lines = read_yolo(text)
        return may_be_keypoints(lines, line_kind(lines))

    assert doubted(b"0 0.5 0.5 0.2 0.2 0.45 0.42 0.5 0.45 0.55 0.55")
    assert not doubted(b"0 0.5 0.5 0.2 0.2 0.45 0.42 0.5 0.45 0.75 0.55")
    assert not doubted(b"0 0.5 0.5 0.2 0.2 0.45 0.42 0.5 0.45 0.55 0.55\n0 0.1 0.1 0.2 0.1 0.2 0.2")
    assert not doubted(b"0 0.5 0.5 0.2 0.2 0.49 0.49 0.5 0.49 0.51 0.5")
    assert not doubted(b"")
