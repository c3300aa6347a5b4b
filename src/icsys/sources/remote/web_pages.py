"""Folders of web servers: their pages, and the links below the first page."""

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
_MOST_ALIKE = {True: 3, False: 8}  # nested folders with the same names in them: with files, and without
_SAFE = "%!$&'()*+,;=:@~"  # characters that stay unescaped in a path
_PORTS = {"http": 80, "https": 443}
_PAGE_SUFFIXES = (".html", ".htm", ".xhtml", ".php", ".asp", ".aspx", ".jsp")


class WebPage(NamedTuple):
    """The answer of a server for a folder: its final URL, its content type, and its text."""

    url: str
    kind: str
    text: str


class Link(NamedTuple):
    """The target of a link below a root: the escaped segments of its path."""

    segments: PathNames
    is_folder: bool

    @property
    def names(self) -> PathNames:
        """The decoded segments, so that two ways to write a path are equal."""
        return tuple(map(_decoded, self.segments))


@dataclass(slots=True)
class WebFolder:
    """A folder: the segments of its path, those of its files by their names, and of the folders in it.

    Attributes
    ----------
    outside
        Links of its page to targets outside the root.
    error
        Why its page cannot be read; None if it was read, or if it has none.
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
    """Visit every page below a root once, following links.

    Parameters
    ----------
    root
        As of :func:`root_of`.
    first
        The page of the root.
    fetch
        Returns the page of a URL, or raises one of ``failures``.
    is_same
        Returns whether two URLs seem to be one file, by size and time.

    Returns
    -------
    dict
        The folders by their paths of names below the root; the root is ``()``.
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


def root_of(requested: str, page: WebPage) -> str:
    """Return the root of a page, the URL in front of its links: its final URL with a slash at the end.

    Examples
    --------
    >>> for url in ("http://h/a", "http://h/a/", "http://h/a/index.html"):
    ...     root_of(url, WebPage(url, "text/html", ""))
    'http://h/a/'
    'http://h/a/'
    'http://h/a/'
    """
    found, given = urlsplit(page.url), urlsplit(requested)
    path = found.path
    if path.lower().endswith(_PAGE_SUFFIXES):
        path = path.rpartition("/")[0]
    # Credentials are sent only to the given server, and to none that it redirects to.
    user, at, _ = given.netloc.rpartition("@")
    host = found.netloc.rpartition("@")[2]
    netloc = user + at + host if _host(page.url) == _host(requested) else host
    return urlunsplit((found.scheme, netloc, path.rstrip("/") + "/", "", ""))


def url_below(root: str, segments: PathNames) -> str:
    """Return a URL below a root."""
    return root.rstrip("/") + "".join(f"/{segment}" for segment in segments)


def hrefs(page: WebPage) -> Iterator[str]:
    """Yield the targets of a page's links in order, as whole URLs without query and fragment."""
    if page.kind not in {"text/html", "application/xhtml+xml", ""}:
        return
    parser = _Links()
    parser.feed(page.text)
    parser.close()
    for href in parser.hrefs:
        try:
            base = urljoin(page.url, parser.base) if parser.base else page.url
            # urljoin() resolves only unescaped dots.
            url = urlsplit(urljoin(base, re.sub("%2e", ".", href.strip(), flags=re.IGNORECASE)))
        except ValueError:
            yield href
            continue
        if url.scheme in _PORTS:
            yield urlunsplit((url.scheme, url.netloc, url.path, "", ""))


def resolve(root: str, url: str) -> Link | None:
    """Return the link for a URL below a root; None for other URLs.

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
    """Return whether a URL is a folder above a root; most pages link to it."""
    return resolve(url.rstrip("/") + "/", root) is not None


def _segments(path: str) -> list[str]:
    """Return the escaped segments of a path, with ``.`` and ``..`` resolved."""
    kept: list[str] = []
    for segment in path.split("/"):
        name = _decoded(segment)
        if name == "..":
            del kept[-1:]
        elif name not in {"", "."}:
            kept.append(quote(segment, safe=_SAFE, errors="surrogateescape"))
    return kept


def _host(url: str) -> tuple[str, int] | None:
    """Return host and port; the default ports of http and https count as one."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.hostname or "").lower(), 443 if port == _PORTS["http"] else port


def _enter(tree: dict[PathNames, WebFolder], link: Link) -> PathNames:
    """Add the target of a link and the folders above it to the tree; return its names."""
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
    """Return why nested folders seem endless; an empty text if they do not."""
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
            return "it is the same as the folder above it: names, size and time of its files are equal"
    if alike >= _MOST_ALIKE[bool(folder.files)]:
        return f"it holds the same names as {alike} folders above it: it seems to link to itself"
    return ""


def _forget_below(
    tree: dict[PathNames, WebFolder], names: PathNames, waiting: list[tuple[PathNames, WebPage | None]]
) -> None:
    """Remove everything below a folder that links to itself."""
    for below in [below for below in tree if below[: len(names)] == names and below != names]:
        del tree[below]
    tree[names].files, tree[names].folders = {}, {}
    waiting[:] = [one for one in waiting if one[0] in tree]


class _Links(HTMLParser):
    """Collects the links of a page."""

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
    """Decode a page by the charset of its content type, or as UTF-8."""
    charset = re.search(r"charset=[\"']?([\w.:-]+)", kind, re.IGNORECASE)
    try:
        return data.decode(charset[1] if charset else "utf-8", "surrogateescape")
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "surrogateescape")
