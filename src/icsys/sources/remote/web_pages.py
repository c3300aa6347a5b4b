"""Folders of web servers: their pages, and what these link to that lies below the first one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from icsys.files.url import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PathNames = tuple[str, ...]

LARGEST_PAGE = 2**26
"""Bytes; a page of a million links has about as many."""

_DEEPEST = 64  # folders
_MOST_ALIKE = {True: 3, False: 8}  # folders in each other that hold the same names: with files among them, and without
_SAFE = "%!$&'()*+,;=:@~"  # stays in the segment of a path as it is
_PORTS = {"http": 80, "https": 443}
_PAGE_SUFFIXES = (".html", ".htm", ".xhtml", ".php", ".asp", ".aspx", ".jsp")


class WebPage(NamedTuple):
    """What a server answers for a folder: the URL that it led to, the kind of text it says that it is, and its text."""

    url: str
    kind: str
    text: str


class Link(NamedTuple):
    """Where a link leads below a root: the segments of its path as they are asked for."""

    segments: PathNames
    is_folder: bool

    @property
    def names(self) -> PathNames:
        """The segments without percents, each decoded once, so that two ways to write one are one."""
        return tuple(map(_decoded, self.segments))


@dataclass(slots=True)
class WebFolder:
    """A folder: the segments of its path, those of its files by their names, and of the folders in it.

    Attributes
    ----------
    outside
        Links of its page that lead out of the root, or nowhere.
    error
        Why its page cannot be read; None if it was, or if no link leads to one.
    """

    segments: PathNames = ()
    files: dict[str, PathNames] = field(default_factory=dict)
    folders: dict[str, PathNames] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    error: Exception | None = None


def crawl(
    root: str,
    first: WebPage,
    fetch: Callable[[str], WebPage],
    failures: tuple[type[Exception], ...],
    is_same: Callable[[str, str], bool],
) -> dict[PathNames, WebFolder]:
    """Visit every page that links lead to below a root, once.

    Parameters
    ----------
    root
        As of :func:`root_of`.
    first
        The page of the root.
    fetch
        Asks for the page of a URL, and raises one of ``failures`` if there is none to be had.
    is_same
        Tells whether two URLs lead to one file, as far as a server tells.

    Returns
    -------
    dict
        The folders by their names below the root, that of the root being ``()``.
    """
    tree: dict[PathNames, WebFolder] = {(): WebFolder()}
    waiting: list[tuple[PathNames, WebPage | None]] = [((), first)]
    visited: set[PathNames] = {()}
    while waiting:
        names, page = waiting.pop()
        folder = tree[names]
        try:
            page = page or fetch(url_below(root, folder.segments) + "/")
        except failures as error:
            folder.error = error
            continue
        seen: set[str] = set()
        for href in hrefs(page):
            link = resolve(root, href)
            if link is None:
                if not _is_above(root, href) and href not in seen:
                    seen.add(href)
                    folder.outside.append(shown(href))
            elif link.segments:
                below = _enter(tree, link)
                if link.is_folder and below not in visited:
                    visited.add(below)
                    waiting.append((below, None))
        why = _endless(tree, names, is_same, root)
        if why:
            folder.error = RecursionError(why)
            _forget_below(tree, names, waiting)
    return tree


def root_of(asked: str, page: WebPage) -> str:
    """Return the URL below which the links of a page are its own: where it led to, with a slash at its end.

    Examples
    --------
    >>> for url in ("http://h/a", "http://h/a/", "http://h/a/index.html"):
    ...     root_of(url, WebPage(url, "text/html", ""))
    'http://h/a/'
    'http://h/a/'
    'http://h/a/'
    """
    found, given = urlsplit(page.url), urlsplit(asked)
    path = found.path
    if path.lower().endswith(_PAGE_SUFFIXES):
        path = path.rpartition("/")[0]
    # Who may read it is said to the server that was asked, and to no other that it leads to.
    user, at, _ = given.netloc.rpartition("@")
    host = found.netloc.rpartition("@")[2]
    netloc = user + at + host if _host(page.url) == _host(asked) else host
    return urlunsplit((found.scheme, netloc, path.rstrip("/") + "/", "", ""))


def url_below(root: str, segments: PathNames) -> str:
    """Return the URL of what lies below a root."""
    return root.rstrip("/") + "".join(f"/{segment}" for segment in segments)


def hrefs(page: WebPage) -> Iterator[str]:
    """Return where the links of a page lead, as whole URLs without query and fragment, in their order."""
    if page.kind not in {"text/html", "application/xhtml+xml", ""}:
        return
    parser = _Links()
    parser.feed(page.text)
    parser.close()
    for href in parser.hrefs:
        try:
            base = urljoin(page.url, parser.base) if parser.base else page.url
            # A dot is a dot, however it is written; urljoin() knows one way.
            url = urlsplit(urljoin(base, re.sub("%2e", ".", href.strip(), flags=re.IGNORECASE)))
        except ValueError:
            yield href
            continue
        if url.scheme in _PORTS:
            yield urlunsplit((url.scheme, url.netloc, url.path, "", ""))


def resolve(root: str, url: str) -> Link | None:
    """Return where a URL leads below a root; None if it does not.

    Examples
    --------
    >>> resolve("http://h/a/", "http://h/a/b/../c%2F1.jpg")
    Link(segments=('c%2F1.jpg',), is_folder=False)
    >>> resolve("http://h/a/", "http://h/a/%2e%2E/b.jpg"), resolve("http://h/a/", "http://other/a/b.jpg")
    (None, None)
    """
    found = _host(url)
    if found is None or found != _host(root):
        return None
    above, segments = _segments(urlsplit(root).path), _segments(urlsplit(url).path)
    if [*map(_decoded, segments[: len(above)])] != [*map(_decoded, above)]:
        return None
    last = urlsplit(url).path.rpartition("/")[2]
    return Link(tuple(segments[len(above) :]), _decoded(last) in {"", ".", ".."})


def _decoded(segment: str) -> str:
    return unquote(segment, errors="surrogateescape")


def _is_above(root: str, url: str) -> bool:
    """Tell whether a URL is that of a folder above a root, as pages of folders link to."""
    return resolve(url.rstrip("/") + "/", root) is not None


def _segments(path: str) -> list[str]:
    """Return the segments of a path, without dots, by which a server would leave it."""
    kept: list[str] = []
    for segment in path.split("/"):
        name = _decoded(segment)
        if name == "..":
            del kept[-1:]
        elif name not in {"", "."}:
            kept.append(quote(segment, safe=_SAFE, errors="surrogateescape"))
    return kept


def _host(url: str) -> tuple[str, int] | None:
    """Return host and port; one port for the same host with and without TLS, if it has none of its own."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.hostname or "").lower(), 443 if port == _PORTS["http"] else port


