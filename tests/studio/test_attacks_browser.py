"""Attacks of a page on the page of the studio, in a real browser: another port of one host counts as the same site."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from PIL import Image

from helpers import synthetic_photo
from studio_pages import BROWSER, eventually, serving, shown, visiting

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright: make test-extras")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium: Debian's package chromium")

PATHS = ("/", "/api/state", "/api/images", "/api/images/0/thumbnail", "/api/run", "/api/events", "/static/studio.js")

FETCHES = """async ([base, paths]) => {
  const found = [];
  for (const path of paths)
    for (const mode of ["cors", "no-cors"])
      for (const method of ["GET", "POST"])
        for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"])
          try {
            const body = method === "POST" ? '{"destination": "x", "options": {}}' : undefined;
            const answer = await fetch(base + path, {
              mode, method, body, credentials: "include",
              headers: body && mode === "cors" ? { "Content-Type": type } : {},
            });
            if (answer.type !== "opaque" || (await answer.text())) found.push(`${method} ${path}`);
          } catch {}
  return found;
}"""
EMBEDS = """async ([base, paths]) => {
  const found = [];
  for (const path of paths)
    for (const [name, key] of [["img", "src"], ["script", "src"], ["link", "href"], ["video", "src"], ["embed", "src"]])
      await new Promise((done) => {
        const made = document.createElement(name);
        made.onload = () => { if (name !== "embed") found.push(`${name} ${path}`); done(); };
        made.onerror = done;
        setTimeout(done, 400);
        if (name === "link") made.rel = "stylesheet";
        made[key] = base + path;
        document.body.append(made);
      });
  return found;
}"""
FORM = """([address, kind]) => {
  const form = Object.assign(document.createElement("form"), { method: "POST", action: address, enctype: kind });
  form.append(Object.assign(document.createElement("input"), { name: '{"destination": "x", "a": "', value: '"}' }));
  document.body.append(form);
  form.submit();
}"""


class Elsewhere(BaseHTTPRequestHandler):
    """Answers every request with an empty page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def other_site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(synthetic_photo(60, 80, seed=1)).save(folder / '"><img src=x onerror=alert(1)>.png')
    Image.fromarray(synthetic_photo(60, 80, seed=2)).save(folder / "b.png")
    with serving(folder, tmp_path_factory.mktemp("writes")) as address:
        yield address


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["another port", "another name"])
def attacker(request, browser, studio):
    """A page of another origin in a browser that was let in, and the address of the studio."""
    with other_site() as port, visiting(browser, studio) as page:
        other = page.context.new_page()
        other.goto(f"http://{request.param}:{port}/")
        yield other, f"http://{urlsplit(studio).netloc}", page
        assert page.evaluate("fetch('/api/run').then((answer) => answer.json())")["state"] == "none"


def test_a_script_of_another_page_reads_nothing_and_starts_nothing(attacker):
    other, base, _ = attacker
    assert other.evaluate(FETCHES, [base, PATHS]) == []


def test_elements_of_another_page_load_nothing(attacker):
    other, base, _ = attacker
    assert other.evaluate(EMBEDS, [base, PATHS]) == []


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
def test_a_form_of_another_page_is_refused(attacker, kind):
    other, base, _ = attacker
    with other.expect_navigation() as sent:
        other.evaluate(FORM, [f"{base}/api/run", kind])
    assert sent.value.status == 403


def test_another_page_shows_nothing_in_a_frame(attacker):
    other, base, _ = attacker
    for path in ("/", "/api/run/report", "/api/state"):
        other.evaluate(
            """(address) => new Promise((done) => {
              document.body.append(Object.assign(document.createElement("iframe"), {src: address, onload: done}));
            }).then(() => null)""",
            base + path,
        )
        assert other.frames[-1].url in {"", "chrome-error://chromewebdata/"}


def test_a_link_of_another_page_leads_to_no_answer(attacker):
    other, base, _ = attacker
    for path in ("/", "/api/state", "/api/images/0/original", "/#%7B%7D"):
        with other.context.expect_page() as opened:
            other.evaluate("(address) => { window.opened = open(address); }", base + path)
        playwright.expect(opened.value.locator("body")).to_contain_text("403")
        assert opened.value.evaluate("window.opener") is None
        eventually(other, lambda: other.evaluate("window.opened.closed"))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_printed_address_works_as_a_link_of_another_page(browser, studio, name):
    context = browser.new_context()
    with other_site() as port:
        page = context.new_page()
        page.goto(f"http://{name}:{port}/")
        page.evaluate("(address) => { location.href = address; }", studio)
        shown(page)
        assert "token" not in page.url
        page.go_back()
        assert "token" not in page.url
    context.close()


def test_the_token_is_in_no_address_no_script_and_no_storage(browser, studio):
    token = studio.partition("token=")[2]
    with visiting(browser, studio) as page:
        assert token not in page.url
        held = "[document.cookie, document.referrer, document.documentElement.outerHTML, history.length, "
        held += "JSON.stringify({...localStorage}), performance.getEntriesByType('resource').map((e) => e.name).join()]"
        assert token not in str(page.evaluate(held))
        cookie = page.context.cookies()[0]
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["value"]) == (True, "Strict", token)
        assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


def test_names_of_files_are_text(browser, studio):
    with visiting(browser, studio) as page:
        cell = page.get_by_role("option", name="onerror=alert(1)")
        cell.wait_for()
        assert page.locator("img[src=x]").count() == 0
