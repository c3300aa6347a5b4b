"""LabelMe: shapes of every type follow their picture, everything else in the file stays as it is."""

import base64
import io
import json
import math

import numpy as np
import pytest
from PIL import Image

from icsys import Options
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.labelme import map_labelme
from icsys.labels.mapped_file import LabelRules
from icsys.labels.shapes import polygon_area
from label_pictures import VIEWS, view_of

TRANSPOSES = dict(
    zip(
        range(2, 9),
        (
            *(Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM),
            *(Image.Transpose.TRANSPOSE, Image.Transpose.ROTATE_270, Image.Transpose.TRANSVERSE),
            Image.Transpose.ROTATE_90,
        ),
        strict=True,
    )
)
HALF = View.of((200, 100), 1, Options(step=2))
CROP = View.of((200, 100), 1, Options(size=(100, 100), fit="cover"))  # x of 50 to 150
STRETCH = View.of((200, 100), 1, Options(size=(100, 100), fit="stretch"))


def document(*shapes, **fields):
    return {
        "version": "5.4.1",
        "flags": {"night": True},
        "shapes": [{"label": "cat", "group_id": None, "description": "", "flags": {}, **shape} for shape in shapes],
        "imagePath": "../photos/a.jpg",
        "imageData": "QUJD",
        "imageHeight": 100,
        "imageWidth": 200,
        **fields,
    }


def mapped(*shapes, view=HALF, rules=None, **fields):
    """Map shapes; return those that are left, and the file."""
    found = map_labelme(json.dumps(document(*shapes, **fields)).encode(), view, rules or LabelRules(), "a.png")
    return json.loads(found.data)["shapes"], found


def shape(kind, *points, **fields):
    return {"points": [list(map(float, point)) for point in points], "shape_type": kind, **fields}


def points_of(shapes):
    return [one["points"] for one in shapes]


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def pixels_of(one):
    return np.array(Image.open(io.BytesIO(base64.b64decode(one["mask"])))) > 0


def test_only_places_sizes_and_names_change_and_the_copy_of_the_source_goes():
    source = document(shape("polygon", (10, 20), (30, 20), (30, 41)), shape("rectangle", (9, 9), (2, 3)), other=[1, {}])
    for indent in (2, 4, None):
        text = json.dumps(source, indent=indent, ensure_ascii=False)
        found = map_labelme(text.encode(), HALF, LabelRules(), "a.png")
        expected = source | {"imagePath": "../photos/a.png", "imageData": None, "imageHeight": 50, "imageWidth": 100}
        expected["shapes"] = [
            one | {"points": points}
            for one, points in zip(
                source["shapes"],
                ([[5.0, 10.0], [15.0, 10.0], [15.0, 20.5]], [[1.0, 1.5], [4.5, 4.5]]),
                strict=True,
            )
        ]
        assert found == (json.dumps(expected, indent=indent, ensure_ascii=False).encode(), 2, 0, None)


def test_a_crop_cuts_and_drops():
    inside, across, outside = (shape("polygon", (x, 0), (x + 20, 0), (x + 20, 20)) for x in (60, 40, 10))
    shapes, found = mapped(inside, across, outside, view=CROP)
    assert (found.labels, found.dropped) == (2, 1)
    assert points_of(shapes)[0] == [[10, 0], [30, 0], [30, 20]]
    assert polygon_area(np.array(points_of(shapes)[1])) == 150
    shapes, found = mapped(inside, across, outside, view=CROP, rules=LabelRules(min_visibility=0.8))
    assert (found.labels, found.dropped) == (1, 2)


def test_lines_and_points_are_cut():
    strip = shape("linestrip", (40, 10), (60, 10), (60, 20), (40, 20), group_id=7)
    line = shape("line", (0, 50), (200, 50))
    shapes, found = mapped(strip, line, shape("point", (60, 1)), shape("point", (9, 1)), view=CROP)
    assert points_of(shapes) == [[[0, 10], [10, 10], [10, 20], [0, 20]], [[0, 50], [100, 50]], [[10, 1]]]
    assert (found.labels, found.dropped) == (3, 1)
    shapes, found = mapped(shape("linestrip", (60, 10), (40, 10), (40, 20), (60, 20), group_id=7), view=CROP)
    assert points_of(shapes) == [[[10, 10], [0, 10]], [[0, 20], [10, 20]]]
    assert [one["group_id"] for one in shapes] == [7, 7]
    assert points_of(mapped(shape("points", (60, 1), (9, 1), (70, 2)), view=CROP)[0]) == [[[10, 1], [20, 2]]]


def test_a_circle_stays_one_until_it_is_cut_or_stretched():
    circle = shape("circle", (100, 50), (110, 50))
    assert mapped(circle)[0][0]["points"] == [[50, 25], [55, 25]]
    for view, area in ((STRETCH, math.pi * 100 / 2), (CROP, math.pi * 100 / 2)):
        one = circle if view is STRETCH else shape("circle", (50, 50), (60, 50))
        (found,), _ = mapped(one, view=view)
        assert found["shape_type"] == "polygon"
        assert polygon_area(np.array(found["points"])) == pytest.approx(area, rel=0.01)
    assert mapped(shape("circle", (10, 50), (20, 50)), view=CROP)[0] == []


