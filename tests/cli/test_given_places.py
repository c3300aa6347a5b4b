"""Sources and destination from the paths on the command line."""

import json

import pytest

from helpers import ics, image_bytes, synthetic_photo, tree
from icsys.cli.given_places import given_places
from source_makers import put_folder

PHOTO = image_bytes(synthetic_photo(20, 30), "JPEG")


@pytest.mark.parametrize(
    ("paths", "output", "expected"),
    [
        ([], None, ("Uncompressed", "Compressed")),
        (["photos"], None, ("photos", "Compressed")),
        (["photos", "small"], None, ("photos", "small")),
        (["photos"], "small", ("photos", "small")),
        ([], "small", ("Uncompressed", "small")),
        (["a.jpg"], None, ("a.jpg", "Compressed")),
        (["a.jpg", "b.PNG"], None, (["a.jpg", "b.PNG"], "Compressed")),
        (["a.jpg", "b.PNG", "out/"], None, (["a.jpg", "b.PNG"], "out/")),
        (["a.jpg", "b.jpg"], "folder.png", (["a.jpg", "b.jpg"], "folder.png")),
        (["a.jpg", "folder.png"], None, ("a.jpg", "folder.png")),
        (["*.jpg", "*.png"], None, (["*.jpg", "*.png"], "Compressed")),
        (["photos", "s3://bucket/a.png"], None, ("photos", "s3://bucket/a.png")),
        (["a.zip", "b.zip"], None, (["a.zip", "b.zip"], "Compressed")),
        (["a.zip", "new.zip"], None, ("a.zip", "new.zip")),
    ],
)
def test_the_last_path_is_the_destination_unless_it_names_an_image(paths, output, expected, tmp_path, monkeypatch):
    put_folder(tmp_path, {"folder.png/x": b"", "a.zip": b"", "b.zip": b""})
    monkeypatch.chdir(tmp_path)
    assert given_places(paths, output) == expected


@pytest.mark.parametrize("output", ["-", "small.png", "small.JPG"])
def test_an_output_that_names_a_file_is_wrong_usage(output, tmp_path):
    put_folder(tmp_path, {"a.jpg": PHOTO})
    code, _, err = ics("compress", "a.jpg", "--output", output, cwd=tmp_path)
    assert (code, f"--output {output!r}: expected the name of a folder" in err) == (2, True)
    assert set(tree(tmp_path)) == {"a.jpg"}


def test_files_may_stand_on_both_sides_of_options(tmp_path):
    put_folder(tmp_path, {f"{name}.jpg": PHOTO for name in "abc"})
    code, out, _ = ics("compress", "a.jpg", "--colors", "8", "b.jpg", "--json", "c.jpg", "out", cwd=tmp_path)
    files = json.loads(out)["files"]
    assert (code, [file["source"] for file in files]) == (0, ["a.jpg", "b.jpg", "c.jpg"])
    assert set(tree(tmp_path / "out")) == {"a.png", "b.png", "c.png"}


def test_a_missing_file_is_wrong_usage_and_nothing_is_done(tmp_path):
    put_folder(tmp_path, {"a.jpg": PHOTO})
    code, _, err = ics("compress", "a.jpg", "small.png", cwd=tmp_path)
    assert (code, "source file 'small.png' does not exist" in err) == (2, True)
    assert "ics compress - < photo.jpg > small.png writes one file" in err
    assert set(tree(tmp_path)) == {"a.jpg"}
