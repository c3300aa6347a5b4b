"""Right-to-left words of a page: each is isolated from what stands beside it, in elements and in attributes."""

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.report.comparison_table import Cell
from icsys.report.directions import is_right_to_left, isolate, marked
from icsys.report.html import (
    Figure,
    Heading,
    HtmlTable,
    Pair,
    PictureChoice,
    PictureGroup,
    Problem,
    ReportPage,
    Section,
    Share,
    Thumbnail,
    render,
)
from icsys.report.plots import Plot

HEBREW, ARABIC = "\u05db\u05dc\u05d1", "\u0642\u0637\u0629"
PATH = f"train/{HEBREW}/{ARABIC} {ARABIC}.png"
SENTENCE = f"<b>its file equals that of '{PATH}': 3 & more"
ISOLATES = {"\u2068", "\u2069"}


def has_direction(text):
    return any(unicodedata.bidirectional(one) in {"R", "AL"} for one in text)


class Words(HTMLParser):
    """Collects text outside of and inside of elements that isolate, and the values of attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.bare, self.isolated, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += [value or "" for _, value in attrs]
        if tag not in {"meta", "img", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        tags = {"bdi": self.isolated, "title": self.attributes}
        tags.get(self.open[-1] if self.open else "", self.bare).append(data)


@pytest.fixture
def words():
    table = HtmlTable(PATH, [Heading(PATH, SENTENCE)], [[Cell(PATH), Cell(PATH, best=True)]], [SENTENCE])
    picture = PictureChoice(PATH, "data:,", [Share("#000000", 0, 1)], 1, SENTENCE, SENTENCE)
    pair = Pair(PATH, SENTENCE, 4, 3, "data:,", [picture, picture])
    shown, gone = Thumbnail(PATH, SENTENCE, "data:,", 4, 3), Thumbnail(PATH, SENTENCE, "", 4, 3)
    page = ReportPage(
        kind=SENTENCE,
        title=PATH,
        lead=[SENTENCE],
        advised=f"ics compress {PATH}",
        advised_note=SENTENCE,
        figures=[Figure(PATH, SENTENCE)],
        table=table,
        plots=[Plot(PATH, SENTENCE, "<svg></svg>")],
        plots_note=SENTENCE,
        examples=[pair, pair],
        examples_note=SENTENCE,
        sections=[
            Section(PATH, SENTENCE, [PictureGroup(PATH, SENTENCE, [shown, gone])]),
            Section(PATH, SENTENCE, table=table),
        ],
        skips=[SENTENCE],
        failures=[Problem(PATH, "io", SENTENCE)],
        command=f"ics report '{PATH}'",
        facts=[(PATH, SENTENCE)],
    )
    found = Words()
    found.feed(render(page))
    return found


def test_every_right_to_left_word_of_a_page_is_isolated(words):
    assert set(words.isolated) == {HEBREW, f"{ARABIC} {ARABIC}.png"}
    assert not any(map(has_direction, words.bare))
    assert not any(ISOLATES & set(text) for text in words.bare + words.isolated)  # what is copied is as it was


def test_marks_isolate_in_attributes_and_in_the_title(words):
    having = [value for value in words.attributes if has_direction(value)]
    assert len(having) > 10
    for value in having:
        assert "<bdi" not in value
        assert f"\u2068{HEBREW}\u2069/\u2068{ARABIC} {ARABIC}.png\u2069" in value


@given(st.text(st.sampled_from(f"ab /\\'\".1é中{HEBREW}{ARABIC}"), max_size=30))
def test_a_text_stays_what_it_is_and_keeps_no_direction_outside_of_isolates(text):
    inside, outside = [], []

    def wrap(words):
        inside.append(words)
        return ""

    rest = isolate(text, wrap, lambda plain: outside.append(plain) or plain)
    assert not has_direction(rest)
    assert all(map(has_direction, inside))
    assert not any(set("/\\'\"") & set(words) for words in inside)
    assert isolate(text, str) == text
    assert isolate(text, lambda words: f"\u2068{words}\u2069") == marked(text)
    assert is_right_to_left(text) == bool(inside) == has_direction(text)


def test_a_long_word_is_gone_through_once():
    """A search from each of its letters would take hours."""
    word = "a" * 1_000_000
    assert isolate(f"{word} {HEBREW}", "<{}>".format) == f"{word} <{HEBREW}>"
