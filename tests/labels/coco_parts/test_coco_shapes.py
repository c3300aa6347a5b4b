import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_files import one_annotation
from icsys import Options
from icsys.image.view import View
from icsys.labels.coco_parts.coco_shapes import unmapped_keys
from icsys.labels.mapped_file import LabelRules

coco_mask = pytest.importorskip("pycocotools.mask", reason="needs pycocotools")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

views = st.builds(
    lambda width, height, turn, settings: View.of((width, height), turn, Options(**settings)),
    st.integers(30, 200),
    st.integers(30, 200),
    st.integers(1, 8),
    st.sampled_from(
        [
            {"step": 3},
            {"scale": 0.5},
            {"size": (40, 30)},
            {"size": (40, 30), "fit": "cover"},
            {"size": (50, 50), "fit": "pad"},
            {"size": (33, 20), "fit": "stretch"},
        ]
    ),
)
shares = st.floats(0.0, 1.0)
sides = st.sampled_from(["upright", "stored"])


def size_of(view, on):
    return np.array(view.upright if on == "upright" else view.stored, float)


def painted(size, polygon):
    """Paint a polygon twenty times larger, and return the mask, shape (20 H, 20 W)."""
    width, height = size
    runs = coco_mask.frPyObjects([(np.array(polygon) * 20).ravel().tolist()], int(height) * 20, int(width) * 20)
    return coco_mask.decode(runs)[..., 0]


@given(views, sides, st.tuples(shares, shares, shares, shares))
def test_a_box_is_where_the_warped_picture_shows_it(view, on, corners):
    """Every point of a fine grid is in the box before if it is, warped, in the box after, and on the canvas."""
    width, height = size_of(view, on)
    x0, x1 = sorted((corners[0] * width, corners[1] * width))
    y0, y1 = sorted((corners[2] * height, corners[3] * height))
    found = one_annotation(view, {"bbox": [x0, y0, x1 - x0, y1 - y0]}, on=on, rules=LabelRules(on))
    grid = np.stack(np.meshgrid(np.linspace(0, width, 23), np.linspace(0, height, 23)), -1).reshape(-1, 2)
    before = ((grid > (x0, y0)) & (grid < (x1, y1))).all(1)
    mapped = view.map(grid, on)
    left, top, right, bottom = view.rectangle
    shown = ((mapped >= (left, top)) & (mapped <= (right, bottom))).all(1)
    if found is None:
        assert not (before & shown).any()
        return
    x, y, w, h = found["bbox"]
    assert min(x - left, y - top, right - x - w, bottom - y - h) > -0.003
    after = ((mapped >= np.array((x, y)) - 0.002) & (mapped <= np.array((x + w, y + h)) + 0.002)).all(1)
    assert after[before & shown].all()
    well_inside = ((mapped > np.array((x, y)) + 0.002) & (mapped < np.array((x + w, y + h)) - 0.002)).all(1)
    on_edge = (np.abs(grid - (x0, y0)) < 1e-6).any(1) | (np.abs(grid - (x1, y1)) < 1e-6).any(1)
    assert before[well_inside & ~on_edge].all()


@given(views, sides, st.lists(st.tuples(shares, shares), min_size=3, max_size=6))
def test_points_of_polygons_and_keypoints_go_where_the_view_maps_them(view, on, points):
    points = np.array(points) * size_of(view, on)
    keypoints = [number for x, y in points for number in (x, y, 2)]
    found = one_annotation(
        view,
        {"segmentation": [points.ravel().tolist()], "keypoints": keypoints, "num_keypoints": 9},
        LabelRules(on),
        on,
    )
    if found is None:
        return
    mapped = view.map(points, on)
    left, top, right, bottom = view.rectangle
    shown = ((mapped >= (left, top)) & (mapped <= (right, bottom))).all(1)
    near = (np.abs(mapped[:, [0, 0, 1, 1]] - (left, right, top, bottom)) < 1e-3).any(1)
    kept = np.array(found["keypoints"]).reshape(-1, 3)
    for place, is_shown, is_near, one in zip(mapped, shown, near, kept, strict=True):
        if is_near:
            continue
        assert np.abs(one - ([*place, 2] if is_shown else 0)).max() < 0.002
    assert found["num_keypoints"] == sum(kept[:, 2] > 0)
    if shown.all():
        assert np.abs(np.array(found["segmentation"][0]).reshape(-1, 2) - mapped).max() < 0.002


@pytest.mark.parametrize("seed", range(4))
def test_a_polygon_that_is_cropped_covers_what_its_paint_covers(seed):
    random = np.random.default_rng(seed)
    view = View.of((60, 30), 1, Options(size=(20, 20), fit="cover"))
    polygon = random.uniform(0, 1, (5, 2)) * (60, 30)
    angle = np.arctan2(*(polygon - polygon.mean(0)).T)
    polygon = polygon[np.argsort(angle)]
    area = float(coco_mask.area(coco_mask.encode(np.asfortranarray(painted((60, 30), polygon))))) / 400
    found = one_annotation(view, {"segmentation": [polygon.ravel().tolist()], "area": area})
    expected = painted((60, 30), polygon)[:, 15 * 20 : 45 * 20]
    after = painted((20, 20), np.array(found["segmentation"][0]).reshape(-1, 2))
    again = np.kron(after, np.ones((3, 3)))[::2, ::2]
    assert (again != expected).mean() < 0.01
    assert found["area"] == pytest.approx(after.sum() / 400, rel=0.02)


