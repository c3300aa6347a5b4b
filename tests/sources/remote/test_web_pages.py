"""Pages of folders: where their links lead."""

import posixpath
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.sources.remote.web_pages import WebPage, crawl, decode_page, hrefs, resolve, root_of, url_below

ROOT = "http://host/a/b/"
NAMES = st.text(st.sampled_from("ab%/\\?#[]é '\"<&;.") | st.characters(codec="utf-8"), min_size=1, max_size=4).filter(
    lambda name: name.strip(".") and "\r" not in name
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


def never(_one, _other):
    """Return no details of two files."""
    return False


def page_of(url, links):
    escaped = (link.replace("&", "&amp;").replace('"', "&quot;") for link in links)
    return WebPage(url, "text/html", "".join(f'<a class=x href="{link}">x</a>' for link in escaped))


def url_of(names, *, is_folder=False):
    return url_below(ROOT, tuple(quote(name, safe="") for name in names)) + "/" * is_folder


@st.composite
def sites(draw):
    """Give pages of folders, the links of each by the names of what they lead to and how they are written."""
    folders = draw(st.sets(PATHS, max_size=4)) | {()}
    files = draw(st.sets(PATHS, max_size=6)) - folders
    targets = [(names, True) for names in sorted(folders)] + [(names, False) for names in sorted(files)]
    linked = st.lists(st.tuples(st.sampled_from(targets), st.integers(0, 4)), max_size=6)
    return {names: draw(linked) for names in folders}


def written(folder, target, is_folder, way):
    """Write a link as pages do: whole, from the host on, or from the folder on."""
    whole = url_of(target, is_folder=is_folder)
    below = "/a/b" + whole[len(ROOT) - 1 :]
    relative = posixpath.relpath(below, "/a/b" + url_of(folder, is_folder=True)[len(ROOT) - 1 :])
    relative = "./" + relative + "/" * is_folder
    return (whole, below, relative, f"{relative}?C=N;O=D", f" {below}#top")[way]


@settings(deadline=None)
@given(sites())
def test_every_page_is_visited_once_and_every_file_below_is_found(site):
    asked = []

    def fetch(url):
        asked.append(url)
        links = next(links for names, links in site.items() if url_of(names, is_folder=True) == url)
        folder = next(names for names in site if url_of(names, is_folder=True) == url)
        return page_of(url, [written(folder, *target, way) for target, way in links])

    tree = crawl(ROOT, fetch(ROOT), fetch, (OSError,), never)
    reached, files, waiting = {()}, set(), [()]
    while waiting:
        for (names, is_folder), _ in site[waiting.pop()]:
            if not is_folder:
                files.add(names)
            elif names not in reached:
                reached.add(names)
                waiting.append(names)
    assert sorted(asked) == sorted(url_of(names, is_folder=True) for names in reached)
    found = {(*names, name) for names, folder in tree.items() for name in folder.files}
    assert found == files
    assert not [folder for folder in tree.values() if folder.outside or folder.error]


@pytest.mark.parametrize(
    "href",
    [
        "../other/a.jpg",
        "/a/bb/a.jpg",
        "//other/a/b/a.jpg",
        "http://host:81/a/b/a.jpg",
        "%2e%2e/a.jpg",
        "x/%2E./../../a.jpg",
        "http://[::1/a.jpg",
    ],
)
def test_links_that_lead_elsewhere_are_reported_and_not_followed(href):
    tree = crawl(ROOT, page_of(ROOT, [href, "../", "/", "0.jpg"]), None, (OSError,), never)
    assert [*tree] == [()]
    assert [*tree[()].files] == ["0.jpg"]
    assert len(tree[()].outside) == 1


def test_links_that_lead_nowhere_are_none():
    page = page_of(ROOT, ["mailto:me@host", "javascript:x()", "data:,x", "#top", "?C=N", ""])
    assert [*crawl(ROOT, page, None, (OSError,), never)] == [()]
    assert not [href for href in hrefs(page) if href.rstrip("/") != ROOT.rstrip("/")]


def test_a_base_and_another_scheme_are_understood():
    page = WebPage(ROOT, "text/html", '<base href="c/"><A HREF=1.jpg><a href="https://host/a/b/2%2Ejpg">')
    tree = crawl(ROOT, page, None, (OSError,), never)
    assert [*tree[("c",)].files] == ["1.jpg"]
    assert tree[()].files == {"2.jpg": ("2.jpg",)}
    assert [*hrefs(page._replace(kind="application/json"))] == []


@pytest.mark.parametrize("names", [["self/"], ["self/", "0.jpg"], ["x/", "y/"], ["./self/0.jpg", "self/"]])
def test_folders_that_lead_to_themselves_come_to_an_end(names):
    """A server that answers every path with one page, as one does that follows a link of its disk."""
    asked = []

    def fetch(url):
        asked.append(url)
        assert len(asked) < 2000
        return page_of(url, names)

    tree = crawl(ROOT, page_of(ROOT, names), fetch, (OSError,), never)
    assert [folder for folder in tree.values() if isinstance(folder.error, RecursionError)]
    assert sum(len(folder.files) for folder in tree.values()) <= 4


def test_a_folder_that_is_the_one_above_it_is_left_at_once():
    """As a link on a server's disk makes it: the details of a file are the same in both."""
    asked = []

    def is_same(one, other):
        asked.append((one, other))
        return True

    tree = crawl(
        ROOT, page_of(ROOT, ["0.jpg", "self/"]), lambda url: page_of(url, ["0.jpg", "self/"]), (OSError,), is_same
    )
    assert asked == [(f"{ROOT}self/0.jpg", f"{ROOT}0.jpg")]
    assert "is the same as the folder above it" in str(tree[("self",)].error)
    assert sum(len(folder.files) for folder in tree.values()) == 1


def test_folders_of_one_name_that_end_are_whole():
    pages = {ROOT: ["b/", "0.jpg"], f"{ROOT}b/": ["b/", "0.jpg"], f"{ROOT}b/b/": ["0.jpg"]}
    tree = crawl(ROOT, page_of(ROOT, pages[ROOT]), lambda url: page_of(url, pages[url]), (OSError,), never)
    assert [folder.error for folder in tree.values()] == [None] * 3
    assert sum(len(folder.files) for folder in tree.values()) == 3


def test_a_page_that_fails_is_reported_and_the_others_are_visited():
    def fetch(url):
        if "bad" in url:
            raise OSError("no answer")
        return page_of(url, ["1.jpg"])

    tree = crawl(ROOT, page_of(ROOT, ["bad/", "good/", "bad/2.jpg"]), fetch, (OSError,), never)
    assert str(tree[("bad",)].error) == "no answer"
    assert ([*tree[("bad",)].files], [*tree[("good",)].files]) == (["2.jpg"], ["1.jpg"])


@pytest.mark.parametrize(
    ("asked", "found", "root"),
    [
        ("http://me:pw@h/a", "http://h/a/", "http://me:pw@h/a/"),
        ("http://me:pw@h/a", "https://h/a/?x#y", "https://me:pw@h/a/"),
        ("http://me:pw@h/a/", "http://other/c/", "http://other/c/"),
        ("http://h/a/index.html", "http://h/a/index.html", "http://h/a/"),
        ("http://h", "http://h", "http://h/"),
    ],
)
def test_the_root_is_the_redirected_page_and_only_it_gets_the_credentials(asked, found, root):
    assert root_of(asked, WebPage(found, "", "")) == root


@settings(deadline=None)
@given(NAMES, NAMES)
def test_a_name_is_decoded_once(one, other):
    link = resolve(ROOT, url_of((one, quote(other, safe=""))))
    assert link.names == (one, quote(other, safe=""))


def test_a_page_is_read_in_its_declared_encoding():
    assert decode_page("é".encode("latin-1"), "text/html; charset=ISO-8859-1") == "é"
    assert decode_page(b"\xe9", "text/html; charset=nonsense") == "\udce9"
