import io
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_files import facts_of, image_of, mapped, one_annotation
from icsys import Options
from icsys.errors import ImageError
from icsys.image.view import View
from icsys.labels.coco import map_coco
from icsys.labels.coco_parts import json_items
from icsys.labels.mapped_file import LabelRules

HALF = View.of((64, 48), 1, Options(step=2))
SIDEWAYS = View.of((64, 48), 6, Options(step=2))


def twin(content, views):
    """What a COCO file becomes where nothing is cropped, with ``json`` and plain arithmetic. None is no output."""
    content = json.loads(json.dumps(content))
    by_id = {image["id"]: image["file_name"] for image in content["images"]}
    content["images"] = [one for one in content["images"] if views.get(one["file_name"], 0) is not None]
    for image in content["images"]:
        if view := views.get(image["file_name"]):
            image["width"], image["height"] = view.output
            image["file_name"] = image["file_name"].replace(".jpg", ".png")
    kept = []
    for one in content["annotations"]:
        view = views.get(by_id[one["image_id"]], 0)
        if view is None:
            continue
        if view:
            matrix = view.matrix()
            sx, sy = matrix[0, 0], matrix[1, 1]
            x, y, w, h = one["bbox"]
            one["bbox"] = pytest.approx([x * sx, y * sy, w * sx, h * sy], abs=0.002)
            one["area"] = pytest.approx(one["area"] * sx * sy, abs=0.002)
        kept.append(one)
    content["annotations"] = kept
    return content


numbers = st.floats(1, 40).map(lambda number: round(number, 2))


@st.composite
def files(draw):
    views = {}
    for number in range(draw(st.integers(0, 5))):
        step = draw(st.integers(1, 4))
        view = View.of((step * draw(st.integers(20, 30)), 60), 1, Options(step=step))
        views[f"{number}.jpg"] = draw(st.sampled_from([view, view, None]))
    known = {name: view or HALF for name, view in views.items()} | {"missing.jpg": HALF}
    images = [image_of(view, number, name, license=1.5) for number, (name, view) in enumerate(known.items())]
    annotations = [
        {"id": number, "image_id": draw(st.integers(0, len(images) - 1)), "bbox": draw(st.tuples(*[numbers] * 4)),
         "area": draw(numbers), "extra": {"score": draw(st.floats(allow_nan=False))}}
        for number in range(draw(st.integers(0, 9)))
    ]  # fmt: skip
    content = {"info": {"é": [1, 2.50]}, "images": images, "annotations": annotations, "categories": [{"id": 1}]}
    keys = draw(st.permutations(sorted(content)))
    return {key: content[key] for key in keys}, views


@given(files())
def test_a_file_is_what_a_plain_program_makes_of_it(made):
    content, views = made
    pictures = {name: facts_of(view, f"images/{name}", is_written=view is not None) for name, view in views.items()}
    found, counts = mapped(content, pictures)
    expected = twin(content, views)
    assert found == expected
    assert list(found) == list(content)
    assert [list(one) for one in found["annotations"]] == [list(one) for one in expected["annotations"]]
    assert counts.labels == len(found["annotations"])
    assert counts.labels + counts.dropped == len(content["annotations"])
    assert counts.missing == 1
    assert "missing.jpg" in counts.warning


def test_the_stated_size_tells_which_picture_boxes_were_drawn_on():
    assert one_annotation(SIDEWAYS, {"bbox": [0, 0, 20, 4]})["bbox"] == [0.0, 0.0, 10.0, 2.0]
    assert one_annotation(SIDEWAYS, {"bbox": [0, 0, 20, 4]}, on="stored")["bbox"] == [22.0, 0.0, 2.0, 10.0]


@pytest.mark.parametrize(
    ("size", "on", "code"),
    [
        ((64, 47), "auto", "label_size"),
        ((64, 48), "upright", "label_size"),
        ((64, None), "auto", "label_broken"),
        (("64", 48), "auto", "label_broken"),
        ((64.5, 48), "auto", "label_broken"),
        ((float("nan"), 48), "auto", "label_broken"),
        ((True, 48), "auto", "label_broken"),
    ],
)
def test_a_size_that_contradicts_is_an_error_that_names_the_image(size, on, code):
    content = {"images": [{"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}], "annotations": []}
    with pytest.raises(ImageError, match=r"a\.jpg") as error:
        mapped(content, {"a.jpg": facts_of(SIDEWAYS)}, LabelRules(on))
    assert error.value.code == code


def test_an_image_without_a_size_gets_none():
    content = {"images": [{"id": "x", "file_name": "a.jpg"}], "annotations": [{"image_id": "x", "bbox": [2, 2, 4, 4]}]}
    found, _ = mapped(content, {"a.jpg": facts_of(HALF)})
    assert found["images"] == [{"id": "x", "file_name": "a.png"}]
    assert found["annotations"][0]["bbox"] == [1.0, 1.0, 2.0, 2.0]


def test_an_image_may_be_named_by_its_url_alone():
    url = "http://images.cocodataset.org/train2017/a.jpg"
    content = {"images": [{"id": 1, "coco_url": url, "width": 64, "height": 48}, {"id": 2}], "annotations": []}
    found, counts = mapped(content, {url: facts_of(HALF)})
    assert found["images"] == [{"id": 1, "coco_url": url, "width": 32, "height": 24}, {"id": 2}]
    assert url in counts.warning
    assert counts.missing == 1


def test_captions_are_kept_and_images_without_output_take_theirs_with_them():
    names = ["a.jpg", "b.jpg"]
    content = {
        "annotations": [{"id": n, "image_id": n, "caption": "Zwei Hunde, größer"} for n in range(2)],
        "images": [image_of(HALF, number, name) for number, name in enumerate(names)],
    }
    pictures = {name: facts_of(HALF, name, is_written=name == "b.jpg") for name in names}
    found, counts = mapped(content, pictures)
    assert [one["file_name"] for one in found["images"]] == ["b.png"]
    assert found["annotations"] == content["annotations"][1:]
    assert (counts.labels, counts.dropped, counts.missing) == (1, 1, 0)
    assert counts.warning == "1 images without an output, or of unknown size, are left out: a.jpg"


def test_segments_of_panoptic_masks_are_mapped():
    segments = [{"id": 7, "bbox": [4, 8, 20, 10], "area": 200}, {"id": 8, "bbox": [0, 0, 64, 48], "area": 3072}]
    content = {
        "images": [image_of(HALF)],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
    }
    found, counts = mapped(content, {"a.jpg": facts_of(HALF)})
    assert found["annotations"][0]["segments_info"] == [
        {"id": 7, "bbox": [2.0, 4.0, 10.0, 5.0], "area": 50.0},
        {"id": 8, "bbox": [0.0, 0.0, 32.0, 24.0], "area": 768.0},
    ]
    assert counts.labels == 2


@pytest.mark.parametrize(
    "annotation",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 3, 4, 5]},
        {"bbox": [1, 2, "3", 4]},
        {"bbox": "1 2 3 4"},
        {"bbox": [1, 2, float("inf"), 4]},
        {"segmentation": [[1, 2, 3]]},
        {"segmentation": [1, 2, 3, 4]},
        {"segmentation": "x"},
        {"segmentation": {"size": [1, 1], "counts": [1]}},
        {"keypoints": [1, 2]},
        {"keypoints": 7},
    ],
)
def test_an_annotation_that_cannot_be_read_is_left_out_and_named(annotation):
    content = {
        "images": [image_of(HALF)],
        "annotations": [{"id": 17, "image_id": 1} | annotation, {"id": 18, "image_id": 1}],
    }
    found, counts = mapped(content, {"a.jpg": facts_of(HALF)})
    assert found["annotations"] == [{"id": 18, "image_id": 1}]
    assert counts.dropped == 1
    assert "id 17" in counts.warning


