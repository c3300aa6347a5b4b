"""What the whole set takes, and the frontier of a budget, in a real browser."""

import re

import pytest

from icsys.options import Options
from studio_pages import BROWSER, DESK, eventually, photo_tree, serving, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    place = tmp_path_factory.mktemp("cost")
    photos = photo_tree(place / "photos", (f"{number}.png" for number in range(3)), (90, 120))
    with serving(photos, place) as address, visiting(browser, address, viewport=DESK) as opened:
        yield opened


def test_figures_follow_the_settings(page):
    bytes_shown, note = page.locator("#totals b").first, page.locator("#cost-note")
    playwright.expect(note).to_contain_text("exact")
    before = bytes_shown.inner_text()
    page.get_by_label("Colours").fill("4")
    page.get_by_label("Colours").press("Enter")
    playwright.expect(bytes_shown).not_to_have_text(before)
    playwright.expect(note).to_contain_text("exact")


def test_what_is_refused_has_no_figures_and_says_so(page):
    note, line, format_ = page.locator("#cost-note"), page.locator("#total-line"), page.get_by_label("Format")
    format_.select_option("jpeg")
    playwright.expect(note).to_have_class(re.compile("refused"))
    playwright.expect(note).to_contain_text("JPEG would bring back the colours")
    playwright.expect(line).to_have_text("")
    playwright.expect(page.locator("#totals dt")).to_have_count(0)
    format_.select_option("png")
    playwright.expect(note).not_to_have_class(re.compile("refused"))
    playwright.expect(line).to_contain_text("in all")
    playwright.expect(page.locator("#totals dt").first).to_have_text("Bytes")


def test_a_point_of_the_frontier_takes_over_its_settings(page):
    page.get_by_label("Budget").fill("6 kB")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#budget[aria-busy=false] #frontier svg").wait_for()
    points = page.locator("#frontier svg [role=button]")
    name = points.first.get_attribute("aria-label")
    points.first.dispatch_event("click")
    side, k = name.partition(":")[0].split(", ")
    playwright.expect(page.get_by_label("Colours")).to_have_value(k.removeprefix("K "))
    sides = [page.get_by_label(name) for name in ("Width", "Height")]
    eventually(page, lambda: side.removesuffix(" px") in {one.input_value() for one in sides})
    page.locator("#frontier svg [tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    taken = f"K {page.get_by_label('Colours').input_value()}:"
    playwright.expect(page.locator("#frontier svg :focus")).to_have_attribute("aria-label", re.compile(taken))
    page.get_by_text("As a table").click()
    row = page.locator("#frontier tbody tr").last
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert row.get_by_role("button").inner_text().endswith(f"K {page.get_by_label('Colours').input_value()}")
    assert "best" in page.locator("#frontier tr.recommended").inner_text()
    assert axe.Axe().run(page, "#cost").violations_count == 0


def test_the_best_is_shown_by_one_press(page):
    page.get_by_label("Budget").fill("6 kB")
    page.get_by_role("button", name="Find the best").click()
    page.get_by_role("button", name="Show the best").click()
    sides, colors = re.match(
        r"Best within 6.kB: (\d+) px, (\d+) colours", page.locator("#frontier-note").inner_text()
    ).groups()
    playwright.expect(page.get_by_label("Colours")).to_have_value(colors)
    playwright.expect(page.get_by_label("Width")).to_have_value(sides)
    page.locator("#budget[aria-busy=false] #frontier svg").wait_for()


def test_an_answer_to_earlier_settings_is_marked_as_such(page):
    older = page.get_by_text("Settings have changed since")
    playwright.expect(older).to_have_count(0)
    before = page.get_by_label("Format").input_value()
    page.get_by_label("Format").select_option("webp")
    playwright.expect(older).to_be_visible()
    page.get_by_label("Format").select_option(before)
    playwright.expect(older).to_have_count(0)


def test_a_budget_that_everything_meets_is_said(page):
    page.get_by_label("Budget").fill("1 GB")
    page.get_by_label("Choose").select_option("colors")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#frontier-note", has_text="Even the largest setting").wait_for(timeout=60000)
    page.get_by_label("Choose").select_option("both")


def test_a_budget_that_cannot_be_kept_is_said(page):
    page.get_by_label("Budget").fill("5 B")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#frontier-note", has_text="smallest setting").wait_for()
    page.get_by_label("Budget").fill("much")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#frontier-note", has_text="500MB").wait_for()
    page.get_by_label("Budget").fill("  ")
    page.get_by_role("button", name="Find the best").click()
    page.locator("#frontier-note", has_text="such as 500 MB").wait_for()
    playwright.expect(page.get_by_label("Budget")).to_be_focused()


def test_the_run_takes_over_the_budget(page):
    page.get_by_label("Budget").fill("6 kB")
    page.get_by_role("button", name="Find the best").click()
    page.get_by_role("button", name="Use the budget in the run").click()
    page.get_by_role("radio", name="Command", exact=True).check()
    text = page.get_by_label("Text to take along")
    playwright.expect(text).to_have_value(re.compile("--total-bytes 6000"))
    playwright.expect(text).not_to_have_value(re.compile("--colors"))
    page.get_by_role("button", name="Run without the budget").click()
    playwright.expect(text).not_to_have_value(re.compile("--total-bytes"))


def test_what_the_choice_keeps_is_kept_by_the_run_though_it_is_a_default(page):
    page.get_by_label("Colours").fill(str(Options().colors))
    page.get_by_label("Colours").press("Enter")
    page.get_by_label("Budget").fill("6 kB")
    page.get_by_label("Choose").select_option("size")
    page.get_by_role("button", name="Find the best").click()
    page.get_by_role("button", name="Use the budget in the run").click()
    check = page.locator("#destination-check")
    playwright.expect(check).to_contain_text("It chooses size, to keep within 6,000 bytes.")
    text = page.get_by_label("Text to take along")
    playwright.expect(text).to_have_value(re.compile(f"--colors {Options().colors} --total-bytes 6000"))
    page.get_by_role("radio", name="TOML", exact=True).check()
    only = page.get_by_text(f"Only the command keeps colors={Options().colors}")
    playwright.expect(only).to_be_visible()
    assert axe.Axe().run(page, "#take").violations_count == 0
    page.get_by_role("radio", name="Command", exact=True).check()
    playwright.expect(only).to_have_count(0)
    page.get_by_role("button", name="Run without the budget").click()
    playwright.expect(check).not_to_contain_text("It chooses")
    playwright.expect(text).not_to_have_value(re.compile("--colors"))


def test_a_codec_that_takes_more_at_every_quality_says_so(page):
    """Two colours at 8 pixels take fewer bytes than the header of a JPEG."""
    page.get_by_label("Width").fill("8")
    page.get_by_label("Colours").fill("2")
    page.get_by_label("Colours").press("Enter")
    row = page.locator("#figures-table tr", has_text="JPEG")
    playwright.expect(row).to_contain_text("No quality takes so few bytes: the lowest one takes")
    playwright.expect(page.get_by_role("button", name="Show JPEG")).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 800})
    playwright.expect(row.get_by_text("No quality takes so few bytes")).to_be_visible()
    assert axe.Axe().run(page, "#figures").violations_count == 0
