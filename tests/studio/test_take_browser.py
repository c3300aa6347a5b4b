"""Settings are taken along from the page, and come back into it, in a real browser."""

import re
import shlex

import pytest
from PIL import Image

from helpers import ics
from icsys.options import Options
from studio_pages import BROWSER, photo_tree, serving, settled, shown, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python: as above")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")
NAME = "صور صغيرة <b>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two photos beside a folder where the studio runs."""
    place = tmp_path_factory.mktemp("taken along")
    photo_tree(place / "photos", ("0.png", "1.png"), (90, 120))
    return place


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder / "photos", folder) as found:
        yield found


def taken(page, form):
    page.get_by_role("radio", name=form, exact=True).check()
    return page.get_by_label("Text to take along").input_value()


def set_colours(page, number):
    field = page.get_by_label("Colours")
    field.fill(str(number))
    field.press("Enter")
    holds(page, f"--colors {number}")


def holds(page, text):
    """Wait until the command has a text."""
    page.get_by_role("radio", name="Command", exact=True).check()
    playwright.expect(page.get_by_label("Text to take along")).to_have_value(re.compile(re.escape(text)))


def drop(page, name, text):
    page.evaluate(
        """([name, text]) => {
          const files = new DataTransfer();
          files.items.add(new File([text], name));
          for (const kind of ["dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        [name, text],
    )


def test_the_copied_command_makes_what_the_page_shows(page, folder):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Destination").fill("small it's")
    set_colours(page, 5)
    page.get_by_role("button", name="Copy", exact=True).click()
    playwright.expect(page.locator("#take-note")).to_have_text("Copied.")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == taken(page, "Command")
    assert ics(*shlex.split(command)[1:], cwd=folder / "photos")[0] == 0
    with Image.open(folder / "small it's" / "0.png") as made:
        assert len(made.getcolors()) == 5
    assert "icsys.Options(colors=5)" in taken(page, "Python")
    (folder / "taken.toml").write_text(taken(page, "TOML"), "utf-8")
    printed = ics("compress", "--config", folder / "taken.toml", "--print-options", cwd=folder)[1]
    assert printed == taken(page, "TOML")


def test_a_browser_that_lets_no_page_copy_has_the_text_selected(page):
    page.evaluate("""() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
      document.execCommand = () => false;
    }""")
    set_colours(page, 6)
    page.get_by_role("button", name="Copy", exact=True).click()
    playwright.expect(page.locator("#take-note")).to_contain_text("copy it with Ctrl+C")
    assert page.evaluate("getSelection().toString()") == taken(page, "Command")
    page.get_by_role("button", name="Copy link").click()
    playwright.expect(page.get_by_label("Link to this page as it is")).to_be_focused()


def test_a_link_is_a_state(browser, page, address):
    set_colours(page, 7)
    page.get_by_label("Destination").fill("elsewhere")
    page.get_by_role("button", name="Copy link").click()
    link = page.get_by_label("Link to this page as it is").input_value()
    assert "token" not in link
    with visiting(browser, address) as other:
        other.goto(link)
        shown(other)
        holds(other, "elsewhere' --colors 7")  # the folder above has a blank in its name


def test_presets_are_kept_chosen_and_deleted_by_keyboard(browser, page, address):
    preset, note = page.get_by_label("Preset", exact=True), page.locator("#preset-note")
    set_colours(page, 9)
    page.get_by_label("Save as").fill(NAME)
    page.get_by_label("Save as").press("Enter")
    playwright.expect(note).to_have_text("Saved.")
    playwright.expect(preset).to_have_value(f"own:{NAME}")
    preset.select_option(label="As ImageNet: 224 × 224, cropped")  # noqa: RUF001 - as sizes are written
    holds(page, "--size 224x224")
    playwright.expect(page.get_by_label("Width")).to_have_value("224")
    assert "--colors 9" in taken(page, "Command")
    with visiting(browser, address) as other:  # as in a later session: nothing is kept in the browser
        other.get_by_label("Preset", exact=True).select_option(label=NAME)
        holds(other, "--colors 9")
        assert "--size" not in taken(other, "Command")
    page.get_by_role("button", name="Undo").click()
    playwright.expect(preset).to_have_value(f"own:{NAME}")
    page.get_by_role("button", name="Delete").press("Enter")
    playwright.expect(note).to_contain_text("Deleted.")
    playwright.expect(page.get_by_label("Save as")).to_have_value(NAME)
    playwright.expect(preset.locator("option", has_text=NAME)).to_have_count(0)


def test_a_toml_file_is_opened_or_dropped(page, folder):
    path = folder / "mine.toml"
    path.write_text('colors = "auto"\nmin_psnr = 30\nscale = 0.5\njobs = 2\nquiet = true\n', "utf-8")
    page.get_by_label("Open a TOML file").set_input_files(path)
    holds(page, "--colors auto --min-psnr 30")
    said = page.locator("#take-note")
    playwright.expect(said).to_have_text("The options of mine.toml are shown. Undo brings back the ones before.")
    command = shlex.split(taken(page, "Command"))
    assert command[4:] == ["--colors", "auto", "--min-psnr", "30.0", "--per", "image", "--scale", "0.5", "--jobs", "2"]
    drop(page, "b.TOML", "colors = 3")
    holds(page, "--colors 3")
    assert "--jobs" not in taken(page, "Command")
    page.get_by_role("button", name="Undo").click()
    holds(page, "--colors auto")
    drop(page, "photo.png", "no options")
    playwright.expect(page.get_by_role("alert").filter(has_text="photo.png")).to_contain_text("expected a TOML file")


def test_a_file_that_is_not_accepted_changes_nothing_and_is_named(page):
    set_colours(page, 8)
    for text, error in (("colours = 3", "did you mean colors?"), ("#" * 300_000, "expected a TOML file of at most")):
        drop(page, "bad.toml", text)
        playwright.expect(page.get_by_role("alert").filter(has_text="bad.toml")).to_contain_text(error)
    holds(page, "--colors 8")
    drop(page, "good.toml", "colors = 12")
    holds(page, "--colors 12")
    playwright.expect(page.locator("#notice")).to_be_hidden()  # what was wrong before is over
    set_colours(page, 9)
    playwright.expect(page.locator("#take-note")).to_be_empty()


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_section_is_for_everyone(browser, address, width, scheme):
    with visiting(browser, address, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        settled(page)
        holds(page, "ics compress")
        page.get_by_role("button", name="Copy link").click()
        playwright.expect(page.locator("#take-note")).not_to_be_empty()
        found = axe.Axe().run(page, context="#take").response["violations"]
        assert [one["id"] for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.locator("#take").bounding_box()
        for one in page.locator("#take :is(button, input, select, textarea, label):visible").all():
            inner = one.bounding_box()
            assert inner["x"] >= box["x"] - 1
            assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 1


def test_usual_options_give_the_shortest_texts(page):
    holds(page, "ics compress")
    assert len(shlex.split(taken(page, "Command"))) == 4
    assert "Options" not in taken(page, "Python")
    assert f"colors = {Options().colors}" in taken(page, "TOML")
