"""What reliability costs."""

import pytest

from resume import main, make_images


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """Photos of few pixels."""
    for name, value in {"_WIDTH": 8, "_HEIGHT": 6}.items():
        monkeypatch.setattr(f"resume.{name}", value)


def test_every_class_has_a_hundred_images_but_the_last(tmp_path):
    folder = make_images(tmp_path / "small", 130)
    assert [len(list(below.iterdir())) for below in sorted(folder.iterdir())] == [100, 30]


def test_the_page_has_a_row(tmp_path):
    main(["--images", "5", "--rounds", "1", "--out", str(tmp_path / "page.md")])
    row = (tmp_path / "page.md").read_text("utf-8").splitlines()[-1]
    assert row.split("|")[1].strip() == "5"
