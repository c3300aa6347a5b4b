"""``ics inspect`` as a user types it."""

import json

import pytest
from PIL import Image

from helpers import ics, synthetic_photo

KEYS = {
    *("images", "classes", "splits", "formats", "masks", "annotations", "sidecars"),
    *("broken", "duplicates", "near_duplicates", "leaks"),
}


@pytest.fixture
def leaking(tmp_path):
    """Photos in two splits, one of them in both."""
    for number, name in enumerate(("train/cat/a.png", "train/cat/b.png", "test/cat/c.png")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(96, 128, seed=number)).save(tmp_path / "in" / name)
    Image.open(tmp_path / "in/train/cat/a.png").save(tmp_path / "in/test/cat/a.jpg", quality=60)
    return tmp_path


def test_the_report_names_leaks_and_classes(leaking):
    code, out, err = ics("inspect", "in", cwd=leaking)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[1].startswith("Images:      4, ")
    assert "Leaks:       1 group of 2 images: images in several splits" in lines
    assert "             test/cat/a.jpg, train/cat/a.png" in lines
    assert [line.split() for line in lines[-3:]][::2] == [["class", "images", "test", "train"], ["cat", "4", "2", "2"]]
    assert sorted(path.name for path in leaking.iterdir()) == ["in"]


def test_json_is_one_object(leaking):
    (leaking / "in/broken.png").write_bytes(b"no image")
    code, out, err = ics("inspect", "in", "--json", cwd=leaking)
    found = json.loads(out)
    assert code == 1
    assert "failed: broken.png" in err
    assert found.keys() >= KEYS
    assert found["images"] == 5
    assert found["leaks"] == found["near_duplicates"] == [["test/cat/a.jpg", "train/cat/a.png"]]
    assert found["broken"][0].keys() == {"source", "code", "message"}
    assert json.loads(ics("inspect", "in", "--json", "--no-near", cwd=leaking)[1])["near_duplicates"] == []


def test_page_and_table_are_written_where_they_are_named(leaking):
    code, out, _ = ics("inspect", "in", "--report", "p.html", "--csv", "t.csv", cwd=leaking)
    assert code == 0
    assert out.splitlines()[-2:] == [f"Look at: {leaking / 't.csv'}", f"Look at: {leaking / 'p.html'}"]
    assert len((leaking / "t.csv").read_text("utf-8").splitlines()) == 5
    assert "data:image/jpeg;base64," in (leaking / "p.html").read_text("utf-8")
    assert ics("inspect", "in", "--quiet", cwd=leaking) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "source folder 'nowhere' does not exist"),
        (("in", "--csv", "in/train"), "csv 'in/train': expected the name of a file"),
        (("in", "--report", "in/train"), "report 'in/train': expected the name of a file"),
        (("in", "--groups", "-1"), "groups=-1: expected a whole number from 0"),
        (("in", "--engine", "dask"), "engine='dask': an inspection works on this machine"),
        (("in", "--jobs", "x"), "jobs='x': expected a whole number"),
        (("in", "--colors", "8"), "unknown option --colors"),
        ((), "there is no folder 'Uncompressed' here"),
    ],
)
def test_wrong_usage_is_refused(leaking, arguments, message):
    code, out, err = ics("inspect", *arguments, cwd=leaking)
    assert (code, out) == (2, "")
    assert message in err
