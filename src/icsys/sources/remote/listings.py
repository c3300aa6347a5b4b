"""List folders behind a URL: the names in a store or the links of a page, as names that files can have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.files.remote_client import OBJECT_STORES
from icsys.sources.remote.fetch import fetch_page, fetch_size_and_time, with_retry
from icsys.sources.remote.web_pages import crawl, url_below
from icsys.sources.safe_names import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from icsys.files.url import Url
    from icsys.sources.remote.web_pages import PathNames, WebFolder, WebPage


class RemoteEntry(NamedTuple):
    """A file or folder.

    Attributes
    ----------
    name
        A safe name, unique in its folder.
    path
        In the file system.
    is_folder, info
        Whether it is a folder, and its description from the server.
    key
        Finds it again in the listing, if it is a folder.
    problem
        Why an object of that name cannot be read.
    """

    name: str
    path: str
    is_folder: bool
    info: Mapping[str, Any]
    key: Any = None
    problem: str = ""


class FolderListing(NamedTuple):
    """The entries of a folder, the ignored ones, and the error if the rest cannot be listed."""

    entries: list[RemoteEntry]
    ignored: list[str]
    error: Exception | None = None


class WebListing:
    """Folders of a web server; all are visited before the first is listed, because links lead from any to any."""

    start: PathNames = ()

    def __init__(self, fs: Any, url: Url, root: str, first: WebPage) -> None:  # noqa: ANN401 - fsspec has no types
        def fetch(page: str) -> WebPage:
            return with_retry(lambda: fetch_page(fs, page), url)

        def is_same(one: str, other: str) -> bool:
            try:
                first, second = (with_retry(partial(fetch_size_and_time, fs, path), url) for path in (one, other))
            except (ImageError, OSError):
                return False
            return None not in first and first == second

        self._root = root
        self._tree = crawl(root, first, fetch, (ImageError, OSError), is_same)

    def list(self, key: PathNames) -> FolderListing:
        """List a folder by its path of names."""
        folder: WebFolder = self._tree[key]
        found: list[tuple[str, str, bool, Any]] = [
            (name, url_below(self._root, path), False, None) for name, path in folder.files.items()
        ]
        found += [(name, url_below(self._root, path), True, (*key, name)) for name, path in folder.folders.items()]
        entries = _named((name, RemoteEntry("", path, is_folder, {}, below)) for name, path, is_folder, below in found)
        return FolderListing(entries, folder.outside, folder.error)


class StoreListing:
    """Folders of a store, listed one by one."""

    def __init__(self, fs: Any, root: str) -> None:  # noqa: ANN401 - as above
        self._fs, self.start = fs, root
        self._is_flat = bool(
            OBJECT_STORES & {fs.protocol} if isinstance(fs.protocol, str) else OBJECT_STORES.intersection(fs.protocol)
        )

    def list(self, key: str | dict[str, Any]) -> FolderListing:
        """List a folder by its path, or by the known descriptions of the objects in it."""
        return _listed_before(key) if isinstance(key, dict) else self._ask(key)

    def _ask(self, path: str) -> FolderListing:
        self._fs.invalidate_cache(path)  # some file systems cache lists and return old ones
        infos = self._fs.ls(path, detail=True)
        self._fs.invalidate_cache(path)
        folder = path.rstrip("/")
        found: list[tuple[str, RemoteEntry]] = []
        ignored: list[str] = []
        error: Exception | None = None
        for info in infos:
            full, is_folder = str(info["name"]), info["type"] == "directory"
            below = full.startswith(f"{folder}/") or not folder
            name = full[len(folder) + 1 if folder else 0 :] if below else full.rstrip("/").rpartition("/")[2]
            if is_folder and not name.strip("/"):
                if below and self._is_flat and folder:  # keys that continue behind two slashes
                    found.append(("", RemoteEntry("", full, True, info, self._behind(f"{folder}/"))))
            elif full == folder:
                if path != self.start:
                    error = ImageError(
                        "unsupported", "an object has the same name, and this store then lists nothing else"
                    )
            elif full.rstrip("/") == folder and not info.get("size"):
                ignored.append(".")  # some tools mark a folder by an object of its name
            elif is_folder:
                found.append((name.rstrip("/"), RemoteEntry("", full.rstrip("/"), True, info, full.rstrip("/"))))
            else:
                found.append((name, RemoteEntry("", full, False, info)))
        if not self._is_flat:  # entries for the folder itself and the one above
            found = [(name, entry) for name, entry in found if name not in {"", ".", ".."}]
        return FolderListing(_named(found), ignored, error)

    def _behind(self, start: str) -> dict[str, Any]:
        """Return the descriptions of all objects whose keys continue with a second slash, by the rest of the keys."""
        try:
            infos = self._fs.find(start[:-1], prefix="/", detail=True)
        except TypeError:
            infos = self._fs.find(start[:-1], detail=True)
        return {path[len(start) + 1 :]: info for path, info in infos.items() if path.startswith(f"{start}/")}


def _listed_before(infos: Mapping[str, Any]) -> FolderListing:
    """List a folder of objects by the rest of their keys."""
    found: list[tuple[str, RemoteEntry]] = []
    below: dict[str, dict[str, Any]] = {}
    for rest, info in infos.items():
        name, slash, more = rest.partition("/")
        if slash:
            below.setdefault(name, {})[more] = info
        else:
            found.append((name, RemoteEntry("", str(info["name"]), False, info)))
    found += [(name, RemoteEntry("", "", True, {}, more)) for name, more in below.items()]
    return FolderListing(_named(found), [])


def _named(found: Iterable[tuple[str, RemoteEntry]]) -> list[RemoteEntry]:
    """Return entries with unique safe names, in the order of the names; equal names get a number."""
    named: dict[str, RemoteEntry] = {}
    for name, entry in sorted(found, key=lambda one: (one[0], one[1].path, one[1].is_folder)):
        safe = safe_name(name)
        number, other = 1, safe
        while other in named:
            number += 1
            other = f"{safe}~{number}"
        problem = "a name that holds ?versionId= cannot be read, nor what lies below it: give it another name"
        named[other] = entry._replace(name=other, problem=problem if "?versionId=" in name else "")
    return [named[name] for name in sorted(named)]
