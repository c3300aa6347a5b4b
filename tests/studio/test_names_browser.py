"""Names of files and classes on the page: of any length, and in scripts that run from right to left."""

import pytest
from PIL import Image

from helpers import synthetic_photo
from studio_pages import BROWSER, DESK, serving, settled, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
expect = playwright.expect
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

LONG = "a class with a very long name that goes on and on, as it was taken from the catalogue of a shop, with all words"
HEBREW = "\u05d7\u05ea\u05d5\u05dc\u05d9\u05dd"  # cats
ARABIC = "\u0642\u0637\u0629"  # a cat
NAMES = (f"{HEBREW}/{ARABIC} (1).png", f"{LONG}/{'part-' * 8}end.png", f"{LONG}/{HEBREW} 22.png")
# Where the parts of a path begin.
LEFTS = "parts => parts.map((part) => part.getBoundingClientRect().left)"


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(NAMES):
        for split in ("train", "test"):
            path = folder / split / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(synthetic_photo(60, 80, seed=number)).save(path)
    (folder / "train" / HEBREW / f"{ARABIC}.jpg").write_bytes(b"no picture")
    cwd = tmp_path_factory.mktemp("cwd")
    with serving(folder, cwd) as address, visiting(browser, address, viewport=DESK) as opened:
        settled(opened)
        yield opened


def parts_of(path):
    return path.locator("bdi:not(.path)")


@pytest.mark.parametrize("name", NAMES)
def test_a_path_runs_from_left_to_right_and_its_parts_as_they_are_written(page, name):
    page.get_by_role("option", name=f"train/{name}").click()
    shown = page.locator("#photo-name")
    expect(shown).to_have_text(f"train/{name}")
    lefts = parts_of(shown).evaluate_all(LEFTS)
    assert lefts == sorted(lefts)
    for part, text in zip(parts_of(shown).all(), f"train/{name}".split("/"), strict=True):
        direction = part.evaluate("part => getComputedStyle(part).direction")
        assert direction == ("rtl" if text.startswith((HEBREW, ARABIC)) else "ltr")


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_the_file_is_seen_in_whole_though_its_class_is_long(page, name):
    page.get_by_role("option", name=f"train/{name}").click()
    shown = page.locator("#photo-name")
    expect(shown).to_have_text(f"train/{name}")
    box, last = shown.bounding_box(), parts_of(shown).last.bounding_box()
    assert last["y"] + last["height"] <= box["y"] + box["height"] + 1
    assert last["x"] + last["width"] <= box["x"] + box["width"] + 1


def test_paths_of_findings_and_failures_run_from_left_to_right(page):
    page.locator("#found-line").click()
    found = page.get_by_role("link", name=f"train/{HEBREW}/{ARABIC}.jpg")
    lefts = parts_of(found).evaluate_all(LEFTS)
    assert len(lefts) == 3
    assert lefts == sorted(lefts)
    page.get_by_label("Destination").fill("small")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("1 failed", exact=True).click()
    failed = page.locator("#run-failures-list .path")
    expect(failed).to_have_text(f"train/{HEBREW}/{ARABIC}.jpg")
    lefts = parts_of(failed).evaluate_all(LEFTS)
    assert lefts == sorted(lefts)


def test_nothing_sticks_out(page):
    for place in (".photos", ".figures", "#side"):
        assert page.locator(place).evaluate("place => place.scrollWidth - place.clientWidth") <= 0
