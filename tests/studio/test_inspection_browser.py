"""What is found in the set, and its photos with the worst ones first, in a real browser."""

import re

import pytest
from PIL import Image

from helpers import synthetic_photo
from studio_pages import BROWSER, eventually, serving, settled, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

FLAT, EQUAL, OTHER, BAD = "train/cat/flat.png", "train/dog/equal.png", "test/cat/صورة.png", "train/dog/bad.jpg"
SIZES = {"desktop": (1280, 900), "phone": (390, 800)}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Photos in two splits: equal ones in both, one of a single colour, and one that is damaged."""
    folder = tmp_path_factory.mktemp("inspected")
    photos = {EQUAL: synthetic_photo(90, 120, seed=1), OTHER: synthetic_photo(90, 120, seed=1)}
    photos |= {f"train/cat/{number}.png": synthetic_photo(90, 120, seed=number) for number in (2, 3)}
    photos[FLAT] = photos[EQUAL] * 0 + 9
    for name, pixels in photos.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "in" / name)
    (folder / "in" / BAD).write_bytes(b"no picture")
    with serving(folder / "in", folder) as found:
        yield found


@pytest.fixture(params=[("desktop", "light"), ("desktop", "dark"), ("phone", "light")], ids="-".join)
def page(request, browser, address):
    size, scheme = request.param
    width, height = SIZES[size]
    with visiting(browser, address, viewport={"width": width, "height": height}, color_scheme=scheme) as opened:
        playwright.expect(opened.locator("#found-line")).not_to_be_empty()
        yield opened


def everyone_can_use(page):
    """Check that no rule of axe is broken, and that nothing sticks out of the screen."""
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def photo_shown(page, name):
    playwright.expect(page.locator("#photo-name")).to_have_text(name)
    playwright.expect(page.locator(".cell[aria-selected=true] img")).to_have_attribute("alt", name)


def test_what_is_found_is_told_and_leads_to_its_photos_by_keyboard(page):
    line = page.locator("#found-line")
    playwright.expect(line).to_have_text("1 broken, 1 group of equal files, 1 leak across splits")
    playwright.expect(page.locator(".cell.marked")).to_have_count(1)
    line.press("Enter")
    found = page.locator("#found")
    for title in ("Broken", "Leaks across splits", "Equal files", "Darkest"):
        playwright.expect(found.get_by_role("heading", name=title, exact=True)).to_be_visible()
    playwright.expect(found.locator("dd").first).to_have_text(re.compile("^6, "))
    everyone_can_use(page)
    playwright.expect(found.get_by_role("button", name=".png")).to_have_count(0)  # no photo names a button
    page.keyboard.press("Tab")  # to what scrolls, or its first photo
    bad = found.get_by_role("link", name=BAD).first
    eventually(page, lambda: tabbed_to(page, bad))
    page.keyboard.press("Enter")
    photo_shown(page, BAD)
    playwright.expect(page.locator("article .problem")).not_to_be_empty()
    leak = found.get_by_role("list").nth(1).get_by_role("link")
    playwright.expect(leak).to_have_count(2)
    other = leak.filter(has_text=OTHER)
    other.press("Enter")
    photo_shown(page, OTHER)
    settled(page)
    everyone_can_use(page)


def tabbed_to(page, control):
    """Return whether a control has the focus, after one more press of Tab if it has not."""
    is_there = control.evaluate("one => one === document.activeElement")
    if not is_there:
        page.keyboard.press("Tab")
    return is_there


def test_an_inspection_is_made_again(page):
    page.locator("#found-line").click()
    page.get_by_role("button", name="Inspect again").press("Enter")
    playwright.expect(page.get_by_role("button", name="Inspect again")).to_be_visible()
    playwright.expect(page.locator("#found-line")).to_have_text(re.compile("^1 broken"))


def test_the_worst_photos_come_first(page):
    settled(page)
    order = page.get_by_label("Order", exact=True)
    order.focus()
    page.keyboard.press("End")
    playwright.expect(order).to_have_value("worst")
    playwright.expect(page.locator("#count")).to_have_text("5 photos of a random sample, by CIEDE2000")
    cells = page.locator(".cell")
    playwright.expect(cells).to_have_count(5)
    before = worst_values(page)
    assert before == sorted(before, reverse=True)
    playwright.expect(page.locator(".cell[data-place='4'] img")).to_have_attribute("alt", FLAT)
    page.locator("#grid").press("End")
    photo_shown(page, FLAT)
    page.locator("#grid").press("Home")
    photo_shown(page, page.locator(".cell[data-place='0'] img").get_attribute("alt"))
    settled(page)
    everyone_can_use(page)
    page.get_by_label("Colours").fill("2")
    page.get_by_label("Colours").press("Enter")
    eventually(page, lambda: all_but_one_above(worst_values(page), max(before)))
    order.focus()
    page.keyboard.press("Home")
    playwright.expect(page.locator("#count")).to_have_text("6 photos")
    playwright.expect(cells).to_have_count(6)


def all_but_one_above(values, limit):
    return len(values) == 5 and values[3] > limit


def worst_values(page):
    """Return the differences of colour that the titles of the photos tell, in the order of the grid."""
    titles = page.locator(".cell").evaluate_all(
        "cells => cells.sort((one, other) => one.dataset.place - other.dataset.place).map((cell) => cell.title)"
    )
    return [float(title.rpartition("CIEDE2000 ")[2]) for title in titles if "CIEDE2000" in title]