def _enter(tree: dict[PathNames, WebFolder], link: Link) -> PathNames:
    """Note where a link leads, with the folders on its way; return the names on it."""
    names = link.names
    for depth in range(len(names)):
        folder = tree[names[:depth]]
        segments = link.segments[: depth + 1]
        if depth + 1 < len(names) or link.is_folder:
            folder.folders.setdefault(names[depth], segments)
            tree.setdefault(names[: depth + 1], WebFolder(segments))
        else:
            folder.files.setdefault(names[depth], segments)
    return names


def _endless(tree: dict[PathNames, WebFolder], names: PathNames, is_same: Callable[[str, str], bool], root: str) -> str:
    """Say why there is no end to folders in each other; an empty text if there may be one."""
    if len(names) > _DEEPEST:
        return f"it lies more than {_DEEPEST} folders deep"
    folder, alike = tree[names], 0
    for depth in range(len(names) - 1, -1, -1):
        above = tree[names[:depth]]
        if above.files.keys() != folder.files.keys() or above.folders.keys() != folder.folders.keys():
            break
        alike += 1
    if not folder.folders or not alike:
        return ""
    if folder.files:
        name = min(folder.files)
        mine, theirs = folder.files[name], tree[names[:-1]].files[name]
        if is_same(url_below(root, mine), url_below(root, theirs)):
            return "it is the folder above it: names, size and time of what it holds are the same"
    if alike >= _MOST_ALIKE[bool(folder.files)]:
        return f"it holds the same names as {alike} folders above it: it seems to lead to itself"
    return ""


def _forget_below(
    tree: dict[PathNames, WebFolder], names: PathNames, waiting: list[tuple[PathNames, WebPage | None]]
) -> None:
    """Leave out what a folder holds that leads to itself."""
    for below in [below for below in tree if below[: len(names)] == names and below != names]:
        del tree[below]
    tree[names].files, tree[names].folders = {}, {}
    waiting[:] = [one for one in waiting if one[0] in tree]


class _Links(HTMLParser):
    """Finds where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hrefs: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = next((value for name, value in attrs if name == "href" and value), None)
        if tag == "a" and href:
            self.hrefs.append(href)
        elif tag == "base" and href and not self.base:
            self.base = href


def decode_page(data: bytes, kind: str) -> str:
    """Return the text of a page in the encoding that its kind tells, or UTF-8."""
    told = re.search(r"charset=[\"']?([\w.:-]+)", kind, re.IGNORECASE)
    try:
        return data.decode(told[1] if told else "utf-8", "surrogateescape")
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "surrogateescape")
