"""Photos that a run leaves out by an opened TOML, in a real browser: said for the photo shown, and in the grid."""

import re
import shutil

import pytest
from PIL import Image

from helpers import synthetic_photo
from studio_pages import BROWSER, DESK, serving, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")
expect = playwright.expect


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    place = tmp_path_factory.mktemp("left out")
    (place / "photos").mkdir()
    for number, height in enumerate((90, 40, 90)):
        Image.fromarray(synthetic_photo(height, 120, seed=number)).save(place / "photos" / f"{number}.png")
    shutil.copy(place / "photos" / "0.png", place / "photos" / "3.png")
    with (
        serving(place / "photos", place) as address,
        visiting(browser, address, viewport=DESK) as opened,
    ):
        yield opened


def opened(page, text):
    page.get_by_label("Open a TOML file").set_input_files(
        {"name": "rules.toml", "mimeType": "application/toml", "buffer": text.encode()}
    )


def test_photos_that_rules_leave_out_say_so_and_are_marked(page):
    cells, said = page.locator(".cell.left-out"), page.get_by_text("A run leaves this photo out")
    expect(page.locator("#grid [role=option]")).to_have_count(4)
    expect(cells).to_have_count(0)
    opened(page, 'min_side = 50\ndrop_duplicates = "exact"\n')
    expect(cells).to_have_count(2)
    # Cells stand in the order in which they were made, and so in no certain one.
    small, copy = page.locator("#photo-1.left-out"), page.locator("#photo-3.left-out")
    expect(small).to_have_attribute("title", re.compile("1.png\nA run leaves it out: .* 40 pixels"))
    expect(copy).to_have_attribute("title", re.compile("3.png\nA run leaves it out: its file equals .*0.png"))
    expect(said).to_have_count(0)
    small.click()
    expect(said).to_have_text("A run leaves this photo out: its shorter side has 40 pixels, fewer than --min-side 50.")
    copy.click()
    expect(said).to_have_text("A run leaves this photo out: its file equals that of '0.png'.")
    assert axe.Axe().run(page).violations_count == 0
    page.get_by_role("option", name="2.png").click()
    expect(said).to_have_count(0)


def test_what_is_left_out_follows_the_settings(page):
    cells = page.locator(".cell.left-out")
    opened(page, "max_aspect = 2\n")
    expect(cells).to_have_count(1)
    expect(cells).to_have_attribute("title", re.compile("--max-aspect 2"))
    page.get_by_role("button", name="Undo").click()
    opened(page, "colors = 8\n")
    expect(cells).to_have_count(0)
