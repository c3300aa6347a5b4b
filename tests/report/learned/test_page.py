"""The page of what was learned: order, figures, pictures made again, and every name escaped."""

import base64
import html
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import MissingExtraError, Options, UsageError, compress_image
from icsys.learning.learned import LostImage
from icsys.report.html import render
from icsys.report.learned.lost_pictures import arms_that_matter
from icsys.report.learned.page import check_learned_page, learned_page, write_learned
from learned_examples import HOSTILE, arm_result, learned_example, lost_images, nothing_recommended, odd_examples


class Tags(HTMLParser):
    """Collects the tags of a page, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._silent = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in {"script", "style"}

    def handle_endtag(self, tag):  # noqa: ARG002 - the parser names it
        self._silent = False

    def handle_data(self, data):
        if not self._silent:
            self.text.append(data)


@pytest.fixture(autouse=True)
def _no_plots(request, monkeypatch):
    """Leave out the plots, which take most of the time, where a test does not look at them."""
    if "with_plots" not in request.fixturenames:
        monkeypatch.setattr("icsys.report.learned.page.learned_plots", lambda _: [])


@pytest.fixture
def with_plots():
    """Ask for the plots."""


@pytest.fixture
def photos(tmp_path):
    """Two photos that can be read; the third is missing."""
    folder = tmp_path / "photos" / "test"
    folder.mkdir(parents=True)
    for seed in range(2):
        Image.fromarray(synthetic_photo(90, 120, seed=seed)).save(folder / f"{seed}.png")
    return tmp_path / "photos"


def with_lost(names, arms, **changes):
    """Make a result whose arms all lose these images."""
    lost = lost_images(sources=names)
    made = [arm_result(arm, **({} if arm == "full" else {"lost": lost})) for arm in arms]
    return learned_example(arms=made, **changes)


@pytest.mark.usefixtures("with_plots")
def test_the_page_says_first_what_the_images_can_resolve():
    page = learned_page(learned_example(), None)
    resolution, recommendation, split, stand_in = page.lead
    assert resolution.startswith("With 942 tested images, the smallest loss that can be excluded is 1.2 points")
    assert recommendation.startswith("K64 keeps 99 % of the accuracy")
    assert "the source's own test split" in split
    assert "a network of your own can differ" in stand_in
    text = render(page)
    places = [text.index(part) for part in (resolution, "ics compress", "accuracy in full", "<svg", "<table")]
    assert places == sorted(places)


def test_images_that_cannot_tell_give_no_command():
    page = learned_page(nothing_recommended(), None)
    assert page.lead[1].startswith("No setting is recommended: these images cannot tell")
    assert "This split flatters" in page.lead[2]
    assert page.advised == ""
    assert 'id="advised"' not in render(page)
    assert {"4,700", "80", "4.6"} <= {figure.value for figure in page.figures}


def test_the_table_has_every_arm_with_its_verdict_in_words():
    page = learned_page(learned_example(), None)
    rows = {row[0].text: [cell.text.replace("\N{MINUS SIGN}", "~") for cell in row] for row in page.table.rows}
    assert rows["full"][1:7] == ["reference ■", "9,189 B", "83.1 %", "-", "", "83.1 %"]
    assert rows["K64"][1:7] == [
        "keeps 99 % ●",
        "2,593 B",
        "82.9 %",
        "~0.2",
        "[~0.7, +0.3]",
        "83.0 %",
    ]
    assert rows["K32"][1] == "cannot tell ◇"
    assert rows["K16"][1] == "loses more ▼"
    assert rows["WebP = K16"][-1] == "q 83"
    assert [row[0].text for row in page.table.rows if any(cell.best for cell in row)] == ["K64"]
    unjudged = learned_page(odd_examples()["unjudged arm"], None).table.rows[1]
    assert [cell.text for cell in unjudged][1:7] == ["not judged", "1,585 B", "-", "-", "", "-"]


def test_pairs_of_equal_bytes_a_network_and_confusions_have_tables():
    page = learned_page(odd_examples()["sample"], None, pictures=0)
    tables = {section.title: [[cell.text for cell in row] for row in section.table.rows] for section in page.sections}
    assert tables["At equal bytes"][0] == ["WebP = K16 less K16", "+0.6", "[\N{MINUS SIGN}0.4, +1.6]", "0.464"]
    assert tables["A small network"][1] == ["K64", "72.7 %", "\N{MINUS SIGN}0.2", "[\N{MINUS SIGN}1.5, +1.1]"]
    assert tables["Confusions that grew"][0] == ["Lemon, taken for Orange", "K64", "7.3", "2.0"]


def test_the_arms_that_matter():
    def names(**changes):
        return [arm.name for arm in arms_that_matter(learned_example(**changes))]

    assert names() == ["K64", "K32"]
    assert names(recommended="K2") == ["K2", "16x16 K16"]
    assert names(recommended=None) == ["32x32"]
    assert names(recommended="full") == ["32x32"]
    assert [arm.name for arm in arms_that_matter(nothing_recommended())] == ["K16"]
    assert arms_that_matter(odd_examples()["one arm"]) == []


def test_pictures_are_those_of_the_arms(photos):
    """The pictures hold the very pixels that ``compress_image`` stores, and Pillow's own for a lossy codec."""
    learned = with_lost(["test/1.png"], ["full", "K4", "WebP = K4"], recommended="WebP = K4")
    text = render(learned_page(learned, photos, pictures=3))
    shown = [
        np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
        for data in re.findall(r'class="zoomed" src="data:image/png;base64,([^"]+)"', text)
    ]
    source = (photos / "test" / "1.png").read_bytes()
    full = np.array(
        Image.open(io.BytesIO(compress_image(source, Options(strategy="SO", size=(64, 64), fit="contain")).data))
    )
    webp = np.array(Image.open(io.BytesIO(image_bytes(full, "WEBP", quality=38))))
    assert [pixels.tolist() for pixels in shown] == [full.tolist(), webp.tolist()]
    learned = with_lost(["test/1.png"], ["full", "K4"], recommended="K4")
    few = learned_page(learned, photos).sections[-1].groups[0].pictures[1]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(few.uri.partition(",")[2]))).convert("RGB"))
    assert pixels.shape == (48, 64, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 4


def test_photos_come_worst_first_and_a_missing_one_is_named(photos):
    names = ["test/1.png", "test/gone.png", "test/0.png"]
    page = learned_page(with_lost(names, ["full", "K4"], recommended="K4"), photos)
    section = next(section for section in page.sections if section.groups)
    assert [group.note for group in section.groups] == names
    assert {group.title for group in section.groups} == {"Lemon, taken for Orange"}
    assert [[bool(one.uri) for one in group.pictures] for group in section.groups] == [
        [True, True],
        [False, False],
        [True, True],
    ]
    first = learned_page(with_lost(names, ["full", "K4"], recommended="K4"), photos, pictures=1)
    section = next(section for section in first.sections if section.groups)
    assert len(section.groups) == 1
    assert section.note.endswith("The first 1 of 3 are shown.")


@pytest.mark.parametrize(
    "options", [{"palette": "dataset"}, {"no_such_option": 1}, {"colors": -1}], ids=["shared", "unknown", "wrong"]
)
def test_an_arm_that_cannot_be_made_again_shows_the_photo_in_full(photos, options):
    arm = arm_result("K4", lost=lost_images(sources=["test/0.png"]))
    arm.options.update(options)
    learned = learned_example(arms=[arm_result("full"), arm], recommended="K4")
    section = next(section for section in learned_page(learned, photos).sections if section.groups)
    assert [bool(one.uri) for one in section.groups[0].pictures] == [True, False]


@pytest.mark.parametrize("source", [None, 3, "/nowhere/at/all"])
def test_without_a_source_photos_are_named(source):
    section = next(section for section in learned_page(learned_example(), source).sections if section.groups)
    assert {one.uri for group in section.groups for one in group.pictures} == {""}
    assert section.groups[0].note == "test/Lemon/Lemon_000.jpg"


def test_a_large_picture_is_shown_smaller(photos):
    Image.fromarray(synthetic_photo(700, 900)).save(photos / "test" / "large.png")
    full = arm_result("full", options=Options(strategy="SO", step=1).to_dict())
    few = arm_result("K4", options=Options(colors=4, step=1).to_dict(), lost=lost_images(sources=["test/large.png"]))
    learned = learned_example(arms=[full, few], recommended="K4")
    section = next(section for section in learned_page(learned, photos).sections if section.groups)
    assert [(one.width, one.height, one.zoom) for one in section.groups[0].pictures] == [(288, 224, 1)] * 2


@pytest.mark.parametrize("name", odd_examples())
def test_every_result_has_a_page_that_needs_no_network(name, tmp_path):
    path = tmp_path / "page.html"
    write_learned(odd_examples()[name], None, path)
    page = Tags(path.read_text("utf-8"))
    assert any("default-src 'none'" in attrs.get("content", "") for tag, attrs in page.tags if tag == "meta")
    for tag, attrs in page.tags:
        assert tag not in {"link", "iframe", "object", "base"}
        assert not any(value.startswith(("http", "//")) for key, value in attrs.items() if key in {"src", "href"})
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("with_plots")
def test_no_name_becomes_markup():
    learned = odd_examples()["hostile"]
    page = Tags(render(learned_page(learned, None, command=HOSTILE)))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any("onload" in attrs for _, attrs in page.tags)
    assert "".join(page.text).count("alert(1)") >= 8
    shown = html.unescape("".join(page.text))
    assert "{{ 7 * 7 }}" in shown
    assert "\x1b" not in shown


def test_failures_notes_and_facts_are_named():
    page = learned_page(odd_examples()["hostile"], None, command="ics learn x")
    assert [problem.code for problem in page.failures] == ["broken"]
    assert "Left out of every setting, because they could not be used: 1 image." in page.skips
    assert any(sentence.startswith("Stopped before all settings were judged: ") for sentence in page.skips)
    facts = dict(page.facts)
    assert facts["Models"] == "3 of each setting, which differ by chance alone; seed 0"
    assert facts["Working size"].startswith("64x64 pixels")
    assert page.command == "ics learn x"
    assert learned_page(learned_example(), None).skips == ["All images could be used."]


def test_a_page_replaces_no_other_file(tmp_path):
    path = tmp_path / "mine.html"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="did not write"):
        check_learned_page(path)
    with pytest.raises(UsageError, match="did not write"):
        write_learned(learned_example(), None, path)
    assert path.read_text("utf-8") == "mine"
    write_learned(nothing_recommended(), None, tmp_path / "p.html")
    write_learned(nothing_recommended(), None, tmp_path / "p.html")


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_a_missing_package_is_named_before_anything_is_judged(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'icsys\[report\]'"):
        check_learned_page(tmp_path / "page.html")


def test_a_lost_image_outside_of_the_source_is_not_read(photos):
    secret = photos.parent / "secret.png"
    Image.fromarray(synthetic_photo(60, 80)).save(secret)
    lost = [LostImage(source=name, label="a", taken_for="b", drop=1.0) for name in ("../secret.png", str(secret))]
    learned = learned_example(arms=[arm_result("full"), arm_result("K4", lost=lost)], recommended="K4")
    section = next(section for section in learned_page(learned, photos).sections if section.groups)
    assert {one.uri for group in section.groups for one in group.pictures} == {""}
