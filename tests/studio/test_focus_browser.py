"""The page by keyboard alone: the focus is always on something that is seen, also when a control goes off or away."""

import re

import pytest

from studio_pages import BROWSER, eventually, photo_tree, settled, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
expect = playwright.expect
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

# What the element with the focus hides of itself, or an empty text. A label, or a part of a picture, may bear the mark.
HIDDEN = """() => {
  const one = document.activeElement;
  if (one === document.body) return "no element has the focus";
  const { left, top, bottom, width, height } = one.getBoundingClientRect();
  if (!width || !height) return `${one.outerHTML} has no size`;
  if (top < -1 || bottom > innerHeight + 1) return `${one.outerHTML} is out of the window`;
  const over = document.elementFromPoint(left + width / 2, (top + bottom) / 2);
  if (!over || !(one.contains(over) || over.contains(one) || over.closest("label")?.contains(one))) {
    return `${one.outerHTML} lies below ${over?.outerHTML}`;
  }
  const bearers = [one, one.closest("label"), one.querySelector(".reach")].filter(Boolean);
  const marks = bearers.map((part) => getComputedStyle(part));
  const isMarked = ({ outlineStyle, stroke }) => outlineStyle !== "none" || stroke !== "none";
  return one.matches(":focus-visible") && marks.some(isMarked) ? "" : `${one.outerHTML} has no mark`;
}"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return photo_tree(tmp_path_factory.mktemp("photos"), (f"cat/{number}.png" for number in range(3)), (60, 80))


@pytest.fixture
def page(page):
    settled(page)
    return page


def press(page, control, key="Enter"):
    """Press a key on a control as somebody does who has no pointer."""
    page.keyboard.press("Tab")  # from here on, the browser shows where the focus is
    control.focus()
    page.keyboard.press(key)


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (640, 450), (390, 844)])
def test_each_stop_of_the_keyboard_is_seen(browser, address, width, height):
    with visiting(browser, address, viewport={"width": width, "height": height}) as page:
        settled(page)
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            eventually(page, lambda: page.evaluate(HIDDEN), "")
        assert page.evaluate("document.activeElement === document.body")  # all stops were seen


def test_a_button_that_goes_off_keeps_the_focus_and_does_nothing(page):
    compare, undo = button(page, "Compare"), button(page, "Undo")
    press(page, compare)
    for number in (3, 4, 4):
        page.keyboard.press("Enter")
        expect(page.locator("article.view")).to_have_count(number)
    expect(compare).to_be_focused()
    expect(compare).to_have_attribute("aria-disabled", "true")
    press(page, undo)
    for number in (2, 1, 1):
        page.keyboard.press("Enter")
        expect(page.locator("article.view")).to_have_count(number)
    expect(undo).to_be_focused()
    expect(compare).to_be_enabled()
    page.keyboard.press("Tab")
    expect(undo).to_be_disabled()
    expect(button(page, "Redo")).to_be_focused()
    assert page.evaluate(HIDDEN) == ""


def test_a_view_that_goes_hands_the_focus_on(page):
    for _ in range(2):
        button(page, "Compare").click()
    press(page, button(page, "Remove view 3"))
    expect(button(page, "Remove view 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".frame")).to_be_focused()
    assert page.evaluate(HIDDEN) == ""


def test_a_run_leaves_the_focus_at_its_buttons(page):
    page.get_by_label("Destination").fill("by-keyboard")
    press(page, page.get_by_role("button", name="Start"))
    expect(page.locator("#run-end")).to_contain_text("Done: ")
    expect(page.get_by_role("button", name="Start")).to_be_focused()
    # What is shown while a run goes on, and then goes away.
    page.locator("#stop").evaluate("stop => stop.hidden = false")
    press(page, page.locator("#stop"), "Shift")
    page.locator("#stop").evaluate("stop => stop.hidden = true")
    expect(page.get_by_role("button", name="Start")).to_be_focused()


def test_the_budget_and_the_presets_keep_the_focus(page):
    page.get_by_label("Budget").fill("6 kB")
    press(page, button(page, "Find the best"))
    press(page, button(page, "Use the budget in the run"))
    press(page, button(page, "Run without the budget"))
    expect(button(page, "Run without the budget")).to_be_hidden()
    eventually(page, lambda: page.evaluate(HIDDEN), "")
    page.get_by_label("Save as").fill("mine")
    press(page, page.get_by_label("Save as"))
    expect(page.locator("#preset-note")).to_have_text("Saved.")
    press(page, button(page, "Delete"))
    expect(page.locator("#preset-note")).to_have_text(re.compile("^Deleted"))
    expect(button(page, "Delete")).to_be_focused()


def test_links_to_the_parts_show_where_they_lead(page):
    for link, title in (("Whole set", "#cost-title"), ("Take along", "#take-title")):
        press(page, page.get_by_role("link", name=link))
        expect(page.locator(title)).to_be_focused()
        eventually(page, lambda: page.evaluate(HIDDEN), "")


def test_who_leaves_a_control_is_left_alone(page):
    page.get_by_label("Find").focus()
    page.get_by_label("Find").blur()
    button(page, "Compare").dispatch_event("click")  # elements come and go
    expect(page.locator("article.view")).to_have_count(2)
    assert page.evaluate("document.activeElement === document.body")
