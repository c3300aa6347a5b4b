"""The pages in a real browser: Chromium without a window, opened from disk."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers import compress_into, synthetic_photo
from icsys import Options, compare_folder, report_folder, write_comparison
from icsys.report.learned.page import write_learned
from icsys.results import Failed
from learned_examples import learned_example, lost_images, network_checks
from studio_pages import BROWSER, eventually

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

SIZES = {"desktop": (1280, 900), "phone": (390, 800)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A comparison, a finished run and what was learned as pages, with a failure and a file that is no photo."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "in" / "cat").mkdir(parents=True)
    for i, name in enumerate(("a <b> & c.png", "cat/d.png", "cat/e.png")):
        Image.fromarray(synthetic_photo(300, 480, seed=i)).save(folder / "in" / name)
    (folder / "in" / "bad.jpg").write_bytes(b"")
    (folder / "in" / "notes.txt").touch()
    options = Options(step=1)
    comparison = compare_folder(folder / "in", options, colors=[2, 8], strategies=["MKM", "FKM"])
    write_comparison(comparison, folder / "comparison.html")
    compress_into(folder / "in", folder / "out", options.replace(colors=8))
    run = report_folder(folder / "out")
    learned = learned_example(
        network=network_checks(), failures=[Failed(source="bad.jpg", code="empty", message="0 B")]
    )
    for arm in learned.arms:
        arm.lost[:1] = lost_images(sources=["cat/d.png", "cat/e.png"])
    write_learned(learned, folder / "in", folder / "learned.html", command="ics learn in")
    return {
        "comparison": folder / "comparison.html",
        "run": run,
        "learned": folder / "learned.html",
        "examples": comparison.examples,
    }


@pytest.fixture
def visit(browser, pages):
    """Open a page, and check at the end that it requested only itself and reported no error."""
    contexts, requests, messages = [], [], []

    def open_page(name, size="desktop", **settings):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(pages[name].as_uri(), wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    own = {pages[name].as_uri() for name in ("comparison", "run", "learned")}
    assert requests
    assert {url for url in requests if not url.startswith("data:")} <= own
    assert messages == []


def stands(page, wanted):
    """Wait until the slider of the first example stands somewhere, and the divider is seen there."""
    eventually(page, lambda: divider(page), (wanted, f"{wanted}%"))


def divider(page):
    """Return where the slider of the first example stands, and what is seen of it."""
    example = page.locator(".example").first
    value = example.locator("input[type=range]").input_value()
    shown = example.locator(".pair").evaluate("pair => getComputedStyle(pair).getPropertyValue('--at')")
    return int(value), shown.strip()


def seen(page):
    """Return what the screen shows of the first pair, at a whole pixel and without what is drawn over it."""
    place = "position: fixed; left: 0; top: 0; z-index: 9; outline: none !important"
    page.add_style_tag(content=f".tag, .handle {{ display: none }} section[aria-labelledby=first] .pair {{ {place} }}")
    image = page.locator(".pair").first.screenshot()
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def shows(page, left, right):
    """Wait until the screen shows pixels at both ends of the first pair, as pictures are decoded late."""

    def equal():
        screen = seen(page)
        ends = screen[:, : left.shape[1]], screen[:, screen.shape[1] - right.shape[1] :]
        return all(np.array_equal(*pair) for pair in zip(ends, (left, right), strict=True))

    eventually(page, equal)


@pytest.mark.parametrize("name", ["comparison", "run"])
def test_the_arrow_keys_move_the_divider(visit, name):
    page = visit(name)
    slider = page.get_by_role("slider").first
    slider.focus()
    stands(page, 50)
    for key, value in (("ArrowRight", 51), ("ArrowRight", 52), ("ArrowLeft", 51), ("Home", 0), ("End", 100)):
        page.keyboard.press(key)
        stands(page, value)
    playwright.expect(slider).to_have_attribute("aria-valuetext", re.compile("^100 % in all colours, the rest in "))


@pytest.mark.parametrize("name", ["comparison", "run"])
def test_a_mouse_drags_the_divider_to_where_it_points(visit, name):
    page = visit(name)
    pair = page.locator(".pair").first
    pair.scroll_into_view_if_needed()
    box = pair.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    for share in (0.4, 0.3, 0.2):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + 60)
    page.mouse.up()
    stands(page, 20)


def test_a_finger_moves_the_divider(visit):
    page = visit("comparison", "phone", has_touch=True, is_mobile=True)
    pair = page.locator(".pair").first
    pair.scroll_into_view_if_needed()
    box = pair.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + 30)
    eventually(page, lambda: divider(page)[0], pytest.approx(75, abs=1))
    stands(page, divider(page)[0])


def test_the_screen_shows_the_pixels_of_both_pictures_at_their_own_scale(visit, pages):
    page = visit("comparison")
    example = pages["examples"][0]
    page.get_by_role("slider").first.focus()
    before, after = example.reference, example.shown["MKM 2"].pixels
    for key, at in (("Home", 0), ("End", before.shape[1])):
        page.keyboard.press(key)
        shows(page, before[:, :at], after[:, at:])
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    middle = before.shape[1] // 2
    shows(page, before[:, : middle - 1], after[:, middle + 1 :])


def test_a_choice_by_key_shows_another_picture_and_its_palette(visit, pages):
    page = visit("comparison")
    example = pages["examples"][0]
    first = page.locator(".example").first
    first.get_by_role("radio", name="MKM 2").focus()
    page.keyboard.press("ArrowRight")
    playwright.expect(first.get_by_role("radio", name="MKM 8")).to_be_checked()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    said = re.compile("the rest in MKM 8$")
    playwright.expect(page.get_by_role("slider").first).to_have_attribute("aria-valuetext", said)
    colors = len(example.shown["MKM 8"].palette.counts)
    playwright.expect(first.locator(".strip:visible rect")).to_have_count(colors)
    playwright.expect(first.locator("[data-after]")).to_have_text("MKM 8")
    shows(page, example.reference[:, :0], example.shown["MKM 8"].pixels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["comparison", "run", "learned"])
def test_everyone_can_read_it(visit, name, size, scheme):
    """No rule of axe is broken (contrast, names, roles, order of headings), and nothing sticks out of the screen."""
    page = visit(name, size, color_scheme=scheme)
    for details in page.locator("details").all():
        details.evaluate("details => details.open = true")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


def test_dark_and_light_differ(visit):
    grounds = []
    for scheme in ("light", "dark"):
        color = visit("run", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        grounds.append(sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))))
    assert grounds[0] > 600
    assert grounds[1] < 150


def test_without_scripts_pictures_and_figures_are_there(visit):
    page = visit("comparison", java_script_enabled=False)
    playwright.expect(page.locator(".pair .before").first).to_be_visible()
    playwright.expect(page.locator("table").first).to_be_visible()
    playwright.expect(page.get_by_role("img", name="MKM 2: ").first).to_be_attached()


def test_the_keyboard_reaches_the_table_and_every_slider(visit):
    page = visit("comparison", "phone")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.type || document.activeElement.className"))
    assert reached[0] == "skip"
    assert reached.count("range") >= 3
    assert "scroll" in reached


def test_lost_photos_stand_beside_each_other_at_whole_pixels(visit):
    """Before is left of after, at the same scale, also on a phone."""
    for size in SIZES:
        page = visit("learned", size)
        before, after = (one.bounding_box() for one in page.locator(".group img").all()[:2])
        assert before["x"] + before["width"] <= after["x"]
        assert before["y"] == after["y"]
        assert (before["width"], before["height"]) == (after["width"], after["height"]) == (128, 80)


def test_one_click_selects_the_whole_command(visit):
    page = visit("learned")
    command = page.locator(".advised code")
    command.click()
    playwright.expect(command).to_have_text(re.compile("^ics compress "))
    eventually(page, lambda: page.evaluate("getSelection().toString()"), command.inner_text())
