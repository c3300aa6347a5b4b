"""COCO files for tests, and a slow and obvious twin of what ICS does with them."""

import io
import json

import numpy as np
from PIL import Image

from icsys.image.view import View
from icsys.labels.coco import map_coco
from icsys.labels.mapped_file import LabelRules
from icsys.labels.picture_index import PictureFacts


def facts_of(view, source="images/a.jpg", output=None, *, is_written=True):
    output = output or source.rpartition(".")[0] + ".png"
    return PictureFacts(source, output, view, is_written)


def mapped(content, pictures, rules=None):
    """Map a COCO file, given as an object or as bytes, whose pictures are facts by name; return it and the counts."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    write = io.BytesIO()
    counts = map_coco(io.BytesIO(data), write, pictures.get, rules or LabelRules(), beside="", resample="box")
    return json.loads(write.getvalue()), counts


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def warp(mask, view, on):
    """Warp a mask, shape (H, W), to the output: Pillow turns it, the rest is done pixel by pixel."""
    if on == "stored" and view.turn != 1:
        mask = np.asarray(Image.fromarray(mask.astype(np.uint8)).transpose(_UPRIGHT[view.turn])).astype(bool)
    width, height = view.output
    inverse = np.linalg.inv(np.vstack([view.matrix(), [0, 0, 1]]))
    left, top, right, bottom = view.rectangle
    result = np.zeros((height, width), mask.dtype)
    for y in range(height):
        for x in range(width):
            if left <= x < right and top <= y < bottom:
                beside = min(x + 1, right), min(y + 1, bottom)
                centre = inverse @ ((x + beside[0]) / 2, (y + beside[1]) / 2, 1)
                column, row = np.floor(centre[:2] + 1e-7).astype(int)
                result[y, x] = mask[min(max(row, 0), mask.shape[0] - 1), min(max(column, 0), mask.shape[1] - 1)]
    return result


def image_of(view, number=1, name="a.jpg", on="upright", **more):
    width, height = view.upright if on == "upright" else view.stored
    return {"id": number, "file_name": name, "width": width, "height": height, **more}


def one_annotation(view, annotation, rules=None, on="upright"):
    """Map a file of one picture and one annotation; return the annotation, None if it was dropped."""
    content = {"images": [image_of(view, on=on)], "annotations": [{"id": 1, "image_id": 1, **annotation}]}
    found, counts = mapped(content, {"a.jpg": facts_of(view)}, rules)
    assert counts.labels == len(found["annotations"]) == 1 - counts.dropped
    return found["annotations"][0] if found["annotations"] else None


__all__ = ["View", "facts_of", "image_of", "mapped", "one_annotation", "warp"]
