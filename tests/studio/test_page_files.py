"""The files of the page: plain modules of ours, all of which the page loads at once."""

import re
from importlib import resources

PAGE = resources.files("icsys.studio") / "page"
MODULES = {file.name: file.read_text("utf-8") for file in (PAGE / "modules").iterdir()}
INDEX = (PAGE / "index.html").read_text("utf-8")


def test_all_modules_are_loaded_ahead_of_their_use():
    ahead = re.findall(r'<link rel="modulepreload" href="/static/modules/([^"]+)">', INDEX)
    assert ahead == sorted(MODULES)


def test_the_stream_of_news_has_all_kinds_that_are_listened_to():
    listed = re.search(r"const KINDS = \[(.*)\];", MODULES["news_stream.js"]).group(1)
    heard = {kind for text in MODULES.values() for kind in re.findall(r"onEvent\(\"(\w+)\"", text)}
    assert sorted(heard) == re.findall(r"\w+", listed)


def test_modules_are_short():
    assert {name: text.count("\n") for name, text in MODULES.items() if text.count("\n") > 300} == {}


def test_nothing_is_fetched_from_elsewhere():
    for name, text in {**MODULES, "index.html": INDEX, "studio.css": (PAGE / "studio.css").read_text("utf-8")}.items():
        foreign = [url for url in re.findall(r"\w+://[^\s\"'`)]+", text) if url != "http://www.w3.org/2000/svg"]
        assert foreign == [], name


def test_the_page_holds_no_script_and_no_style_of_its_own():
    assert not re.search(r"<style|style=|<script(?! type=\"module\" src=)|\son\w+=", INDEX)


def test_the_stream_has_every_kind_of_news_that_a_module_listens_to():
    listened = {kind for text in MODULES.values() for kind in re.findall(r'onEvent\("(\w+)"', text)}
    [kinds] = re.findall(r"KINDS = \[(.*)\]", MODULES["news_stream.js"])
    assert listened == set(re.findall(r'"(\w+)"', kinds))
