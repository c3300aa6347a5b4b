"""Hugging Face's image-folder loader reads an output folder unchanged."""

import shutil

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import Options, compress_folder

pytest.importorskip("datasets", reason="needs the package datasets: make test-extras")


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A compressed folder of two classes, with a failure beside it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for seed, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png")):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))
    (tmp_path / "in" / "cat" / "bad.png").write_bytes(b"")
    compress_folder(tmp_path / "in", tmp_path / "out", Options(colors=4, step=2))
    return tmp_path / "out"


def load(folder, cache):
    from datasets import load_dataset  # noqa: PLC0415 - an extra

    return load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(cache), split="train")


@pytest.mark.filterwarnings("default")
def test_the_folder_is_a_dataset_with_the_classes_as_labels(out, tmp_path):
    dataset = load(out, tmp_path / "cache")
    assert dataset.features["label"].names == ["cat", "dog"]
    assert sorted(dataset["label"]) == [0, 0, 1]
    assert {image.size for image in dataset["image"]} == {(16, 12)}


@pytest.mark.filterwarnings("default")
def test_the_manifest_under_the_loaders_name_adds_its_columns(out, tmp_path):
    shutil.copy(out / "manifest.jsonl", out / "metadata.jsonl")
    dataset = load(out, tmp_path / "cache")
    assert {(row["source_path"], row["label"]) for row in dataset.remove_columns("image")} == {
        ("cat/a.png", "cat"),
        ("cat/b.png", "cat"),
        ("dog/c.png", "dog"),
    }
    assert set(dataset["colors"]) == {4}


def pack(folder, packing, **others):
    """Compress two splits of two classes into shards; return the plain PNG run's pictures by source too."""
    for seed, name in enumerate(("train/cat/a.png", "train/dog/b.1.png", "train/dog/c.png", "test/cat/d.png")):
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))
    options = Options(colors=4, step=2)
    compress_folder(folder / "in", folder / "plain", options)
    compress_folder(folder / "in", folder / "out", options.replace(format=packing, **others))
    return {
        path.relative_to(folder / "plain").as_posix(): np.asarray(Image.open(path).convert("RGB"))
        for path in (folder / "plain").rglob("*.png")
    }


def assert_same(dataset, plain, source, picture, label):
    """Every split has its images, with class and facts."""
    assert {split: len(rows) for split, rows in dataset.items()} == {"train": 3, "test": 1}
    for rows in dataset.values():
        for row in rows:
            np.testing.assert_array_equal(np.asarray(row[picture].convert("RGB")), plain[source(row)])
            assert label(row) == ("cat", "dog").index(source(row).split("/")[1])


@pytest.mark.filterwarnings("default")
def test_parquet_is_a_dataset_with_images_splits_and_class_names(tmp_path, monkeypatch):
    from datasets import load_dataset  # noqa: PLC0415 - an extra

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    plain = pack(tmp_path, "parquet", shard_images=2)
    dataset = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert_same(dataset, plain, lambda row: row["source_path"], "image", lambda row: row["label"])
    for rows in dataset.values():
        assert rows.features["label"].names == ["cat", "dog"]
        assert set(rows["colors"]) == {4}
        assert set(rows["width"]) == {16}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("streaming", [False, True])
def test_webdataset_shards_are_a_dataset_too(streaming, tmp_path, monkeypatch):
    from datasets import load_dataset  # noqa: PLC0415 - an extra

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    plain = pack(tmp_path, "webdataset", shard_images=2)
    files = {split: str(tmp_path / "out" / "data" / f"{split}-*.tar") for split in ("train", "test")}
    dataset = load_dataset("webdataset", data_files=files, cache_dir=str(tmp_path / "cache"), streaming=streaming)
    rows = {split: list(dataset[split]) for split in dataset}
    assert_same(rows, plain, lambda row: row["json"]["source_path"], "png", lambda row: int(row["cls"]))
    keys = {row["__key__"] for split in rows.values() for row in split}
    assert "train/dog/b%2E1" in keys
