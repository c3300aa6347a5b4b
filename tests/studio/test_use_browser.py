"""The page in a real browser as a newcomer uses it: what it says, where it leads, and what stays in its place."""

import json
import re
from urllib.parse import quote

import pytest

from icsys import Options, compress_image
from studio_pages import BROWSER, eventually, photo_tree, serving, settled, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
expect = playwright.expect
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

BROKEN = "#" + quote(json.dumps({"views": [{}], "active": 0, "image": 3}))
NAMES = ("train/cat/a.png", "train/cat/b.png", "train/dog/c.png", "test/dog/d.png")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Photos in two classes and splits, and one that is damaged."""
    return photo_tree(tmp_path_factory.mktemp("photos"), NAMES, damaged="train/cat/bad.jpg")


def control(page, name):
    return page.locator("#controls").get_by_label(name, exact=True)


def problem(page, name):
    """Return where the page says what is wrong with a control."""
    return control(page, name).locator("xpath=..").locator(".wrong")


def enter(page, name, text):
    """Type a text as a user does: over what the field holds, with Enter at the end."""
    control(page, name).focus()
    control(page, name).press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def choose_photo(page, name):
    page.get_by_role("option", name=name).click()
    expect(page.locator("#photo-name")).to_have_text(name)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("Colours", "0", "Expected a whole number from 1 to 65,536, not 0."),
        ("Colours", "-5", "Expected a whole number from 1 to 65,536, not -5."),
        ("Colours", "2.5", "Expected a whole number from 1 to 65,536, not 2.5."),
        ("Colours", "99999999999", "Expected a whole number from 1 to 65,536, not 99999999999."),
        ("Colours", "e", "Expected a whole number from 1 to 65,536."),
        ("Width", "70000", "Expected a whole number from 1 to 65,535, not 70000."),
        ("Block", "0", "Expected a whole number from 1 to 65,535, not 0."),
    ],
)
def test_a_wrong_number_is_answered_by_what_is_expected(page, name, text, sentence):
    enter(page, name, text)
    expect(problem(page, name)).to_have_text(sentence)
    expect(control(page, name)).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".summary")).to_contain_text("32 colours")


def test_what_was_wrong_goes_with_the_text_that_it_is_about(page):
    enter(page, "Colours", "0")
    expect(problem(page, "Colours")).not_to_be_empty()
    control(page, "K by slider").fill("3")
    expect(page.locator(".summary")).to_contain_text("8 colours")
    expect(control(page, "Colours")).to_have_value("8")
    expect(problem(page, "Colours")).to_be_hidden()
    expect(control(page, "Colours")).not_to_have_attribute("aria-invalid", "true")


def test_a_limit_that_is_no_number_is_said(page):
    control(page, "As few as a quality needs").check()
    enter(page, "Limit", "-1")
    expect(problem(page, "Limit")).to_have_text("Expected a number of at least 0, not -1.")


def test_scientific_and_empty_numbers(page):
    enter(page, "Colours", "1e1")
    expect(page.locator(".summary")).to_contain_text("10 colours")
    control(page, "Colours").fill("")
    control(page, "Colours").press("Enter")
    expect(control(page, "Colours")).to_have_value("10")


def test_no_control_is_blamed_for_a_server_that_has_too_much_to_do(page):
    page.route("**/api/preview", lambda route: route.fulfill(headers={"X-Status": "503"}, json={}))
    enter(page, "Colours", "9")
    expect(page.locator("article .problem")).to_have_text("The server has too much to do; try again.")
    expect(problem(page, "Colours")).to_be_hidden()
    page.unroute("**/api/preview")


@pytest.mark.parametrize(("form", "ending"), [("png", "png"), ("webp", "webp"), ("jpeg", "jpg")])
def test_one_picture_is_saved_as_a_run_writes_it(page, tree, tmp_path, form, ending):
    strategy = {"strategy": "SO"} if form == "jpeg" else {}
    if strategy:
        control(page, "Strategy").select_option("SO")
    control(page, "Format").select_option(form)
    wanted = compress_image((tree / NAMES[-1]).read_bytes(), Options(format=form, **strategy)).data
    own = page.locator("#figures-table tr", has_text="these settings")
    expect(own.locator("td").nth(2)).to_have_attribute("title", f"{len(wanted):,} bytes")
    with page.expect_download() as found:
        page.get_by_role("button", name="Save this picture").click()
    assert found.value.suggested_filename == f"d.{ending}"
    found.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == wanted


def test_a_damaged_photo_is_named_and_its_message_stands_in_the_view(page):
    choose_photo(page, "train/cat/a.png")
    page.get_by_role("option", name="train/cat/bad.jpg").click()
    said = page.locator("article .problem")
    expect(said).to_contain_text("not an image")
    expect(page.locator("#photo-name")).to_have_text("train/cat/bad.jpg")

    def is_inside():
        frame, text = page.locator(".frame").bounding_box(), said.bounding_box()
        return frame["y"] <= text["y"] + text["height"] / 2 <= frame["y"] + frame["height"]

    eventually(page, is_inside)


def test_photos_that_are_looked_at_are_one_step_back(page):
    enter(page, "Colours", "9")
    for name in ("train/cat/a.png", "train/cat/b.png", "train/dog/c.png"):
        choose_photo(page, name)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#photo-name")).to_have_text("test/dog/d.png")
    expect(page.locator(".summary")).to_contain_text("9 colours")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".summary")).to_contain_text("32 colours")


@pytest.mark.parametrize(
    ("link", "title"),
    [("Whole set", "Whole set"), ("Run", "Run"), ("Model", "What a model keeps"), ("Take along", "Take along")],
)
def test_links_lead_to_the_parts_and_leave_the_address_alone(page, link, title):
    before = page.url
    page.get_by_role("link", name=link, exact=True).click()
    heading = page.get_by_role("heading", name=title, exact=True)
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport(ratio=1)
    assert page.url == before

    # What stays in sight above the parts hides none of their titles.
    def is_below():
        nav, place = page.locator(".jump").bounding_box(), heading.bounding_box()
        return place["y"] >= nav["y"] + nav["height"]

    eventually(page, is_below)


def test_the_total_stays_in_sight_and_follows_the_settings(page):
    line = page.locator("#total-line")
    expect(line).to_have_text(re.compile(r"^[\d.]+ kB in all, [\d.]+\u00d7 smaller$"))
    before = line.inner_text()
    enter(page, "Colours", "2")
    expect(line).not_to_have_text(before)
    page.locator("#side").evaluate("side => { side.scrollTop = side.scrollHeight; }")
    expect(line).to_be_in_viewport()


def test_the_worst_photos_bear_what_they_are_ordered_by(page):
    page.locator("#order").select_option("worst")
    expect(page.locator("#count")).to_have_text("4 photos of a random sample, by CIEDE2000")
    cells = [page.locator(f"#photo-{place}") for place in range(len(NAMES))]

    def is_ordered():
        values = [float(cell.get_attribute("data-worst") or 0) for cell in cells]
        return values == sorted(values, reverse=True) and values[-1] > 0

    eventually(page, is_ordered)


def test_a_search_without_a_hit_says_so(page):
    page.get_by_label("Find").fill("zebra")
    expect(page.locator("#count")).to_have_text("None of 5 photos fits")


def test_the_picture_keeps_its_size_while_the_number_of_colours_grows(page):
    boxes = []
    for number in (8, 64, 65, 256):
        enter(page, "Colours", str(number))
        expect(page.locator(".summary")).to_contain_text(f"{number} colours")
        settled(page)
        boxes.append(page.locator(".picture").bounding_box())
    assert boxes == [boxes[0]] * 4


def test_each_view_says_in_words_what_tells_it_from_the_others(page):
    expect(page.locator("#controls-title")).to_have_text("Settings")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#controls-title")).to_have_text("Settings of view 2")
    control(page, "Dithering").select_option("floyd-steinberg")
    words = page.locator(".summary")
    expect(words.nth(0)).to_contain_text("no dithering")
    expect(words.nth(1)).to_contain_text("Steinberg")
    control(page, "Strategy").select_option("SO")
    # Dithering has no effect without a choice of colours.
    expect(words.nth(1)).to_contain_text("SO")
    expect(words.nth(1)).not_to_contain_text("Steinberg")


def test_settings_are_copied_to_another_view(page):
    page.get_by_role("button", name="Compare").click()
    enter(page, "Colours", "5")
    words = page.locator(".summary")
    expect(words.nth(1)).to_contain_text("5 colours")
    expect(words.nth(0)).to_contain_text("32 colours")
    page.get_by_role("button", name="Copy to view 1").click()
    expect(words.nth(0)).to_contain_text("5 colours")
    page.get_by_role("button", name="Undo").click()
    expect(words.nth(0)).to_contain_text("32 colours")
    page.get_by_role("button", name="Remove view 1").click()
    expect(page.get_by_role("button", name="Copy to view")).to_have_count(0)
    expect(words).to_contain_text("5 colours")


def test_the_handle_leaves_a_tiny_picture_free(page):
    enter(page, "Width", "40")
    expect(page.locator(".summary")).to_contain_text("40 \u00d7")
    page.locator("#zoom-one").click()
    expect(page.locator("#zoom")).to_have_text("100 %")

    def is_free():
        picture, handle = page.locator(".picture").bounding_box(), page.locator(".knob").bounding_box()
        return handle["y"] + handle["height"] <= picture["y"]

    eventually(page, is_free)
    # One that is thinner than the divider is seen in whole.
    enter(page, "Width", "8")
    expect(page.locator(".summary")).to_contain_text("8 \u00d7")
    expect(page.locator(".knob")).to_be_hidden()
    expect(page.locator("img.after")).to_have_css("clip-path", "none")
    page.locator("#zoom-all").click()
    expect(page.locator(".knob")).to_be_visible()


def test_a_budget_that_is_no_number_of_bytes_is_marked(page):
    page.get_by_label("Budget").fill("2 pears")
    page.get_by_role("button", name="Find the best").click()
    expect(page.locator("#frontier-note")).to_contain_text("2 pears")
    expect(page.get_by_label("Budget")).to_have_attribute("aria-invalid", "true")


def test_large_text_leaves_the_pictures_their_room(page):
    page.locator("html").evaluate("root => { root.style.fontSize = '200%'; }")
    eventually(page, lambda: page.locator("#stage").bounding_box()["width"] >= 1280 / 3)
    assert page.locator("html").evaluate("root => root.scrollWidth") <= 1280


@pytest.mark.parametrize(("width", "height"), [(390, 844), (960, 540), (640, 450), (844, 390)])
def test_the_picture_stays_in_sight_while_settings_are_changed(browser, address, width, height):
    """On a phone that stands or lies, and in a window at 200 %."""
    with visiting(browser, address, viewport={"width": width, "height": height}) as page:
        settled(page)
        # Whatever else comes above the controls has come, and moves them no more.
        expect(page.locator("#found-line")).to_be_visible()
        expect(page.locator("#figures-table td", has_text="…")).to_have_count(0)
        for name in ("Strategy", "Colours", "Dithering", "Resampling", "Format"):
            control(page, name).focus()
            control(page, name).scroll_into_view_if_needed()
            expect(control(page, name)).to_be_in_viewport(ratio=0.95)  # a fraction of a pixel may be cut
            expect(page.locator(".frame")).to_be_in_viewport(ratio=0.9)
            # Nothing lies over the control: a click at its place reaches it.
            control(page, name).click(trial=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_those_who_want_no_motion(browser, address, motion):
    with visiting(browser, address, reduced_motion=motion) as page:
        settled(page)
        page.locator("article.view").evaluate("view => view.setAttribute('aria-busy', 'true')")
        count = page.evaluate("document.getAnimations().filter((one) => one.effect.getTiming().iterations > 1).length")
        assert count == (motion == "no-preference")


def test_a_server_that_is_gone_is_said(browser, tree, tmp_path):
    context = browser.new_context()
    opened = context.new_page()
    with serving(tree, tmp_path) as address:
        opened.goto(address)
        expect(opened.locator("#photo-name")).not_to_be_empty()
        expect(opened.locator("#lost")).to_be_hidden()
    expect(opened.locator("#lost")).to_be_visible()
    context.close()


def test_the_next_photo_is_the_next_of_the_grid(page):
    name, back, on = page.locator("#photo-name"), page.locator("#previous"), page.locator("#next")
    expect(name).to_have_text("test/dog/d.png")
    expect(back).to_be_disabled()
    on.click()
    expect(name).to_have_text("train/cat/a.png")
    page.locator(".frame").focus()
    page.keyboard.press("n")
    expect(name).to_have_text("train/cat/b.png")
    page.keyboard.press("p")
    expect(name).to_have_text("train/cat/a.png")
    # Among others than the one that is shown, the first is next.
    page.get_by_label("Class").select_option("dog")
    page.get_by_role("option", name="train/cat/a.png").wait_for(state="detached")
    on.click()
    expect(name).to_have_text("test/dog/d.png")
    expect(back).to_be_disabled()
    on.click()
    expect(name).to_have_text("train/dog/c.png")
    expect(on).to_be_disabled()
    page.locator("#words").focus()
    page.keyboard.type("np")  # in a field, they are letters
    expect(name).to_have_text("train/dog/c.png")


@pytest.mark.parametrize("width", [390, 768, 1100, 1280, 1920])
def test_the_picture_keeps_its_place_whatever_is_said_below_it(browser, address, width):
    with visiting(browser, address, viewport={"width": width, "height": 900}) as page:
        settled(page)
        expect(page.get_by_role("button", name="Show WebP")).to_be_enabled()
        frame, rooms = page.locator(".frame"), (".figures", ".photos", ".side")
        before = [frame.bounding_box(), *(page.locator(room).bounding_box()["y"] for room in rooms)]
        page.evaluate("place => { location.hash = place; }", BROKEN)
        expect(page.locator("#photo-name")).to_have_text("train/cat/bad.jpg")
        assert [frame.bounding_box(), *(page.locator(room).bounding_box()["y"] for room in rooms)] == before


def test_a_photo_whose_thumbnail_is_on_its_way_has_an_empty_place(page):
    page.route("**/thumbnail*", lambda _: None)
    page.locator("#words").fill("train")
    waiting = page.locator("#grid img:not([src])")
    expect(waiting).to_have_count(1)  # of four, and three are loaded at a time
    expect(waiting).to_have_css("opacity", "0")


def test_a_side_that_is_typed_stays_where_it_is(page):
    place = control(page, "Width").bounding_box()
    enter(page, "Width", "64")
    expect(page.locator(".summary")).to_contain_text("64 \u00d7 ")
    expect(control(page, "Block")).to_be_disabled()
    assert control(page, "Width").bounding_box() == place
    page.get_by_label("By", exact=True).select_option("step")
    expect(control(page, "Block")).to_be_enabled()


def test_a_link_leads_from_the_top_to_the_settings(page):
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the settings")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Strategy")).to_be_focused()


def test_the_sides_of_large_photos_are_seen_in_whole(page):
    for name in ("Width", "Height"):
        enter(page, name, "65535")
    for name in ("Width", "Height"):
        assert control(page, name).evaluate("side => side.scrollWidth - side.clientWidth") <= 0


def test_a_run_that_is_refused_says_so_beside_its_button(page):
    start, said = page.get_by_role("button", name="Start"), page.locator("#run-refused")
    page.get_by_label("Destination").fill("")
    start.click()
    expect(said).to_have_text("Name the folder to write to first.")
    expect(page.get_by_label("Destination")).to_be_focused()
    page.get_by_label("Destination").fill("/proc/nothing/here")
    expect(said).to_be_hidden()
    page.get_by_label("Destination").fill(str(page.locator("#source").inner_text()))
    start.click()
    expect(said).to_contain_text("expected two folders")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_few_photos_are_picked_and_stay_at_hand(page):
    """They are a press away, in the address, and one step back."""
    pick, strip = page.get_by_role("button", name="Pick", exact=True), page.locator("#picked button")
    expect(strip).to_have_count(0)
    for name in ("train/cat/a.png", "train/dog/c.png"):
        choose_photo(page, name)
        expect(pick).to_have_attribute("aria-pressed", "false")
        pick.click()
        expect(pick).to_have_attribute("aria-pressed", "true")
    expect(strip).to_have_count(2)
    enter(page, "Colours", "9")
    page.get_by_role("button", name="Picked photo 1: train/cat/a.png").click()
    expect(page.locator("#photo-name")).to_have_text("train/cat/a.png")
    expect(page.locator(".summary")).to_contain_text("9 colours")
    expect(strip.first).to_have_attribute("aria-pressed", "true")
    eventually(page, lambda: strip.first.locator("img").evaluate("image => image.naturalWidth > 0"))
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#picked button")).to_have_count(2)
    expect(other.get_by_role("button", name="Picked photo 1: train/cat/a.png")).to_be_visible()
    other.close()
    page.locator("#grid").focus()
    page.keyboard.press("k")
    expect(strip).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(strip).to_have_count(2)
