"""The page of the studio in a real browser: Chromium without a window, and a server of its own.

A page changes at its own pace, so tests wait for what they expect: ``expect`` of Playwright and :func:`eventually` look
again until it is there, however busy the machine is.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from PIL import Image

from helpers import synthetic_photo

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)

# As root, in a container, and with nothing that it does of its own accord.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

DESK = {"width": 1280, "height": 900}
"""The window of a desktop."""

WAIT = 60_000  # milliseconds that anything may take on a busy machine
LOOK = 50  # milliseconds between two looks

playwright.expect.set_options(timeout=WAIT)


def eventually(page, read, wanted=True):
    """Wait until a function returns what is wanted, for what ``expect`` has no words for."""
    end = time.monotonic() + WAIT / 1000
    while (found := read()) != wanted and time.monotonic() < end:
        page.wait_for_timeout(LOOK)  # in which the page goes on
    assert found == wanted, found


def photo_tree(folder, names, shape=(240, 330), damaged=None):
    """Save a photo under each name, 50 different ones at most, and no photo under ``damaged``; return the folder."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(*shape, seed=number % 50)).save(folder / name)
    if damaged is not None:
        (folder / damaged).write_bytes(b"no picture")
    return folder


@contextmanager
def serving(source, folder, environment=os.environ):
    """Serve a studio for a source from a folder where runs write, and yield the address with its token.

    Presets are kept in that folder.
    """
    command = [sys.executable, "-m", "icsys", "studio", str(source), "--no-browser"]
    environment = {**environment, "XDG_CONFIG_HOME": str(folder), "APPDATA": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def shown(page):
    """Wait for the first picture."""
    playwright.expect(page.locator("article.view .summary", has_text="colour").first).to_be_visible()


def settled(page):
    """Wait until pictures stay where they are: both sides have come, and the quality, whose words take room."""
    playwright.expect(page.locator("article.view[aria-busy]")).to_have_count(0)
    playwright.expect(page.locator("img.before[hidden]")).to_have_count(0)
    playwright.expect(page.locator("article.view .summary").filter(has_not_text="SSIM")).to_have_count(0)


@contextmanager
def visiting(browser, address, ready=shown, **settings):
    """Open a page; check at the end that it asked only its server, that all was answered, and that it said nothing.

    ``ready`` waits until the page can be used.
    """
    context = browser.new_context(**settings)
    context.set_default_timeout(WAIT)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda answer: answer.status < 400 or said.append(f"{answer.url}: {answer.status}"))
    page.on("request", lambda request: asked.append(urlsplit(request.url)[:2]))
    page.goto(address)
    ready(page)
    try:
        yield page
    finally:
        # What a page that is closed still waits for is no failure.
        found = list(said)
        context.close()
    assert found == []
    assert set(asked) <= {urlsplit(address)[:2]} | {("blob", "")}
