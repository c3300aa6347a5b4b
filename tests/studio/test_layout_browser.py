"""All parts of the page, on phones and screens: nothing sticks out, is cut, covers another or is too small to touch."""

import re
from pathlib import Path

import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys.report.learned.learn_json import write_learn_file
from learned_results import learned_result
from studio_pages import BROWSER, eventually, serving, settled, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

expect = playwright.expect
FAULTS = (Path(__file__).parents[1] / "studio_faults.js").read_text("utf-8")
TOUCHED = 24  # pixels that what a finger presses has at least, each way
FORMS = {"360": (360, "light"), "390-dark": (390, "dark"), "1280-dark": (1280, "dark")}
LONG = "a folder with a rather long name that goes on/" + "IMG_2024_with_a_long_name_" * 4 + ".jpg"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Photos in two splits and two classes: equal ones, one that is damaged, and one with a long name."""
    folder = tmp_path_factory.mktemp("photos")
    names = ("train/cat/a.jpg", "train/cat/b.jpg", "train/dog/c.jpg", "test/cat/d.jpg", f"test/{LONG}")
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(240, 330, seed=number % 4)).save(folder / name, quality=40)
    (folder / "train/dog/bad.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module", params=FORMS.values(), ids=FORMS)
def page(request, browser, tree, tmp_path_factory):
    """One page for all parts, in an order that no test depends on."""
    width, scheme = request.param
    place = tmp_path_factory.mktemp("cwd")
    is_phone = width < 500
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    touched = {"has_touch": is_phone, "is_mobile": is_phone}
    (place / "Compressed").mkdir()
    write_learn_file(learned_result(), place / "Compressed" / "learn.json")
    with serving(tree, place) as address, visiting(browser, address, **screen, **touched) as opened:
        yield opened


@pytest.fixture(autouse=True)
def as_at_first(page):
    """Begin with one view of the first photo and the usual settings."""
    yield
    page.locator("#order").select_option("name")
    while page.locator("article.view").count() > 1:
        page.get_by_role("button", name="Remove view 1").click()
    page.locator("#controls .reset").evaluate("button => button.click()")
    page.locator("#notice").evaluate("notice => { notice.hidden = true; }")


def is_phone(page):
    return page.viewport_size["width"] < 500


def looks_well(page):
    settled(page)
    eventually(page, lambda: page.evaluate(FAULTS, TOUCHED if is_phone(page) else 0), [])
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def enter(page, name, value):
    field = page.locator("#controls").get_by_label(name, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_the_first_view(page):
    expect(page.get_by_role("button", name="Show WebP")).to_be_enabled()
    looks_well(page)


def test_all_figures_are_seen_at_once(page):
    expect(page.get_by_role("button", name="Show WebP")).to_be_enabled()
    table = page.get_by_role("table").first
    for name in ("Bytes", "Smaller", "PSNR", "SSIM", "CIEDE2000", "Time"):
        header = table.get_by_role("rowheader" if is_phone(page) else "columnheader", name=name, exact=True)
        left = header.bounding_box()["x"]
        assert 0 <= left <= page.viewport_size["width"] - 24


@pytest.mark.parametrize("number", [65, 256])
def test_a_palette_of_many_colours_is_seen_in_whole(page, number):
    enter(page, "Colours", number)
    expect(page.locator(".swatch")).to_have_count(number)
    place = page.locator("#palette")
    assert place.evaluate("palette => palette.scrollHeight - palette.clientHeight") <= 1
    looks_well(page)


def test_pictures_of_views_lie_side_by_side(page):
    for colors, block in ((4, 5), (64, 2), (200, 1)):
        page.get_by_role("button", name="Compare").click()
        enter(page, "Colours", colors)
        enter(page, "Block", block)
        if colors == 64:
            page.get_by_label("Dithering").select_option("floyd-steinberg")
        expect(page.locator(".summary").last).to_contain_text(f"{colors} colours")
        looks_well(page)
        frames = [frame.bounding_box() for frame in page.locator(".frame").all()]
        for one, other in zip(frames[::2], frames[1::2], strict=False):
            assert (one["y"], one["height"]) == pytest.approx((other["y"], other["height"]), abs=1)


def test_what_stands_on_the_picture_lies_above_the_divider(page):
    page.get_by_role("button", name="Compare").click()
    settled(page)
    above = """tags => tags.every((tag) => Number(getComputedStyle(tag).zIndex) > 0)"""
    assert page.locator(".tag").evaluate_all(above)


def test_settings_and_what_is_wrong_with_them(page):
    page.locator("#controls details").evaluate("details => { details.open = true; }")
    looks_well(page)
    enter(page, "Colours", 70_000)
    enter(page, "Keep exactly", "#12345")
    page.get_by_label("Format").select_option("arrays")
    expect(page.locator("article .problem")).not_to_be_empty()
    looks_well(page)


def test_outputs_that_are_larger_are_said_to_be(page):
    enter(page, "Colours", 256)
    enter(page, "Block", 1)
    expect(page.locator("#total-line")).to_have_text(re.compile(r"in all, [\d.]+\u00d7 larger$"))
    expect(page.locator("#totals dt").nth(1)).to_have_text("Larger")
    looks_well(page)


def test_photos_by_class_and_by_what_was_found(page):
    expect(page.locator("#found-line")).to_contain_text("1 broken")
    page.locator("#found").evaluate("details => { details.open = true; }")
    looks_well(page)
    page.locator("#found").evaluate("details => { details.open = false; }")
    page.locator("#order").select_option("worst")
    expect(page.locator("#count")).to_contain_text("random sample")
    looks_well(page)


def test_a_budget_and_its_frontier(page):
    page.get_by_label("Budget").fill("20 kB")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#budget[aria-busy=false] #frontier svg").wait_for()
    page.locator("#frontier details").evaluate("details => { details.open = true; }")
    looks_well(page)
    use, drop = (
        page.get_by_role("button", name=name) for name in ("Use the budget in the run", "Run without the budget")
    )
    use.click()
    expect(use).to_be_hidden()
    expect(page.locator("#run-view")).to_contain_text("The run keeps to 20 kB")
    looks_well(page)
    page.get_by_label("Format").select_option("webp")  # what was found is of earlier settings now
    expect(page.locator("#frontier.older")).to_have_count(1)
    looks_well(page)
    drop.click()
    expect(use).to_be_visible()
    expect(page.locator("#run-view")).to_be_hidden()


def test_a_run_with_failures(page):
    page.locator("#run-form details").evaluate("details => { details.open = true; }")
    page.get_by_label("Destination").fill("")
    expect(page.locator("#destination-check")).to_have_class(re.compile("refused"))
    looks_well(page)
    page.get_by_label("Destination").fill("a long name of a folder " * 4)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#run-end")).to_contain_text("Done: ")
    page.locator("#run-failures").evaluate("details => { details.open = true; }")
    looks_well(page)


def test_what_a_model_keeps(page):
    page.get_by_label("Destination").fill("Compressed")
    page.get_by_role("button", name="Show this result").click()
    page.locator("#learn-plot svg").wait_for()
    for name in ("sure", "rest"):
        page.locator(f"#learn-{name}").evaluate("details => { details.open = true; }")
    looks_well(page)


def test_a_sentence_for_some_seconds_has_the_width_of_the_screen(page):
    page.get_by_label("Open a TOML file").set_input_files(
        {"name": "mine.toml", "mimeType": "", "buffer": b"colours = 3"}
    )
    notice = page.locator("#notice")
    expect(notice).to_contain_text("did you mean colors?")
    assert notice.bounding_box()["width"] >= min(500, 0.8 * page.viewport_size["width"])
    looks_well(page)


def test_a_file_that_was_opened_is_said(page):
    page.get_by_label("Open a TOML file").set_input_files(
        {"name": "mine.toml", "mimeType": "", "buffer": b"colors = 3"}
    )
    text = page.get_by_label("Text to take along")
    page.get_by_role("radio", name="TOML", exact=True).check()
    expect(text).to_have_value(re.compile("colors = 3\n"))
    expect(page.locator("#take-note")).to_have_text(
        "The options of mine.toml are shown. Undo brings back the ones before."
    )
    looks_well(page)
    page.get_by_role("radio", name="Python", exact=True).check()
    looks_well(page)