def test_what_may_be_a_place_and_is_not_mapped_is_told():
    content = {"images": [image_of(HALF)], "annotations": [{"image_id": 1, "dp_x": [0.5, 1.5]}, {"image_id": 9}]}
    found, counts = mapped(content, {"a.jpg": facts_of(HALF)})
    assert found["annotations"] == content["annotations"]
    assert "'dp_x'" in counts.warning
    assert "image_id 9" in counts.warning


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"images": 7}',
        b'{"images": {}}',
        b'{"images": [7]}',
        b'{"images": [], "annotations": [[]]}',
        b'{"images": [{"id": [], "file_name": "a.jpg"}]}',
        b'{"images": [], "annotations": [',
        b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "segments_info": [1]}]}',
    ],
)
def test_what_is_no_coco_file_is_an_error(data):
    with pytest.raises(ImageError) as error:
        mapped(data, {"a.jpg": facts_of(HALF)})
    assert error.value.code == "label_broken"


def test_broken_files_are_errors_of_one_kind():
    """A file that is cut, or has another byte somewhere, is mapped or is an ImageError."""
    content = {
        "images": [image_of(HALF)],
        "annotations": [
            {"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "keypoints": [1, 2, 2]},
            {"id": 2, "image_id": 1, "segmentation": {"size": [48, 64], "counts": [0, 3072]}},
        ],
    }
    data = json.dumps(content).encode()
    random = np.random.default_rng(1)
    for at in range(len(data)):
        damaged = data[:at] + bytes([random.integers(32, 256)]) + data[at + 1 :]
        for one in (data[:at], damaged):
            try:
                mapped(one, {"a.jpg": facts_of(HALF)})
            except ImageError as error:
                assert error.code in {"label_broken", "label_size"}  # noqa: PT017 - most are errors, not all


class MadeWhileRead(io.RawIOBase):
    """A COCO file with many boxes that is made while it is read."""

    def __init__(self, thousands):
        self._thousands, self._last = thousands, b""
        self.seek(0)

    def readable(self):
        return True

    def tell(self):
        return self._position

    def seek(self, offset, whence=0):
        """Go to the beginning, or back by a few bytes."""
        self._position = offset + (self._position if whence else 0)
        if self._position:
            self._rest = self._last[offset:] + self._rest
        else:
            self._rest, self._texts = b"", self._make()
        return self._position

    def _make(self):
        yield b'{"annotations": ['
        for block in range(self._thousands):
            rows = (b'{"id":%d,"image_id":1,"bbox":[%d,2,3.5,4]}' % (block, n % 40) for n in range(1000))
            yield (b"," if block else b"") + b",".join(rows)
        yield b'], "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}]}'

    def readinto(self, buffer):
        self._rest = self._rest or next(self._texts, b"")
        self._last, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(self._last)] = self._last
        self._position += len(self._last)
        return len(self._last)


class Counted(io.RawIOBase):
    """Counts the bytes that it is given."""

    size = 0

    def write(self, data):
        self.size += len(data)
        return len(data)


def test_many_boxes_take_as_little_memory_as_few(monkeypatch):
    """A thousand boxes are 45 kB of text; less is read at once, and no more is kept of four thousand."""
    monkeypatch.setattr(json_items, "_CHUNK", 2**13)
    peaks = []
    for thousands in (1, 4):
        write = Counted()
        tracemalloc.start()
        try:
            counts = map_coco(
                MadeWhileRead(thousands), write, {"a.jpg": facts_of(HALF)}.get, LabelRules(), beside="", resample="box"
            )
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert counts.labels == thousands * 1000
        assert write.size > thousands * 40_000
    assert peaks[1] < 1.2 * peaks[0] < 500_000
