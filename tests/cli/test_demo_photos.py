"""Sample photos come from installed packages and never replace a user's files."""

import importlib.util

from PIL import Image

from icsys.cli.demo_photos import copy_samples, missing_packages, sample_photos


def test_scikit_learns_photos_are_found_and_are_photos():
    photos = {path.name: path for path in sample_photos()}
    assert {"china.jpg", "flower.jpg"} <= photos.keys()
    for path in photos.values():
        with Image.open(path) as image:
            image.load()


def test_an_existing_file_is_kept(tmp_path):
    (tmp_path / "china.jpg").write_bytes(b"mine")
    copied, kept = copy_samples(tmp_path)
    assert kept == ["china.jpg"]
    assert "flower.jpg" in copied
    assert (tmp_path / "china.jpg").read_bytes() == b"mine"
    assert copy_samples(tmp_path) == ([], [path.name for path in sample_photos()])


def test_packages_that_are_not_installed_are_named(monkeypatch):
    assert "scikit-learn" not in missing_packages()
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "skimage" else find(name))
    assert "scikit-image" in missing_packages()
    assert "chelsea.png" not in {path.name for path in sample_photos()}
