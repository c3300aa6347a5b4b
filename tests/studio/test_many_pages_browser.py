"""More pages of one browser than it opens connections to a server: six, by HTTP/1.1."""

import pytest

from studio_pages import BROWSER, WAIT, photo_tree, serving, shown

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
expect = playwright.expect
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

PAGES = 8
NO_WORKER = """
delete window.SharedWorker;
Object.defineProperty(document, "hidden", { get: () => window.isHidden ?? false });
window.turn = (isHidden) => {
  window.isHidden = isHidden;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""


@pytest.fixture
def address(tmp_path):
    photos = photo_tree(tmp_path / "photos", (f"{number}.png" for number in range(3)), (60, 90))
    with serving(photos, tmp_path) as found:
        yield found


@pytest.fixture
def context(browser):
    made = browser.new_context()
    made.set_default_timeout(WAIT)
    yield made
    made.close()


def opened(context, address):
    """Open a page, and wait for what comes by requests, and for what comes as news."""
    page = context.new_page()
    page.goto(address)
    shown(page)
    expect(page.locator("#found-line")).to_have_text("Nothing broken, no duplicates")
    return page


def run(page, destination):
    page.get_by_label("Destination").fill(destination)
    page.get_by_role("button", name="Start").click()


def test_eight_pages_in_sight_get_all_news(context, address):
    """They share one stream; a page that is closed takes it from no other."""
    pages = [opened(context, address) for _ in range(PAGES)]
    pages.pop(0).close()
    run(pages[0], "out")
    for page in pages:
        expect(page.locator("#run-end")).to_contain_text("Done: 3 compressed")
    pages[1].reload()
    expect(pages[1].locator("#run-end")).to_contain_text("Done: 3 compressed")


def test_where_pages_share_nothing_a_hidden_one_holds_no_connection_and_catches_up(context, address):
    context.add_init_script(NO_WORKER)
    pages = []
    for _ in range(PAGES):
        page = opened(context, address)
        page.locator("body").evaluate("() => turn(true)")
        pages.append(page)
    run(pages[-1], "out")
    for page in pages:
        expect(page.locator("#run-end")).to_be_hidden()
        page.locator("body").evaluate("() => turn(false)")
        expect(page.locator("#run-end")).to_contain_text("Done: 3 compressed")
        expect(page.locator("#lost")).to_be_hidden()
        page.locator("body").evaluate("() => turn(true)")
