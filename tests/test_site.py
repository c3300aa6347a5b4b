"""The pages build into a site without a warning, and the site loads nothing from other hosts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Letters and pictures decide how wide a page is, and come after its text.
READY = """() => Promise.all([document.fonts.ready, ...[...document.images].map((one) => {
    one.loading = "eager";
    return one.decode();
})]).then(() => null)"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built into a folder of its own."""
    pytest.importorskip("material", reason="needs the package mkdocs-material: make test-extras")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site_and_programs_stay_out(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert all((site / page).is_file() for page in pages)
    assert not list(site.rglob("*.py"))


def test_no_page_loads_anything_from_another_host(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)", page.read_text("utf-8")
        )
        assert loaded
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text("utf-8")), style.name


def test_pipes_and_lists_are_rendered_correctly(site):
    text = (site / "reference.html").read_text("utf-8")
    assert "<td><code>--strategy</code> SO, MKM, FKM or MBKM</td>" in text
    assert text.count("<td><code>--") > 60
    assert "<td>image</td>" in text
    lists = (site / "palettes.html").read_text("utf-8")
    assert lists.count("<li>") > 3


@pytest.fixture(scope="module")
def phone(site):
    """A function that opens a page of the site as wide as a phone."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium: Debian's package chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
    with api.sync_playwright() as driver, driver.chromium.launch(executable_path=program, args=flags) as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})

        def open_page(name):
            page.goto((site / name).as_uri())
            page.evaluate(READY)
            return page

        yield open_page


@pytest.mark.parametrize("name", ["index.html", "reference.html", "readers.html", "reliability.html", "costs.html"])
def test_a_page_fits_on_a_phone_and_its_cards_need_no_scrolling(phone, name):
    page = phone(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = """() => [...document.querySelectorAll(".cards *")].filter(one => one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).overflowX != "visible").map(one => one.textContent)"""
    assert page.evaluate(wide) == []


def test_the_first_page_shows_before_and_after_on_a_phone(phone):
    page = phone("index.html")
    shown = page.evaluate("""() => {
        const image = document.querySelector("picture img"), box = image.getBoundingClientRect();
        return [image.currentSrc.split("/").pop(), image.naturalWidth > 0, box.left >= 0 && box.right <= innerWidth];
    }""")
    assert shown == ["before-after-phone.png", True, True]


def test_options_on_a_phone_have_their_default_in_words(phone):
    page = phone("reference.html")
    label = """() => {
        const row = [...document.querySelectorAll(".options tr")].find(one => one.innerText.includes("--colors"));
        const cell = row.cells[2];
        return [cell.innerText, getComputedStyle(cell, "::before").content, getComputedStyle(row).display];
    }"""
    assert page.evaluate(label) == ["32", '"Default: "', "block"]
