"""A page that is open while photos change on disk: it shows them anew once the user comes back to it."""

import os
import re

import pytest

from helpers import image_bytes, synthetic_photo
from studio_pages import BROWSER, DESK, eventually, serving, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
expect = playwright.expect
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")


@pytest.fixture
def folder(tmp_path):
    for name, seed in (("cat/a.png", 1), ("cat/b.png", 2), ("dog/c.png", 3)):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(image_bytes(synthetic_photo(60, 90, seed=seed)))
    return tmp_path / "set"


@pytest.fixture
def page(browser, folder, tmp_path):
    with (
        serving(folder, tmp_path) as address,
        visiting(browser, address, viewport=DESK) as it,
    ):
        yield it


def change(path, data):
    """Replace a file, whose time is another one then, as on a disk that counts whole seconds."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def come_back(page):
    """Give the window the focus, as it has it when the user comes back from another one."""
    page.locator("body").evaluate("() => dispatchEvent(new Event('focus'))")


def size_of(page, place):
    """Return the natural size of a picture."""
    return page.locator(place).first.evaluate("picture => [picture.naturalWidth, picture.naturalHeight]")


def test_a_photo_that_changes_is_shown_anew_everywhere(page, folder):
    cell = "#photo-0 img"
    eventually(page, lambda: size_of(page, cell), [90, 60])
    page.locator("#reference").select_option("original")
    eventually(page, lambda: size_of(page, "img.before"), [90, 60])
    change(folder / "cat/a.png", image_bytes(synthetic_photo(40, 20, seed=5)))
    come_back(page)
    eventually(page, lambda: size_of(page, "img.before"), [20, 40])
    eventually(page, lambda: size_of(page, cell), [20, 40])
    expect(page.locator("#figures-table tr", has_text="the photo")).to_contain_text(re.compile("20 . 40"))
    expect(page.locator("article.view .summary")).to_contain_text("SSIM")
    (folder / "cat/a.png").unlink()
    come_back(page)
    expect(page.locator("article.view .problem")).to_have_text("the file has vanished since it was listed")
    expect(page.locator("#count")).to_have_text("2 photos")
    (folder / "cat/a.png").write_bytes(image_bytes(synthetic_photo(30, 70, seed=6)))
    come_back(page)
    expect(page.locator("article.view .problem")).to_be_empty()
    expect(page.locator("#count")).to_have_text("3 photos")
    eventually(page, lambda: size_of(page, "img.before"), [70, 30])


def test_photos_that_come_and_go_are_listed_and_counted(page, folder):
    expect(page.locator("#count")).to_have_text("3 photos")
    expect(page.locator("#total-line")).to_contain_text("in all")
    expect(page.locator("#found-line")).to_have_text("Nothing broken, no duplicates")
    page.locator("#photo-1").click()
    expect(page.locator("#photo-name")).to_have_text("cat/b.png")
    before = page.locator("#total-line").text_content()
    for name in ("bird/z.png", "cat/aa.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(image_bytes(synthetic_photo(66, 80, seed=8)))
    come_back(page)
    expect(page.locator("#count")).to_have_text("5 photos")
    expect(page.locator("#label option", has_text="bird (1)")).to_have_count(1)
    expect(page.locator("#total-line")).not_to_have_text(before)
    expect(page.locator("#found-line")).to_contain_text("photos have changed since")
    names = page.locator(".cell img").evaluate_all("cells => cells.map((cell) => cell.alt)")
    assert sorted(names) == ["bird/z.png", "cat/a.png", "cat/aa.png", "cat/b.png", "dog/c.png"]
    expect(page.locator(".cell[aria-selected=true] img")).to_have_attribute("alt", "cat/b.png")
    page.locator("#photo-0").click()
    expect(page.locator("#photo-name")).to_have_text("bird/z.png")
    page.locator("#grid").press("End")
    expect(page.locator("#photo-name")).to_have_text("dog/c.png")
    page.locator("#found-line").click()
    page.get_by_role("button", name="Inspect again").click()
    expect(page.locator("#found-line")).to_have_text("1 group of equal files")
    (folder / "bird/z.png").unlink()
    come_back(page)
    expect(page.locator("#count")).to_have_text("4 photos")


def test_what_has_not_changed_stays_as_it_is(page):
    """Neither a codec that is shown, nor where the keyboard is, is lost."""
    page.get_by_role("button", name="Show WebP").click()
    expect(page.locator("article.view .tag.after")).to_contain_text("WebP")
    page.get_by_role("button", name="Show WebP").focus()
    first = page.locator("#photo-0").element_handle()
    with page.expect_response("**/api/preview"), page.expect_response("**/api/images?*"):
        come_back(page)
    expect(page.get_by_role("button", name="Show WebP")).to_be_focused()
    expect(page.locator("article.view .tag.after")).to_contain_text("WebP")
    assert first.evaluate("cell => cell.isConnected")


def test_what_another_page_keeps_is_taken_over(page, tmp_path):
    expect(page.locator("#destination-check")).to_contain_text("A new folder.")
    (tmp_path / "set-small").mkdir()
    page.get_by_label("Destination").fill(str(tmp_path / "set-small"))
    expect(page.locator("#destination-check")).to_contain_text("An empty folder.")
    (tmp_path / "set-small/notes.txt").write_text("mine")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("#preset-name").fill("mine")
    other.locator("#preset-form button").first.click()
    expect(other.locator("#preset-note")).to_have_text("Saved.")
    other.close()
    come_back(page)
    expect(page.locator("#destination-check")).to_contain_text("A folder with other files")
    expect(page.locator("#preset option", has_text="mine")).to_have_count(1)
