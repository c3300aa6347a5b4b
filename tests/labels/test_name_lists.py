import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_files import facts_of
from icsys.errors import ImageError
from icsys.labels import name_lists
from icsys.labels.name_lists import map_name_list

PICTURES = {
    **dict.fromkeys(["2007_000032", "JPEGImages/2007_000032.jpg"], facts_of(None, "JPEGImages/2007_000032.jpg")),
    **dict.fromkeys(
        ["images/a.jpg", "./images/a.jpg", "/data/images/a.jpg", "a.jpg", "a"], facts_of(None, "images/a.jpg")
    ),
    "my photo 1.jpg": facts_of(None, "my photo 1.jpg"),
    "photo": facts_of(None, "photo.jpg"),
    "3": facts_of(None, "3.jpg", is_written=False),
    "lost.jpg": facts_of(None, "lost.jpg", is_written=False),
    "über/ß.jpg": facts_of(None, "über/ß.jpg"),
}


def mapped(data, beside=""):
    write = io.BytesIO()
    counts = map_name_list(io.BytesIO(data), write, PICTURES.get, beside=beside)
    return write.getvalue(), counts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2007_000032", "2007_000032"),
        ("2007_000032 -1", "2007_000032 -1"),
        ("2007_000032  1", "2007_000032  1"),
        ("JPEGImages/2007_000032.jpg SegmentationClass/2007_000032.png",
         "JPEGImages/2007_000032.png SegmentationClass/2007_000032.png"),
        ("./images/a.jpg", "./images/a.png"),
        ("/data/images/a.jpg", "./images/a.png"),
        ("images/a.jpg 3", "images/a.png 3"),
        ("images/a.jpg\t3\ta", "images/a.png\t3\ta"),
        ("images/a.jpg,a.jpg;0.5", "images/a.png,a.png;0.5"),
        ("17 images/a.jpg", "17 images/a.png"),
        ("  my photo 1.jpg 3 ", "  my photo 1.png 3 "),
        ("a.jpg#2\tA photo of a 3", "a.png#2\tA photo of a 3"),
        ("über/ß.jpg 1", "über/ß.png 1"),
        ("# images/a.jpg", "# images/a.jpg"),
        ("unknown.jpg 3", "unknown.jpg 3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_names_follow_and_the_rest_of_a_line_stays(line, expected, end):
    if line.startswith("unknown"):
        assert mapped((line + end).encode())[1].missing == 1
    assert mapped((line + end).encode())[0] == (expected + end).encode()


def test_lines_of_pictures_without_output_are_left_out_and_counted():
    data = b"\xef\xbb\xbflost.jpg 1\nimages/a.jpg 2\n\n3\nimages/a.jpg lost.jpg\nxyz\n"
    written, counts = mapped(data)
    assert written == b"\xef\xbb\xbfimages/a.png 2\n\nxyz\n"
    assert (counts.labels, counts.dropped, counts.missing) == (2, 3, 1)
    assert "lost.jpg" in counts.warning
    assert "xyz" in counts.warning


@given(st.binary(max_size=60))
def test_lines_without_pictures_keep_every_byte(data):
    write = io.BytesIO()
    counts = map_name_list(io.BytesIO(data), write, lambda _: None, beside="")
    assert write.getvalue() == data
    assert counts.labels == counts.missing


def test_a_line_that_is_too_long_is_an_error(monkeypatch):
    monkeypatch.setattr(name_lists, "LONGEST_LINE", 100)
    with pytest.raises(ImageError, match="line 2"):
        mapped(b"a\n" + b"x" * 101)
