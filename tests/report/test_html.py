"""The page as a file."""

import os
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from helpers import synthetic_photo
from icsys import UsageError
from icsys.files.links import LinkError
from icsys.files.rooted_path import RootedPath
from icsys.report.comparison_table import Cell
from icsys.report.html import (
    Figure,
    Heading,
    HtmlTable,
    Pair,
    Problem,
    ReportPage,
    check_target,
    choice,
    render,
    write_page,
)
from icsys.report.page_pictures import data_uri, palette_of

HOSTILE = '<img src=x onerror="alert(1)">&\'\N{SNOWMAN}'
VOID = {"meta", "img", "input", "rect"}


def test_the_strip_has_every_colour_by_its_share():
    pixels = np.zeros((1, 10, 3), np.uint8)
    pixels[0, :3] = (255, 0, 1)
    pixels[0, 3] = 7
    after = choice("x", pixels, palette_of(pixels), "")
    assert [(s.hex, s.start, s.count) for s in after.colors] == [
        ("#000000", 0, 6),
        ("#ff0001", 6, 3),
        ("#070707", 9, 1),
    ]
    assert after.palette == "3 colours by their share of the pixels: #000000 60%, #ff0001 30%, #070707 10%"


@pytest.fixture
def page():
    pixels = synthetic_photo(30, 40)
    few = pixels // 64 * 64
    after = choice(HOSTILE, few, palette_of(few), HOSTILE)
    return ReportPage(
        kind="Report",
        title=HOSTILE,
        lead=[HOSTILE],
        figures=[Figure(HOSTILE, HOSTILE)],
        table=HtmlTable(
            "Table", [Heading(HOSTILE, HOSTILE), Heading("b", "c")], [[Cell(HOSTILE), Cell("1", best=True)]]
        ),
        examples=[Pair(HOSTILE, HOSTILE, 40, 30, data_uri(pixels), [after, after]), Pair("gone", "", 1, 1, "", [])],
        examples_note=HOSTILE,
        skips=[HOSTILE],
        failures=[Problem(HOSTILE, "io", HOSTILE)],
        command=HOSTILE,
        facts=[(HOSTILE, HOSTILE)],
    )


class Outline(HTMLParser):
    """Collects elements, and checks that they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.elements = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(page):
    found = Outline()
    found.feed(render(page))
    assert found.open == []
    return found.elements


def test_names_of_all_kinds_are_text_and_never_markup(page):
    elements = outline(page)
    assert not [attributes for _, attributes in elements if "onerror" in attributes]
    assert all(attributes["src"].startswith("data:image/png;base64,") for tag, attributes in elements if tag == "img")
    names = [attributes["alt"] for tag, attributes in elements if tag == "img"]
    assert names[0] == f"{HOSTILE} in {HOSTILE}"


def test_nothing_is_named_that_a_browser_would_fetch(page):
    elements = outline(page)
    assert not [tag for tag, _ in elements if tag in {"link", "iframe", "object", "base", "use"}]
    for _, attributes in elements:
        for name in ("src", "href", "srcset", "action", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert "url(" not in re.sub(r"url\(#", "", render(page))
    policy = next(a["content"] for tag, a in elements if tag == "meta" and a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_a_picture_that_cannot_be_shown_leaves_its_note(page):
    sliders = [attributes for tag, attributes in outline(page) if tag == "input" and attributes["type"] == "range"]
    assert len(sliders) == 1


def test_a_small_picture_is_shown_at_a_whole_factor():
    sizes = {(1, 1): 480, (100, 9): 4, (240, 9): 2, (241, 9): 1, (2000, 9): 1, (9, 240): 2, (100, 300): 1}
    assert {size: Pair("", "", *size, "", []).zoom for size in sizes} == sizes


def test_an_older_page_is_replaced_and_nothing_else(page, tmp_path):
    path = tmp_path / "page.html"
    check_target(path)
    write_page(path, page)
    check_target(path)
    write_page(path, page)
    other = tmp_path / "thesis.html"
    other.write_text("<html>mine</html>", encoding="utf-8")
    with pytest.raises(UsageError, match="that ics did not write"):
        check_target(other)
    for wrong in (tmp_path, tmp_path / "none" / "page.html"):
        with pytest.raises(UsageError, match="expected the name of a file"):
            check_target(wrong)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files, or needs a privilege for them")
@pytest.mark.parametrize("rooted", [False, True])
def test_a_page_is_neither_written_through_a_link_nor_waited_for(page, rooted, tmp_path):
    write_page(tmp_path / "older.html", page)
    (tmp_path / "link.html").symlink_to(tmp_path / "older.html")
    (tmp_path / "nowhere.html").symlink_to(tmp_path / "none")
    (tmp_path / "device.html").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.html")
    for name, why in (
        ("link", "is a link"),
        ("nowhere", "is a link"),
        ("device", "is a link"),
        ("pipe", "expected a regular file"),
    ):
        path = (RootedPath(tmp_path) if rooted else tmp_path) / f"{name}.html"
        with pytest.raises(UsageError, match=rf"{name}\.html.*{why}"):
            check_target(path)
    with pytest.raises(LinkError):
        write_page(tmp_path / "link.html", page)
