"""torchvision's and Hugging Face's own readers read labels of sources and of outputs alike."""

import gc
import io
import json

import numpy as np
import pytest
from PIL import Image

from coco_files import warp
from helpers import compress_files, image_bytes, synthetic_photo
from icsys import Options
from icsys.image.view import View
from icsys.labels.coco import map_coco
from icsys.labels.mapped_file import LabelRules
from icsys.labels.picture_index import PictureFacts
from icsys.labels.tables import map_table

SIZES = {"cars/a.jpg": (64, 48), "cars/b.jpg": (50, 70), "c.jpg": (33, 90)}
OPTIONS = [
    Options(strategy="SO", step=2),
    Options(strategy="SO", size=(30, 30), fit="cover"),
    Options(strategy="SO", size=(40, 40), fit="pad"),
]


@pytest.fixture(params=OPTIONS, ids=["step", "cover", "pad"])
def pictures(request, tmp_path):
    """Pictures by name, compressed from ``in`` into ``out``."""
    files = {name: image_bytes(synthetic_photo(h, w), "JPEG") for name, (w, h) in SIZES.items()}
    compress_files(tmp_path, files, request.param)
    return {
        name: PictureFacts(name, name.replace(".jpg", ".png"), View.of(size, 1, request.param), is_written=True)
        for name, size in SIZES.items()
    }


def ring(random, width, height):
    """Make a polygon that is round and well inside."""
    angles = np.sort(random.uniform(0, 2 * np.pi, 9))
    radius = random.uniform(0.2, 0.4, (9, 1)) * (width, height)
    return np.round(np.stack([np.cos(angles), np.sin(angles)], 1) * radius + np.array((width, height)) / 2, 2)


def coco_of(names):
    random, content = np.random.default_rng(3), {"images": [], "annotations": [], "categories": [{"id": 5}]}
    for number, name in enumerate(names):
        width, height = SIZES[name]
        content["images"].append({"id": number, "file_name": name, "width": width, "height": height})
        polygon = ring(random, width, height)
        low, high = polygon.min(0), polygon.max(0)
        mask = np.zeros((height, width), bool)
        mask[height // 3 : height // 2, width // 4 : width // 2] = True
        runs = np.diff(np.flatnonzero(np.diff(mask.T.ravel())) + 1, prepend=0, append=mask.size).tolist()
        crowd = {"size": [height, width], "counts": runs}
        for one in (
            {"segmentation": [polygon.ravel().tolist()], "bbox": [*low, *(high - low)], "area": 1.5, "iscrowd": 0},
            {"segmentation": crowd, "bbox": [width // 4, height // 3, 9, 9], "area": 9, "iscrowd": 1},
        ):
            content["annotations"].append(
                {"id": len(content["annotations"]) + 1, "image_id": number, "category_id": 5, **one}
            )
    return content


@pytest.mark.filterwarnings("default")
def test_torchvision_reads_boxes_and_masks_of_coco(pictures, tmp_path, capsys):
    datasets = pytest.importorskip("torchvision.datasets", reason="needs torchvision: make test-extras")
    pytest.importorskip("pycocotools", reason="needs pycocotools")
    before = tmp_path / "in" / "instances.json"
    before.write_text(json.dumps(coco_of(pictures)))
    with before.open("rb") as read, (tmp_path / "out" / "instances.json").open("wb") as write:
        counts = map_coco(read, write, pictures.get, LabelRules(), beside="", resample="box")
    assert counts == (6, 0, 0, None)
    keys = ("image_id", "boxes", "masks", "labels")
    sources, outputs = (
        datasets.wrap_dataset_for_transforms_v2(
            datasets.CocoDetection(tmp_path / folder, tmp_path / folder / "instances.json"), target_keys=keys
        )
        for folder in ("in", "out")
    )
    assert "index created!" in capsys.readouterr().out
    assert len(sources) == len(outputs) == 3
    for (_, old), (picture, new), facts in zip(sources, outputs, pictures.values(), strict=True):
        assert picture.size == facts.view.output
        assert old["labels"].tolist() == new["labels"].tolist() == [5, 5]
        polygon, crowd = (warp(mask, facts.view, "upright") for mask in old["masks"].numpy().astype(bool))
        got_polygon, got_crowd = new["masks"].numpy().astype(bool)
        assert (got_crowd == crowd).all()
        assert (got_polygon & polygon).sum() / (got_polygon | polygon).sum() > 0.75  # pixels at the edge are few
        corners = facts.view.map(old["boxes"].numpy().astype(float).reshape(-1, 2))
        left, top, right, bottom = facts.view.rectangle
        expected = np.clip(corners, (left, top), (right, bottom)).reshape(-1, 4)
        assert np.abs(new["boxes"].numpy() - expected).max() < 0.01


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_datasets_reads_metadata_beside_the_outputs(pictures, form, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs the package datasets: make test-extras")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if form == "csv":
        table = "file_name,caption\n" + "".join(f'{name},"{name}, seen"\n' for name in SIZES)
    else:
        rows = [
            {"file_name": name, "caption": f"{name}, seen", "objects": {"bbox": [[10, 20, 12, 9]], "categories": [n]}}
            for n, name in enumerate(SIZES)
        ]
        table = "".join(json.dumps(row) + "\n" for row in rows)
    with (tmp_path / "out" / f"metadata.{form}").open("wb") as write:
        map_table(io.BytesIO(table.encode()), write, pictures.get, LabelRules(), column=None, beside="")
    (tmp_path / "out" / "manifest.jsonl").unlink()
    dataset = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    found = {row["caption"].removesuffix(", seen"): row for row in dataset["train"]}
    gc.collect()  # datasets leaves the table open
    assert found.keys() == SIZES.keys()
    for name, facts in pictures.items():
        with Image.open(tmp_path / "out" / facts.output_path) as output:
            assert (np.asarray(found[name]["image"]) == np.asarray(output)).all()
        if form == "jsonl":
            corners = np.clip(
                facts.view.map(np.array([(10.0, 20.0), (22.0, 29.0)])), *np.reshape(facts.view.rectangle, (2, 2))
            )
            expected = [*corners[0], *(corners[1] - corners[0])]
            assert found[name]["objects"]["bbox"] == [pytest.approx(expected, abs=0.002)]
