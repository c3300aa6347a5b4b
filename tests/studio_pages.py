"""The page of the studio in a real browser: Chromium without a window, and a server of its own."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)

# As root, in a container, and with nothing that it does of its own accord.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@contextmanager
def serving(source, folder):
    """Serve a studio for a source from a folder where runs write, and yield the address with its token.

    Presets are kept in that folder.
    """
    command = [sys.executable, "-m", "icsys", "studio", str(source), "--no-browser"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "APPDATA": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@contextmanager
def visiting(browser, address, **settings):
    """Open a page; check at the end that it asked only its server, that all was answered, and that it said nothing."""
    context = browser.new_context(**settings)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda answer: answer.status < 400 or said.append(f"{answer.url}: {answer.status}"))
    page.on("request", lambda request: asked.append(urlsplit(request.url)[:2]))
    page.goto(address)
    shown(page)
    try:
        yield page
    finally:
        # What a page that is closed still waits for is no failure.
        found = list(said)
        context.close()
    assert found == []
    assert set(asked) <= {urlsplit(address)[:2]} | {("blob", "")}


def shown(page):
    """Wait for the first picture."""
    page.locator("article.view .summary", has_text="colour").first.wait_for()
