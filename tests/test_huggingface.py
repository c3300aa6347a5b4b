"""Hugging Face's image-folder loader reads an output folder as it is."""

import shutil

import pytest

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
