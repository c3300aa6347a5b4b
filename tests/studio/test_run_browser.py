"""A run in a real browser: started, left alone by a page that closes, found again, ended, gone on with, reported."""

import re

import pytest

from fault_runs import slow_images
from helpers import everything
from icsys import Options, compress_folder
from icsys.report.learned.learn_json import write_learn_file
from learned_results import learned_result
from studio_pages import BROWSER, photo_tree, serving, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

MANY = 120
WAIT = 240_000  # milliseconds that a run may take on a busy machine
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Photos in two classes, one of them damaged."""
    names = (f"{'cat' if number % 2 else 'dog'}/{number}.png" for number in range(MANY))
    return photo_tree(tmp_path_factory.mktemp("photos"), names, (120, 160), damaged="cat/bad.jpg")


def start(page, destination):
    page.get_by_label("Destination").fill(destination)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Stop").wait_for()


def expect(page, place, text, **settings):
    playwright.expect(page.locator(place)).to_contain_text(text, **settings)


def test_a_run_outlives_its_page_and_ends_in_its_report(browser, tree, tmp_path):
    with serving(tree, tmp_path, slow_images(0.2)) as address:
        with visiting(browser, address, viewport=DESK) as page:
            expect(page, "#destination-check", "A new folder.")
            page.get_by_label("Destination").fill("")
            expect(page, "#destination-check", "Name the folder to write to first.")
            assert list(tmp_path.iterdir()) == []
            start(page, "small")
        with visiting(browser, address, viewport=DESK) as page:
            playwright.expect(page.get_by_label("Destination")).to_have_value("small")
            expect(page, "#run-line", re.compile(r"[1-9]\d* of 121 images"))
            expect(page, "#run-now", re.compile(r"^Run: \d+\u00a0%$"))
            page.locator("#run-now").click()
            playwright.expect(page.get_by_role("button", name="Stop")).to_be_in_viewport()
            page.get_by_role("button", name="Stop").click()
            expect(page, "#run-end", "Ended early (interrupted)")
            expect(page, "#run-now", "Run: ended early")
            expect(page, "#destination-check", "here already with these settings")
            page.get_by_role("button", name="Start").click()
            expect(page, "#run-end", "Done: ", timeout=WAIT)
            expect(page, "#run-end", "skipped")
            expect(page, "#run-now", "Run: done")
            page.get_by_text("1 failed", exact=True).click()
            expect(page, "#run-failures-list", "cat/bad.jpg")
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            see_report(page, address)
    compress_folder(tree, tmp_path / "whole", Options())
    run, whole = everything(tmp_path / "small"), everything(tmp_path / "whole")
    run.pop("report.html")
    assert run == whole


def test_only_the_button_starts_a_run(browser, tree, tmp_path):
    with serving(tree, tmp_path) as address, visiting(browser, address, viewport=DESK) as page:
        page.get_by_label("Destination").fill("small")
        page.get_by_label("Destination").press("Enter")
        expect(page, "#destination-check", "small")
        playwright.expect(page.get_by_label("Text to take along")).to_have_value(re.compile("small$"))
        assert page.request.get(address.partition("?")[0] + "api/run").json() == {"state": "none"}
        assert list(tmp_path.iterdir()) == []
        page.get_by_role("button", name="Start").press("Enter")
        expect(page, "#run-end", "Done: ", timeout=WAIT)


def see_report(page, address):
    """Open the report, which shows in an origin of its own, asks nothing else, and says nothing."""
    said, asked = [], []
    page.context.on("console", lambda message: said.append(message.text))
    page.context.on("request", lambda request: asked.append(request.url))
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Look at the report").click()
    playwright.expect(popup.value.locator("h1")).to_have_text("small")
    assert popup.value.evaluate("self.origin") == "null"
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", address.partition("?")[0]))] == []


def test_a_result_of_the_command_is_offered_and_shown(browser, tree, tmp_path):
    (tmp_path / "Compressed").mkdir()
    learned = learned_result()
    write_learn_file(learned, tmp_path / "Compressed" / "learn.json")
    with serving(tree, tmp_path) as address, visiting(browser, address, viewport=DESK) as page:
        page.get_by_role("button", name="Show this result").click()
        expect(page, "#learn-from", f"about {learned.source}")
        page.locator("#learn-plot svg").wait_for()
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    with serving(tree, tmp_path) as address, visiting(browser, address, viewport=DESK) as page:
        playwright.expect(page.get_by_role("button", name="Show this result")).to_have_count(1)


def test_what_a_model_keeps_is_a_curve_whose_points_set_the_controls(browser, tree, tmp_path):
    with serving(tree, tmp_path) as address, visiting(browser, address, viewport=DESK) as page:
        page.get_by_label("Minutes").fill("0.1")
        page.get_by_role("button", name="Find out what a model keeps").click()
        page.locator("#learn-plot svg").wait_for(timeout=WAIT)
        page.get_by_role("button", name=re.compile("^(Recommended: )?K16,")).press("Enter")
        playwright.expect(page.locator("#controls").get_by_label("Colours")).to_have_value("16")
        playwright.expect(page.locator("#controls").get_by_label("Width")).to_have_value("64")
        page.get_by_text("All settings", exact=True).click()
        table = page.locator("#learn-table")
        playwright.expect(table.get_by_role("row")).not_to_have_count(0)
        # All columns are in sight beside the pictures.
        assert table.evaluate("table => table.parentElement.scrollWidth - table.parentElement.clientWidth") <= 0
        page.get_by_role("button", name="K4", exact=True).click()
        playwright.expect(page.locator("#controls").get_by_label("Colours")).to_have_value("4")
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert list(tmp_path.iterdir()) == []
