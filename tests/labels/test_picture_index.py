import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.labels.picture_index import PictureFacts, renamed

components = st.text("abc1_-", min_size=1, max_size=4)
folders = st.lists(components, max_size=3)


def facts(source, output):
    return PictureFacts(source, output, None, is_written=True)


@given(folders, components, st.data())
def test_a_name_relative_to_any_folder_above_stays_relative_to_it(parents, stem, data):
    source = "/".join([*parents, f"{stem}.jpg"])
    root = parents[: data.draw(st.integers(0, len(parents)))]
    name = source[len("/".join([*root, ""])) :] if root else source
    slash, start = data.draw(st.sampled_from("/\\")), data.draw(st.sampled_from(["", "."]))
    given_name = (start + slash if start else "") + name.replace("/", slash)
    for suffix in (".jpg", ".png"):
        output = f"{source.removesuffix('.jpg')}{suffix}"
        written = renamed(given_name, facts(source, output))
        assert written == given_name.removesuffix(".jpg") + suffix
        assert posixpath.normpath("/".join([*root, written.replace("\\", "/")])) == output


@given(folders, folders, components)
def test_a_name_with_dots_is_relative_to_the_file(beside, parents, stem):
    source = "/".join([*parents, f"{stem}.jpg"])
    name = posixpath.join(*[".."] * (len(beside) + 1), "x", source)
    written = renamed(name, facts("x/" + source, "x/" + source[:-3] + "png"), "/".join(["y", *beside]))
    assert posixpath.normpath("/".join(["y", *beside, written])) == "x/" + source[:-3] + "png"


@pytest.mark.parametrize(
    ("name", "source", "output", "beside", "expected"),
    [
        ("2007_000032", "JPEGImages/2007_000032.jpg", "JPEGImages/2007_000032.png", "ImageSets/Main", "2007_000032"),
        ("JPEGImages/2007", "JPEGImages/2007.jpg", "JPEGImages/2007.png", "", "JPEGImages/2007"),
        ("a", "a.jpg", "a.jpg.png", "", "a.jpg"),
        ("a.jpg", "a.jpg", "a.jpg.png", "", "a.jpg.png"),
        ("A.JPG", "a.jpg", "a.png", "", "a.png"),
        ("a.bmp", "a.jpg", "a.png", "", "a.png"),
        ("v1.2", "v1.2.jpg", "v1.2.png", "", "v1.2"),
        ("aachen_000000", "aachen/aachen_000000_leftImg8bit.png", "aachen/aachen_000000_leftImg8bit.png", "",
         "aachen_000000"),
        ("cat/a.jpg", "cat/a.jpg", "train/cat/a.png", "", "train/cat/a.png"),
        ("a.jpg", "cat/a.jpg", "train/cat/a.png", "", "a.png"),
        ("/data/images/a.jpg", "images/a.jpg", "images/a.png", "", "./images/a.png"),
        ("C:\\data\\images\\a.jpg", "images/a.jpg", "images/a.png", "", ".\\images\\a.png"),
        ("\\\\server\\images\\a.jpg", "images/a.jpg", "images/a.png", "images", ".\\a.png"),
        ("https://x.org/images/a.jpg", "images/a.jpg", "images/a.png", "lists", "../images/a.png"),
        ("s3://bucket/images/a.jpg", "images/a.jpg", "images/a.png", "", "./images/a.png"),
        ("images//./a.jpg", "images/a.jpg", "images/a.png", "", "images/a.png"),
        ("", "a.jpg", "a.png", "", ""),
        ("./", "a.jpg", "a.png", "", "./"),
    ],
)  # fmt: skip
def test_names_in_use(name, source, output, beside, expected):
    assert renamed(name, facts(source, output), beside) == expected
