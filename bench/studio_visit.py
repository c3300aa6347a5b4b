"""A user of the studio: a page in Chromium without a window, and what is done in it, with the times it takes."""

from __future__ import annotations

import contextlib
import json
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from measure import BENCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, FloatRect, Page, ViewportSize

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The installed browser."""

_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync"]
_WINDOW: ViewportSize = {"width": 1280, "height": 800}
_PATIENCE = 60_000  # milliseconds
_PATIENCE_FOR_A_SET = 600_000  # milliseconds in which all photos of a large tree are read
_HOOK = BENCH / "studio_hook.js"

Milliseconds = float


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the installed Chromium, or the one that Playwright has installed."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - sets of photos are made without it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page of the studio that is open.

    Parameters
    ----------
    browser
        A running Chromium; the page begins without anything in its cache.
    address
        The address that the studio has printed.

    Attributes
    ----------
    first_view
        Milliseconds from the start of the navigation, with the token, to the first picture on the screen.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._context = browser.new_context(viewport=_WINDOW)
        self._context.set_default_timeout(_PATIENCE)
        self._context.add_init_script(path=str(_HOOK))
        self.page: Page = self._context.new_page()
        self.page.goto(address)
        self._root = self.page.url
        self.await_pictures(1)
        self.first_view: Milliseconds = self.page.evaluate("studioTimes.first")

    def close(self) -> None:
        """Close the page."""
        self._context.close()

    def await_pictures(self, count: int) -> None:
        """Wait until so many views have pictures."""
        self.page.locator("article.view .summary:not(:empty)").nth(count - 1).wait_for()

    def await_figures(self) -> None:
        """Wait until quality and codecs at equal bytes are measured, so that nothing more is asked for."""
        self.page.locator("#figures-table").get_by_text("…").first.wait_for(state="detached")

    def begin(self, image: int, options: Sequence[dict[str, Any]] = ({},)) -> None:
        """Show an image in views with options, as a link does."""
        state = {"views": list(options), "active": 0, "image": image, "settings": {}, "destination": None}
        self.page.goto(f"{self._root}#{quote(json.dumps(state))}")
        self.await_pictures(len(options))
        self.await_figures()

    def slide(self, share: float) -> Milliseconds:
        """Press the slider of colours at a share of its width, and let go."""
        box = self._slider()
        self._arm("input", "change")
        self.page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        return self._time()

    def drag(self, share: float) -> Milliseconds:
        """Drag the slider of colours to a share of its width, and let go there; return the time from there on."""
        box = self._slider()
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + 0.05 * box["width"], middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + share * box["width"], middle, steps=30)
        self._arm("pointerup")
        self.page.mouse.up()
        colors = self.page.get_by_label("Colours").input_value()
        words = "1 colour," if colors == "1" else f"{colors} colours,"
        self.page.locator("article.view.active .summary", has_text=words).wait_for()
        return max(0.0, self.page.evaluate("studioTimes.late()"))

    def type(self, label: str, value: int) -> Milliseconds:
        """Type a number into a field, and press Enter."""
        field = self.page.get_by_label(label, exact=True)
        field.fill(str(value))
        self._arm("change")
        field.press("Enter")
        return self._time()

    def choose(self, label: str, value: str) -> Milliseconds:
        """Choose from a list."""
        self._arm("change")
        self.page.get_by_label(label, exact=True).select_option(value)
        return self._time()

    def next_photo(self, views: int = 1) -> Milliseconds:
        """Go to the next photo by an arrow key in the grid; return the time until all views show it."""
        self._arm("keydown", pictures=views)
        self.page.locator("#grid").press("ArrowRight")
        return self._time()

    def add_views(self, count: int) -> None:
        """Add views by the button."""
        for _ in range(count):
            self._arm("click")
            self.page.get_by_role("button", name="Compare").click()
            self._time()

    def await_all_listed(self) -> None:
        """Wait until the grid knows all photos."""
        self.page.locator("#count:not(:empty)").filter(has_not_text="so far").wait_for()

    def inspect(self) -> None:
        """Inspect the whole set, and wait for the end; a small set is inspected without being asked."""
        button = self.page.locator("#inspect")
        if button.text_content() == "Inspect":
            button.click()
        self.page.locator("#found").wait_for(timeout=_PATIENCE_FOR_A_SET)

    def estimate(self) -> None:
        """Wait for the estimate of the whole set, and have the frontier drawn."""
        self.page.locator("#cost[aria-busy='false']").wait_for()
        self.page.locator("#budget-bytes").fill("20 MB")
        self.page.locator("#budget-bytes").press("Enter")
        self.page.locator("#frontier svg").wait_for()

    def order_by_worst(self) -> None:
        """Order the grid by the worst photos of a sample, and wait for them."""
        self.page.locator("#order").select_option("worst")
        self.page.locator("#grid [title*='CIEDE2000']").first.wait_for()

    def scroll(self, pixels: int, step: int) -> dict[str, float]:
        """Scroll the grid; return the number of frames, of those over 50 ms, and the longest."""
        grid = self.page.locator("#grid")
        found: dict[str, float] = grid.evaluate(
            "(place, [pixels, step]) => studioTimes.scroll(place, pixels, step)", [pixels, step]
        )
        return found

    def jump(self, share: float) -> Milliseconds:
        """Go to a place of the grid; return the time until all thumbnails in sight are shown."""
        time: Milliseconds = self.page.locator("#grid").evaluate(
            "(place, share) => studioTimes.jump(place, share)", share
        )
        return time

    def _slider(self) -> FloatRect:
        """Return where the slider of colours is."""
        slider = self.page.get_by_label("K by slider")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        if box is None:
            raise RuntimeError("the page shows no slider of colours")
        return box

    def _arm(self, *kinds: str, pictures: int = 1) -> None:
        self.page.evaluate("([kinds, pictures]) => studioTimes.arm(kinds, pictures)", [list(kinds), pictures])

    def _time(self) -> Milliseconds:
        time: Milliseconds = self.page.evaluate("studioTimes.time()")
        return time
