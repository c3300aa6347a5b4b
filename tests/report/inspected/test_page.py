"""The page of an inspection: pictures of groups, and every name escaped."""

import base64
import io
import re

import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys import UsageError, inspect_folder
from icsys.report.inspected.page import inspection_page, write_inspection
from icsys.report.inspected.text import class_rows, inspection_text


@pytest.fixture
def copies(tmp_path):
    """Three photos, each with ten copies; one name is markup."""
    for seed in range(3):
        image = Image.fromarray(synthetic_photo(90, 120, seed=seed))
        for copy in range(11):
            name = "&<b>.png" if (seed, copy) == (0, 0) else f"{seed}-{copy:02}.png"
            (tmp_path / f"class {seed}").mkdir(exist_ok=True)
            image.resize((120 - copy, 90 - copy)).save(tmp_path / f"class {seed}" / name)
    (tmp_path / "class 0" / "broken.png").write_bytes(b"")
    return tmp_path


def test_groups_are_shown_as_pictures(copies, tmp_path_factory):
    found = inspect_folder(copies)
    assert [len(group) for group in found.near_duplicates] == [11, 11, 11]
    page = tmp_path_factory.mktemp("out") / "p.html"
    write_inspection(found, copies, page, groups=2)
    text = page.read_text("utf-8")
    assert "&<b>.png" not in text
    assert "class 0/&amp;&lt;b&gt;.png" in text
    assert "The first 2 are shown." in text
    assert "3 images more: --json names all." in text
    assert "default-src 'none'" in text
    pictures = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" width="(\d+)" height="(\d+)"', text)
    assert len(pictures) == 2 * 8 + 2 * 8  # near duplicates, and the darkest and the blurriest
    for data, width, height in pictures:
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (int(width), int(height))
    write_inspection(found, copies, page, groups=0)
    assert "data:image/jpeg" not in page.read_text("utf-8")


def test_pictures_that_are_gone_are_named(copies):
    found = inspect_folder(copies)
    for path in copies.rglob("*.png"):
        path.unlink()
    page = inspection_page(found, copies, 1)
    shown = [picture for section in page.sections for group in section.groups for picture in group.pictures]
    assert shown
    assert {picture.uri for picture in shown} == {""}


def test_a_page_replaces_no_other_file(copies):
    found = inspect_folder(copies)
    (copies / "mine.html").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="did not write"):
        write_inspection(found, copies, copies / "mine.html")


def test_the_text_has_a_row_for_each_class(copies):
    found = inspect_folder(copies)
    assert class_rows(found) == [
        ["class", "images"],
        ["class 0", "12"],
        ["class 1", "11"],
        ["class 2", "11"],
    ]
    text = inspection_text(found)
    assert "Images:      34, " in text
    assert "; 1 broken" in text
    assert "Near:        3 groups of 33 images: the same picture" in text
    assert "class 1/1-00.png, class 1/1-01.png, class 1/1-02.png, class 1/1-03.png, …" in text
