"""The page in a real browser: every control changes the picture, and all can be reached."""

import re
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import pytest
from PIL import Image

from helpers import compress_into, synthetic_photo
from icsys import Options, compress_image
from studio_pages import BROWSER, DESK, eventually, photo_tree, serving, settled, shown, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

SIZES = {"desktop": (1280, 900), "phone": (390, 800)}
LONG = "شارع " + "long " * 30 + ".png"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Photos in two classes: one that is damaged, and one with a long name from right to left."""
    names = ("cat/a.png", "cat/b.png", f"dog/{LONG}", "dog/d.png")
    return photo_tree(tmp_path_factory.mktemp("photos"), names, damaged="cat/bad.jpg")


@pytest.fixture
def visit(browser, address):
    """Open the page at a size of the screen."""

    def open_page(size="desktop", **settings):
        width, height = SIZES[size]
        return visiting(browser, address, viewport={"width": width, "height": height}, **settings)

    return open_page


@pytest.fixture(scope="module")
def desk(browser, address):
    """One page for all controls."""
    with visiting(browser, address, viewport=DESK) as page:
        yield page


def expect_bytes(page, data):
    """Wait until the figures have exactly the bytes of an output."""
    cell = page.locator("#figures-table tr", has_text="these settings").locator("td").nth(2)
    playwright.expect(cell).to_have_attribute("title", f"{len(data):,} bytes")


def picture(page, view=0):
    """Return the bytes of the picture on the right side of a view."""
    source = page.locator("img.after").nth(view).get_attribute("src")
    return page.request.get(page.url.split("#")[0].rstrip("/") + source).body()


def control(page, name):
    return page.locator("#controls").get_by_label(name, exact=True)


def choose(name, value):
    return lambda page: control(page, name).select_option(value)


def type_in(name, value, key="Enter"):
    def act(page):
        control(page, name).fill(str(value))
        control(page, name).press(key)

    return act


def tick(name):
    return lambda page: control(page, name).check()


def drag(page):
    control(page, "K by slider").fill("3")


FINAL = type_in("Width", 100)
CONTROLS = {
    "strategy": ([choose("Strategy", "FKM")], {"strategy": "FKM"}),
    "all colours": ([choose("Strategy", "SO")], {"strategy": "SO"}),
    "colours by number": ([type_in("Colours", 7)], {"colors": 7}),
    "colours left by Tab": ([type_in("Colours", 9, "Tab")], {"colors": 9}),
    "colours by slider": ([drag], {"colors": 8}),
    "auto": ([tick("As few as a quality needs")], {"colors": "auto"}),
    "auto with a target": (
        [tick("As few as a quality needs"), choose("Quality by", "min_psnr"), type_in("Limit", 24)],
        {"colors": "auto", "min_psnr": 24},
    ),
    "colour space": ([choose("Colour space", "oklab")], {"space": "oklab"}),
    "dithering": ([choose("Dithering", "floyd-steinberg")], {"dither": "floyd-steinberg"}),
    "effort": ([choose("Effort", "best")], {"effort": "best"}),
    "block": ([type_in("Block", 3)], {"step": 3}),
    "factor": ([choose("By", "scale"), type_in("Factor", 0.4)], {"scale": 0.4}),
    "width": ([FINAL], {"size": "100x100"}),
    "width and height": ([FINAL, type_in("Height", 40)], {"size": "100x40"}),
    "fit": ([FINAL, choose("Fit", "cover")], {"size": "100x100", "fit": "cover"}),
    "resampling": ([choose("Resampling", "lanczos")], {"resample": "lanczos"}),
    "format": ([choose("Format", "webp")], {"format": "webp"}),
    "jpeg": (
        [choose("Strategy", "SO"), choose("Format", "jpeg"), type_in("JPEG quality", 40)],
        {"strategy": "SO", "format": "jpeg", "jpeg_quality": 40},
    ),
    "kind of png": ([choose("Kind of PNG", "truecolor")], {"png": "truecolor"}),
    "weight": ([type_in("Weight of common", 0.5)], {"count_power": 0.5}),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_shows_the_bytes_of_a_run(desk, tree, name):
    acts, changes = CONTROLS[name]
    data = (tree / "cat/a.png").read_bytes()
    wanted = compress_image(data, Options(**changes)).data
    assert wanted != compress_image(data, Options()).data
    desk.locator("#controls details").evaluate("details => details.open = true")
    for act in acts:
        act(desk)
    expect_bytes(desk, wanted)
    assert picture(desk) == wanted
    desk.get_by_role("button", name="Reset").click()
    expect_bytes(desk, compress_image(data, Options()).data)


def test_a_palette_of_all_photos_is_that_of_a_run(visit, tree, tmp_path):
    compress_into(tree, tmp_path / "out", Options(palette="dataset"))
    with visit() as page:
        choose("Palette", "dataset")(page)
        expect_bytes(page, (tmp_path / "out/cat/a.png").read_bytes())
        assert picture(page) == (tmp_path / "out/cat/a.png").read_bytes()


def test_undo_redo_and_the_last_settings(visit, tree):
    data = (tree / "cat/a.png").read_bytes()
    usual, few = (compress_image(data, Options(colors=k)).data for k in (32, 5))
    with visit() as page:
        expect_bytes(page, usual)
        type_in("Colours", 5)(page)
        expect_bytes(page, few)
        page.keyboard.press("Control+z")
        expect_bytes(page, usual)
        playwright.expect(control(page, "Colours")).to_have_value("32")
        page.keyboard.press("Control+Shift+z")
        expect_bytes(page, few)
        page.locator(".frame").focus()
        for wanted in (usual, few, usual):
            page.keyboard.press("b")
            expect_bytes(page, wanted)
        page.get_by_role("button", name="Undo").click()
        expect_bytes(page, few)


def test_a_link_is_a_state(visit, browser, address, tree):
    wanted = compress_image((tree / "cat/b.png").read_bytes(), Options(colors=6, step=2)).data
    with visit() as page:
        type_in("Colours", 6)(page)
        type_in("Block", 2)(page)
        page.get_by_role("option", name="cat/b.png").click()
        expect_bytes(page, wanted)
        playwright.expect(page).to_have_url(re.compile("%22image%22%3A1%2C"))  # which is written a little later
        fragment = urlsplit(page.url).fragment
    with visiting(browser, f"{address}#{fragment}", viewport={"width": 1280, "height": 900}) as page:
        expect_bytes(page, wanted)
        playwright.expect(control(page, "Colours")).to_have_value("6")
        playwright.expect(page.get_by_role("option", name="cat/b.png")).to_have_attribute("aria-selected", "true")


def boxes(page):
    return [box.bounding_box() for box in page.locator(".picture").all()]


def test_four_views_move_together(visit):
    with visit() as page:
        for colors, block in ((4, 5), (64, 3), (200, 2)):
            page.get_by_role("button", name="Compare").click()
            type_in("Colours", colors)(page)
            type_in("Block", block)(page)
        playwright.expect(page.get_by_role("button", name="Compare")).to_be_disabled()
        playwright.expect(page.locator(".summary").nth(3)).to_contain_text(re.compile("200 colours, 165 . 120"))
        playwright.expect(page.locator(".summary").nth(2)).to_contain_text("64 colours")
        settled(page)
        frames = [frame.bounding_box() for frame in page.locator(".frame").all()]
        for act in (lambda: None, lambda: page.keyboard.press("1"), lambda: page.keyboard.press("ArrowRight")):
            page.locator(".frame").nth(3).focus()
            act()
            found = boxes(page)
            assert len({round(box["width"]) for box in found}) == 1
            middles = [frame["x"] + frame["width"] / 2 - box["x"] for frame, box in zip(frames, found, strict=True)]
            assert max(middles) - min(middles) <= 2
        assert found[3]["width"] == 165
        page.get_by_role("button", name="Remove view 2").click()
        playwright.expect(page.locator("article.view")).to_have_count(3)
        playwright.expect(page.locator(".summary").nth(1)).to_contain_text("64 colours")


def test_one_pixel_is_one_of_the_screen_and_the_wheel_keeps_its_point(visit):
    with visit(device_scale_factor=2) as page:
        settled(page)
        page.get_by_role("button", name="100 %").click()
        before = page.locator(".picture").bounding_box()
        assert before["width"] == 66 / 2
        assert (before["x"] * 2) % 1 == (before["y"] * 2) % 1 == 0
        playwright.expect(page.locator("#zoom")).to_have_text("100 %")
        x, y = before["x"] + 20, before["y"] + 7
        page.mouse.move(x, y)
        page.mouse.wheel(0, -600)
        playwright.expect(page.locator("#zoom")).to_have_text("200 %")
        after = page.locator(".picture").bounding_box()
        assert abs((x - after["x"]) / after["width"] - 20 / before["width"]) < 0.01
        assert abs((y - after["y"]) / after["height"] - 7 / before["height"]) < 0.02
        page.mouse.move(x + 90, y)  # away from the divider
        page.mouse.down()
        page.mouse.move(x + 120, y + 11)
        page.mouse.up()

        def moved():
            box = page.locator(".picture").bounding_box()
            return box["x"] - after["x"], box["y"] - after["y"]

        eventually(page, moved, pytest.approx((30, 11), abs=1))


def test_the_divider_is_dragged_and_moved_by_keys(visit):
    with visit() as page:
        settled(page)
        frame, slider = page.locator(".frame").bounding_box(), page.get_by_label("Divider")
        y = frame["y"] + frame["height"] / 3
        page.mouse.move(frame["x"] + frame["width"] / 2, y)
        page.mouse.down()
        page.mouse.move(frame["x"] + frame["width"] / 4, y, steps=3)
        page.mouse.up()
        eventually(page, lambda: float(slider.input_value()), pytest.approx(25, abs=0.5))
        slider.focus()
        page.keyboard.press("End")
        playwright.expect(slider).to_have_value("100")
        playwright.expect(slider).to_have_attribute("aria-valuetext", re.compile("^100 % before"))


def test_two_fingers_zoom(visit):
    with visit("phone", has_touch=True, is_mobile=True) as page:
        settled(page)
        frame = page.locator(".frame").bounding_box()
        x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
        width = page.locator(".picture").bounding_box()["width"]
        fingers = page.context.new_cdp_session(page)

        def touch(kind, *points):
            found = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": found})

        touch("touchStart", (x - 30, y), (x + 30, y))
        for apart in (40, 50, 60):
            touch("touchMove", (x - apart, y), (x + apart, y))
        touch("touchEnd")
        eventually(page, lambda: page.locator(".picture").bounding_box()["width"], pytest.approx(2 * width, rel=0.1))


def test_what_is_wrong_stands_beside_the_control_and_the_picture_stays(visit):
    with visit() as page:
        source = page.locator("img.after").get_attribute("src")
        choose("Format", "arrays")(page)
        sentence = re.compile("^format='arrays' without size: expected size")
        wrong = control(page, "Format").locator("xpath=..").locator(".wrong")
        playwright.expect(wrong).to_have_text(sentence)
        playwright.expect(page.locator("article .problem")).to_have_text(sentence)
        playwright.expect(control(page, "Format")).to_have_attribute("aria-invalid", "true")
        playwright.expect(page.locator("img.after")).to_have_attribute("src", source)
        choose("Format", "webp")(page)
        playwright.expect(wrong).to_be_hidden()
        playwright.expect(control(page, "Fit")).to_be_disabled()
        playwright.expect(control(page, "Fit")).to_have_attribute("title", re.compile("final size"))


def test_a_photo_that_cannot_be_read(visit):
    with visit() as page:
        playwright.expect(page.locator(".cell.broken")).to_have_count(1)
        page.locator(".cell.broken").click()
        playwright.expect(page.locator("article .problem")).not_to_be_empty()
        playwright.expect(page.locator(".picture")).to_be_hidden()
        playwright.expect(page.locator("#photo-name")).to_have_text("cat/bad.jpg")
        page.get_by_role("option", name="cat/a.png").click()  # the same photo as before, both sides of it
        playwright.expect(page.locator("article .problem")).to_be_empty()
        playwright.expect(page.locator("img.after")).to_be_visible()
        playwright.expect(page.locator("img.before")).to_be_visible()


def test_the_newest_change_is_shown_though_an_older_one_takes_long(visit, tree):
    """A view says that it is busy after a while, and no answer that comes late replaces a newer one."""
    data = (tree / "cat/a.png").read_bytes()
    held = []

    def hold(route):
        if '"colors":3,' in route.request.post_data:
            held.append(route)
        else:
            route.continue_()

    with visit() as page:
        page.route("**/api/preview", hold)
        type_in("Colours", 3)(page)
        playwright.expect(page.locator("article[aria-busy=true]")).to_have_count(1)
        type_in("Colours", 11)(page)
        newest = compress_image(data, Options(colors=11)).data
        expect_bytes(page, newest)
        held[0].continue_()
        playwright.expect(page.locator("article[aria-busy=true]")).to_have_count(0)
        expect_bytes(page, newest)
        assert picture(page) == newest


def test_pages_leave_the_requests_of_each_other_alone(visit):
    """A newer request of one page takes the place of an older one of that page, and of no other page."""
    slots = [], []
    with visit() as one, visit() as other:
        for page, found in zip((one, other), slots, strict=True):
            page.on("request", lambda request, found=found: found.extend(slots_of(request)))
            type_in("Colours", 6)(page)
            playwright.expect(page.locator(".summary")).to_contain_text("6 colours")
            type_in("Block", 4)(page)
            playwright.expect(page.locator("img.before")).to_have_js_property("naturalWidth", 83)
            settled(page)
            playwright.expect(page.get_by_role("button", name="Show WebP")).to_be_enabled()
    assert len(slots[0]) > 5
    assert not set(slots[0]) & set(slots[1])


def slots_of(request):
    """Return the slot that a request names, where it needs one, for previews are made in turn."""
    path, _, query = request.url.partition("?")
    if "/api/preview" not in path or path.endswith("/after"):
        return []
    return [request.post_data_json["slot"] if request.method == "POST" else dict(parse_qsl(query))["slot"]]


def test_a_drag_of_the_slider_is_one_step_back(visit, tree):
    data = (tree / "cat/a.png").read_bytes()
    with visit() as page:
        # At once: values that follow each other slowly are steps of their own.
        control(page, "K by slider").evaluate(
            """(one, shares) => {
              for (const share of shares) {
                one.value = share;
                one.dispatchEvent(new Event("input", { bubbles: true }));
              }
            }""",
            ["2", "3", "4", "4.5", "4"],
        )
        expect_bytes(page, compress_image(data, Options(colors=16)).data)
        page.get_by_role("button", name="Undo").click()
        expect_bytes(page, compress_image(data, Options()).data)
        playwright.expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_the_left_side_shows_the_photo_in_all_its_colours_or_as_it_is(visit):
    with visit() as page:
        before = page.locator("img.before")
        playwright.expect(before).to_have_js_property("naturalWidth", 66)
        page.get_by_label("Before", exact=True).select_option("original")
        playwright.expect(page.locator(".tag.before")).to_have_text("the photo itself")
        playwright.expect(before).to_have_js_property("naturalWidth", 330)
        settled(page)
        left, right = (page.locator(f"img.{side}").bounding_box() for side in ("before", "after"))
        assert left == right


def test_codecs_at_equal_bytes_are_shown_in_the_view(visit):
    with visit() as page:
        own = page.locator("img.after").get_attribute("src")
        button = page.get_by_role("button", name="Show WebP")
        button.click()
        playwright.expect(button).to_have_attribute("aria-pressed", "true")
        playwright.expect(page.locator("img.after")).to_have_attribute("src", re.compile("-webp/"))
        playwright.expect(page.locator(".tag.after")).to_have_text(re.compile("^WebP "))
        # What is said below the picture is about what is seen.
        words = page.locator("article.view .summary")
        playwright.expect(words).to_have_text(re.compile(r"^WebP \d+, .*\sk?B, .* smaller, SSIM\s"))
        button.click()
        playwright.expect(button).to_have_attribute("aria-pressed", "false")
        playwright.expect(page.locator("img.after")).to_have_attribute("src", own)
        playwright.expect(words).to_contain_text("32 colours")


def test_the_palette_is_one_stop_of_the_keyboard(visit):
    with visit() as page:
        type_in("Colours", 200)(page)
        playwright.expect(page.locator(".swatch")).to_have_count(200)
        playwright.expect(page.locator(".swatch[tabindex='0']")).to_have_count(1)
        page.locator(".swatch[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        playwright.expect(page.locator(".swatch").nth(1)).to_be_focused()
        playwright.expect(page.locator(".marks")).to_be_visible()
        page.keyboard.press("End")
        playwright.expect(page.locator(".swatch").nth(199)).to_be_focused()
        page.keyboard.press("Tab")
        playwright.expect(page.locator(".marks")).to_be_hidden()


def test_a_million_photos_scroll(visit):
    count, asked = 1_000_000, []

    def listed(route):
        first = int(re.search(r"first=(\d+)", route.request.url)[1])
        images = [{"image": n, "name": f"{n}.png", "label": ""} for n in range(first, min(first + 200, count))]
        more = {"total": count, "complete": True, "problem": "", "labels": {}, "splits": {}}
        route.fulfill(json={"images": images, "chosen": count, **more})

    def thumbnail(route):
        asked.append(route.request.url)
        route.fulfill(status=204)

    def preview(route):
        route.fulfill(status=200, headers={"X-Status": "422"}, json={"error": "none of these is made"})

    with visit() as page:
        page.route("**/api/images?*", listed)
        page.route("**/thumbnail*", thumbnail)
        page.route("**/api/preview", preview)
        page.get_by_label("Find").fill("png")
        playwright.expect(page.locator("#count")).to_have_text("1,000,000 photos")
        page.locator("#grid").focus()
        for key, number in (("End", count - 1), ("ArrowLeft", count - 2), ("Home", 0), ("PageDown", None)):
            page.keyboard.press(key)
            cell = page.locator(".cell[aria-selected=true]")
            if number is None:
                playwright.expect(cell).not_to_have_attribute("data-image", "0")
            else:
                playwright.expect(cell).to_have_attribute("data-image", str(number))
            eventually(page, partial(cell.evaluate, "cell => cell.getBoundingClientRect().bottom <= innerHeight + 1"))
        page.locator("#grid").evaluate("async grid => { for (let i = 0; i < 200; i++) grid.scrollTop = i * 4e4 }")
        playwright.expect(page.locator(".cell[data-place^='995']").first).to_be_visible()
        playwright.expect(page.locator(".cell:not(.broken)")).to_have_count(0)  # as no thumbnail is left to ask for
        assert page.locator(".cell").count() < 100
        assert len(asked) < 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_everyone_can_use_it(visit, size, scheme):
    """No rule of axe is broken on any view, and nothing sticks out of the screen."""
    with visit(size, color_scheme=scheme) as page:

        def check():
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]

        settled(page)
        page.get_by_role("button", name="Show WebP").click()
        check()
        page.locator("details").evaluate_all("all => all.forEach(details => details.open = true)")
        tick("As few as a quality needs")(page)
        for _ in range(3):
            page.get_by_role("button", name="Compare").click()
        choose("Format", "arrays")(page)
        playwright.expect(page.locator(".wrong:visible")).to_have_count(1)
        check()
        page.get_by_role("option", name="cat/bad.jpg").click()
        playwright.expect(page.locator("article.empty")).to_have_count(4)
        check()


def test_large_text_stays_on_the_screen(visit):
    with visit("phone") as page:
        settled(page)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]


def test_all_is_done_by_keyboard(visit, tree):
    wanted = compress_image((tree / "cat/b.png").read_bytes(), Options(colors=33, strategy="MBKM")).data
    with visit() as page:
        settled(page)
        reached = set()

        def tab_to(locator):
            for _ in range(80):
                page.keyboard.press("Tab")
                reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
                if locator.evaluate("one => one === document.activeElement"):
                    return
            raise AssertionError(locator)

        tab_to(page.locator("#grid"))
        page.keyboard.press("ArrowRight")
        tab_to(page.locator(".frame"))
        page.keyboard.press("1")
        tab_to(control(page, "Strategy"))
        page.keyboard.press("End")
        playwright.expect(control(page, "Strategy")).to_have_value("MBKM")
        tab_to(control(page, "K by slider"))
        page.keyboard.press("ArrowRight")
        expect_bytes(page, wanted)
        playwright.expect(page.locator("#zoom")).to_have_text("100 %")
        assert {"words", "zoom-in", "divider", "reference", "add-view", "swatch"} <= reached
        page.keyboard.press("Control+z")
        playwright.expect(control(page, "Colours")).to_have_value("32")


def test_contracted_names_exist_once(visit):
    with visit() as page:
        settled(page)
        for name in ("Strategy", "Colours", "Width", "Height", "Fit", "Destination"):
            playwright.expect(page.get_by_label(name)).to_have_count(1)
        for name in ("Strategy", "Colours", "Width", "Height", "Fit", "Destination", "Start"):
            roles = ("combobox", "spinbutton", "slider", "textbox", "checkbox", "radio", "button", "searchbox")
            found = [page.get_by_role(role, name=name).count() for role in roles]
            assert sum(found) == 1, (name, found)


def test_a_photo_that_is_listed_late_is_shown_once_it_is_there(visit):
    answers = []

    def late(route):
        if answers:
            route.continue_()
            return
        answers.append(route)
        error = {"error": "image 0: expected a number below 0"}
        route.fulfill(status=200, headers={"X-Status": "400"}, json=error)

    with visit() as page:
        page.route("**/api/preview", late)
        type_in("Colours", 5)(page)
        playwright.expect(page.locator(".summary")).to_contain_text("5 colours")
        assert len(answers) == 1


def said(page):
    """Wait until the page says why there is no picture."""
    playwright.expect(page.locator("article .problem")).to_be_visible()


def test_a_folder_without_photos(browser, tmp_path):
    (tmp_path / "in").mkdir()
    with serving(tmp_path / "in", tmp_path) as address, visiting(browser, address, said) as page:
        playwright.expect(page.locator("article .problem")).to_contain_text("There is no photo in this folder.")
        playwright.expect(page.get_by_role("heading", name="This photo")).to_be_hidden()
        playwright.expect(page.locator("#count")).to_have_text("0 photos")
        assert axe.Axe().run(page).violations_count == 0


@pytest.mark.parametrize("broken", [1, 2], ids=["the first", "all"])
def test_a_set_whose_first_photo_is_damaged_says_so(browser, tmp_path, broken):
    (tmp_path / "in").mkdir()
    for number in range(2):
        path = tmp_path / "in" / f"{number}.jpg"
        Image.fromarray(synthetic_photo(120, 160, seed=number)).save(path)
        if number < broken:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with serving(tmp_path / "in", tmp_path) as address, visiting(browser, address, said) as page:
        playwright.expect(page.locator("article .problem")).to_contain_text("damaged JPEG")
        playwright.expect(page.locator("#photo-name")).to_have_text("0.jpg")
        playwright.expect(page.locator("#found-line")).to_have_text(f"{broken} broken")
        page.locator("#grid").press("ArrowRight")
        if broken == 1:
            shown(page)
            playwright.expect(page.locator("article .problem")).to_be_empty()
        else:
            playwright.expect(page.locator("#photo-name")).to_have_text("1.jpg")
            said(page)
        assert axe.Axe().run(page).violations_count == 0