def test_areas_scale_with_the_picture():
    view = View.of((60, 30), 1, Options(size=(20, 15), fit="stretch"))
    found = one_annotation(view, {"bbox": [3, 4, 30, 10], "area": 123.5})
    assert found["bbox"] == [1.0, 2.0, 10.0, 5.0]
    assert found["area"] == round(123.5 / 6, 3)


@pytest.mark.parametrize(("least", "stays"), [(0, True), (0.49, True), (0.51, False), (1, False)])
@pytest.mark.parametrize("kind", ["bbox", "segmentation", "counts"])
def test_objects_stay_of_which_enough_is_visible(least, stays, kind):
    """The middle 20 of 40 columns are left; the object has columns 0 to 20."""
    view = View.of((40, 20), 1, Options(size=(10, 10), fit="cover"))
    shapes = {
        "bbox": [0, 0, 20, 20],
        "segmentation": [[0, 0, 20, 0, 20, 20, 0, 20]],
        "counts": {"size": [20, 40], "counts": [0, 400, 400]},
    }
    annotation = {"segmentation" if kind == "counts" else kind: shapes[kind], "area": 400}
    found = one_annotation(view, annotation, LabelRules(min_visibility=least))
    assert (found is not None) == stays
    if found is not None:
        assert found["area"] == 50


@pytest.mark.parametrize("is_text", [True, False])
def test_a_crowd_keeps_its_form_and_gets_the_size_and_area_of_the_output(is_text):
    view = View.of((40, 20), 6, Options(step=2))
    mask = np.zeros((40, 20), np.uint8)
    mask[4:30, 2:9] = 1
    encoded = coco_mask.encode(np.asfortranarray(mask))
    runs = [len(list(run)) for _, run in itertools.groupby(mask.T.ravel())]
    counts = encoded["counts"].decode() if is_text else runs
    segmentation = {"size": [40, 20], "counts": counts}
    found = one_annotation(view, {"segmentation": segmentation, "iscrowd": 1, "area": 182, "bbox": [2, 4, 7, 26]})
    assert found["segmentation"]["size"] == [20, 10]
    after = found["segmentation"] if is_text else coco_mask.frPyObjects(found["segmentation"], 20, 10)
    assert (coco_mask.decode(after) == mask[1::2, 1::2]).all()
    assert found["area"] == mask[1::2, 1::2].sum()
    assert type(found["segmentation"]["counts"]) is type(counts)
    assert found["iscrowd"] == 1


def test_an_object_of_keypoints_alone_stays_as_long_as_one_is_seen():
    """The middle 20 of 40 columns are left."""
    view = View.of((40, 20), 1, Options(size=(20, 20), fit="cover"))
    found = one_annotation(view, {"keypoints": [2, 3, 2, 15, 4, 1, 0, 0, 0], "num_keypoints": 2})
    assert found["keypoints"] == [0.0, 0.0, 0, 5.0, 4.0, 1, 0.0, 0.0, 0]
    assert found["num_keypoints"] == 1
    assert one_annotation(view, {"keypoints": [2, 3, 2, 0, 0, 0], "num_keypoints": 1}) is None
    assert one_annotation(view, {"keypoints": [0, 0, 0], "num_keypoints": 0})["num_keypoints"] == 0


def test_places_of_whole_bodies_follow():
    view = View.of((20, 10), 1, Options(step=2))
    found = one_annotation(
        view,
        {"bbox": [0, 0, 4, 4], "foot_kpts": [4, 6, 1.5, 0, 0, 0], "face_box": [2, 2, 4, 6], "lefthand_box": [0.0] * 4},
    )
    assert found["foot_kpts"] == [2.0, 3.0, 1.5, 0.0, 0.0, 0]
    assert found["face_box"] == [1.0, 1.0, 2.0, 3.0]
    assert found["lefthand_box"] == [0.0] * 4


def test_the_smallest_side_is_not_rounded_to_nothing():
    view = View.of((4000, 4000), 1, Options(size=(4, 4)))
    assert one_annotation(view, {"bbox": [2000, 2000, 0.1, 0]})["bbox"] == [2.0, 2.0, 0.001, 0.0]


def test_keys_that_may_hold_places_are_named():
    known = {"bbox": [1, 2, 3, 4], "category_ids": [1, 2], "tags": ["a", "b"], "attributes": {"x": [1, 2]}}
    assert unmapped_keys(known | {"dp_x": [0.5, 1], "contour": [[1, 2], [3, 4]]}) == ["dp_x", "contour"]