def test_an_oriented_box_keeps_its_direction_relative_to_its_sides():
    box = shape("rotation", (50, 40), (90, 10), (108, 34), (68, 64), direction=math.atan2(-30, 40) % (2 * math.pi))
    view = View.of((200, 100), 6, Options(step=1))
    (found,), _ = mapped(box, view=view, rules=LabelRules("stored"))
    x, y = np.subtract(found["points"][1], found["points"][0])
    assert found["points"] == [[60, 50], [90, 90], [66, 108], [36, 68]]
    assert found["direction"] == pytest.approx(math.atan2(y, x), abs=1e-4)


@pytest.mark.parametrize(("turn", "way"), VIEWS, ids=str)
def test_a_mask_has_the_pixels_at_the_centres_of_output_pixels(turn, way):
    view, random = view_of(turn, way), np.random.default_rng(turn)
    pixels = np.kron(random.integers(0, 2, (5, 7)), np.ones((6, 8), int)) > 0
    source = np.zeros((60, 90), bool)
    source[20:50, 18:74] = pixels
    document_size = {"imageHeight": 60, "imageWidth": 90}
    one = shape("mask", (18, 20), (73, 49), mask=png(pixels))
    found, _ = mapped(one, view=view, rules=LabelRules("stored"), **document_size)
    canvas = np.zeros(view.output[::-1], bool)
    for mask in found:
        (left, top), (right, bottom) = np.array(mask["points"], int)
        canvas[top : bottom + 1, left : right + 1] = pixels_of(mask)
    matrix = np.linalg.inv(np.vstack([view.matrix("upright"), (0, 0, 1)]))
    upright = np.array(Image.fromarray(source).transpose(TRANSPOSES[turn]) if turn > 1 else source)
    x0, y0, x1, y1 = view.rectangle
    row, column = np.indices(canvas.shape) + 0.5
    x, y, _ = np.einsum("ij,jhw->ihw", matrix, np.stack([column, row, np.ones_like(row)]))
    last_row, last_column = np.array(upright.shape) - 1  # the last blocks are shorter
    places = np.clip((y + 1e-9).astype(int), 0, last_row), np.clip((x + 1e-9).astype(int), 0, last_column)
    expected = upright[places] & (x0 <= column) & (column < x1) & (y0 <= row) & (row < y1)
    assert (canvas == expected).all()
    assert found


def test_a_mask_that_is_smaller_than_a_pixel_stays_a_pixel_and_one_outside_goes():
    view = View.of((200, 100), 1, Options(step=20))
    one = shape("mask", (61, 42), (62, 43), mask=png(np.ones((2, 2))))
    (found,), _ = mapped(one, view=view)
    assert found["points"] == [[3, 2], [3, 2]]
    assert pixels_of(found).tolist() == [[True]]
    assert mapped(shape("mask", (1, 1), (2, 2), mask=png(np.ones((2, 2)))), view=CROP)[0] == []
    assert mapped(shape("mask", (1, 1), (2, 2), mask=png(np.zeros((2, 2)))))[0] == []
    half = shape("mask", (40, 1), (59, 2), mask=png(np.ones((2, 20))))
    assert mapped(half, view=CROP, rules=LabelRules(min_visibility=0.6))[0] == []
    assert mapped(half, view=CROP)[0][0]["points"] == [[0, 1], [9, 2]]


def test_a_shape_of_an_unknown_type_is_moved_and_told():
    shapes, found = mapped(shape("cuboid", (40, 10), (90, 10), (90, 50)), view=CROP)
    assert points_of(shapes) == [[[-10, 10], [40, 10], [40, 50]]]
    assert found.warning == "shapes of type 'cuboid' are moved, and not cut"
    assert mapped(shape("cuboid", (40, 10), (90, 10), (90, 50)))[1].warning is None


def test_a_file_without_a_size_lies_on_the_upright_picture():
    shapes, found = mapped(shape("point", (4, 2)), imageHeight=None, imageWidth=None)
    assert points_of(shapes) == [[[2, 1]]]
    assert json.loads(found.data)["imageWidth"] == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shapes": None}, "shapes: expected a list, not None"),
        ({"shapes": [3]}, r"shapes\[0\]: expected an object, not 3"),
        ({"shapes": [{"points": []}]}, r"shapes\[0\].points: expected a list of points"),
        ({"shapes": [{"points": [[1, 2], [3, "a"]]}]}, r"shapes\[0\].points\[1\]: expected two numbers"),
        ({"shapes": [{"points": [[1, 2], [3, math.inf]]}]}, r"points\[1\]: expected two numbers"),
        ({"shapes": [{"points": [[1, 2], [3, True]]}]}, r"points\[1\]: expected two numbers"),
        ({"shapes": [shape("mask", (1, 1), (2, 2), mask=png(np.ones((2, 3))))]}, "expected a PNG of 2x2 pixels"),
        ({"shapes": [shape("mask", (1, 1), (2, 2), mask="é")]}, "expected a PNG of 2x2 pixels"),
        ({"shapes": [shape("mask", (1, 1), (2, 2), mask=png(np.ones((2, 2)))[:60])]}, "a mask: "),
        ({"shapes": [shape("mask", (1, 1), (2e8, 2e8), mask="")]}, "expected no more than its image"),
        ({"shapes": [shape("mask", (1, 1))]}, "a mask has 1 points: expected two corners"),
    ],
)
def test_what_is_no_file_of_labelme_is_an_error_with_its_place(change, message):
    with pytest.raises(ImageError, match=message) as caught:
        map_labelme(json.dumps(document() | change).encode(), HALF, LabelRules(), "a.png")
    assert caught.value.code == "label_broken"
