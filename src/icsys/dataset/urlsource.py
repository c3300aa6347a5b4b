"""Sources behind a URL, through fsspec: a folder of images, and files that are archives.

Who may read them is known where each protocol's own tools look for it: environment variables, ``~/.aws``, ``~/.netrc``,
a token of Hugging Face. A URL may hold secrets, so plans hold the names of files below it and never the URL of one, and
what the libraries say in their errors goes through :meth:`icsys.url.Url.hide`.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from icsys.dataset.archives import Archives
from icsys.dataset.connect import connect, name_of, site_of
from icsys.dataset.fetching import again, cut, fetch_page, place_told, words_of
from icsys.dataset.kinds import archive_suffix, folder_of
from icsys.dataset.remotefolder import RemoteFolder
from icsys.dataset.weblinks import root_of
from icsys.errors import ImageError, UsageError
from icsys.url import Url, begins_as_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.dataset.source import Place, Source

_BLOCK = 2**22  # bytes that are fetched at once of an archive that is read from its beginning on

Value = TypeVar("Value")


def open_remote(
    url: Url, *, include_outputs: bool = False, ignore_zeros: bool = False, follow_links: bool = False
) -> Source:
    """Find out what is behind a URL: a folder of images, or archives.

    Raises
    ------
    UsageError
        If there is nothing, it cannot be reached, or it is no source.
    MissingExtraError
        If a package is not installed.
    """
    shown = str(url)
    fs, path = connect(url)
    plain = name_of(path).partition("?versionId=")[0]
    is_page = "http" in fs.protocol
    if re.search(r"[*\[{]", plain) and (is_page or not _ask(partial(fs.exists, path), url)):
        from icsys.dataset.sources import expand_braces  # noqa: PLC0415 - few runs need it

        globs = (_ask(partial(fs.glob, pattern), url) for pattern in expand_braces(path))
        root = re.split(r"[*\[{]", path, maxsplit=1)[0].rpartition("/")[0]
        files = [file for matches in globs for file in sorted(matches)]
        if not files or not all(archive_suffix(name_of(file)) for file in files):
            raise UsageError(f"source {shown!r}: expected a pattern that archives match, and nothing else")
        placed = tuple((name_of(file), folder_of(file.removeprefix(f"{root}/"))) for file in files)
        return Archives(shown, Bucket(url, site_of(path)), placed, ignore_zeros=ignore_zeros, follow_links=follow_links)
    if archive_suffix(plain) and not _ask(lambda: _is_folder(fs, path), url):
        size = _ask(lambda: fs.info(path), url)["size"]
        if is_page:
            _ask(partial(_check_parts, fs, path, size), url)
        bucket = Bucket(url, site_of(path), plain, Url(path))
        return Archives(shown, bucket, ((plain, ""),), ignore_zeros=ignore_zeros, follow_links=follow_links)
    if begins_as_url(path) and url.query:
        raise UsageError(f"source {shown!r} has a query: expected that of an archive, or a folder without one")
    folder = RemoteFolder(url, include_outputs)
    if is_page:
        page = _ask(partial(fetch_page, fs, path), url)
        folder = RemoteFolder(url, include_outputs, Url(root_of(path, page)), page)
    else:
        _ask(partial(fs.ls, path, detail=False), url)
    from icsys.dataset.sources import archives_of  # noqa: PLC0415 - as above

    found, passed_over = archives_of(folder)
    if not found:
        return folder
    placed = tuple((folder.archives[name], folder_of(name)) for name in found)
    bucket = Bucket(url, site_of(folder.root.secret()))
    return Archives(shown, bucket, placed, tuple(passed_over), ignore_zeros=ignore_zeros, follow_links=follow_links)


def _is_folder(fs: Any, path: str) -> bool:  # noqa: ANN401 - fsspec has no types
    """Tell whether a path is a folder, though its name is that of an archive; every page of a server is a file."""
    return "http" not in fs.protocol and bool(fs.isdir(path))


def _check_parts(fs: Any, path: str, size: int | None) -> None:  # noqa: ANN401 - as above
    """Refuse a server that sends whole files alone, before it sends one."""
    if not size:
        raise ImageError("unsupported", "the server does not tell its size: fetch the archive first")
    try:
        with fs.open(path, "rb", size=size, block_size=1, cache_type="none") as file:
            file.seek(size - 1)
            file.read(1)
    except ValueError:
        raise ImageError("unsupported", "the server sends whole files alone: fetch the archive first") from None


def _ask(question: Callable[[], Value], url: Url) -> Value:
    """Ask something before the run."""
    try:
        return again(question, url)
    except ImageError as error:
        what = "does not exist" if error.code == "changed" else f"cannot be read: {error}"
        raise UsageError(f"source {str(url)!r} {what}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"source {str(url)!r} cannot be read: {words_of(error, url)}") from None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files behind a URL, by the names of their paths; one that the URL itself stands for is called ``name``.

    Attributes
    ----------
    site
        What stands before names.
    whole
        The path of that file, which may have a query.
    """

    url: Url
    site: Url
    name: str = ""
    whole: Url | None = None

    def _path(self, name: str) -> str:
        return self.whole.secret() if self.whole and name == self.name else self.site.secret() + name

    def shown(self, path: str) -> str:
        """Return a path without what is secret."""
        return str(self.site) + path

    def stat(self, path: str) -> Place:
        """Ask the server."""
        fs, _ = connect(self.url)
        return place_told(again(lambda: fs.info(self._path(path)), self.url))

    def open(self, path: str) -> BinaryIO:
        """Open a file that is fetched as it is read, some megabytes at once."""
        size = self.stat(path).size
        if size is None:
            raise ImageError("unsupported", "the server does not tell its size: fetch the archive first")
        return io.BufferedReader(_Parts(self.url, self._path(path), size), _BLOCK)

    def cut(self, path: str, start: int, size: int, known: Place) -> bytes:  # noqa: ARG002 - to ask costs as much
        """Fetch a part of a file."""
        fs, _ = connect(self.url)
        return again(lambda: cut(fs, self._path(path), start, start + size), self.url)


class _Parts(io.RawIOBase):
    """A file on a server, of which every part is fetched by itself, and again if it does not arrive whole."""

    def __init__(self, url: Url, path: str, size: int) -> None:
        self._url, self._path, self._size, self._position = url, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever can be written to
        wanted = max(0, min(len(buffer), self._size - self._position))
        if wanted:
            buffer[:wanted] = again(partial(self._fetch, self._position, self._position + wanted), self._url)
            self._position += wanted
        return wanted

    def _fetch(self, start: int, end: int) -> bytes:
        fs, _ = connect(self._url)
        data = cut(fs, self._path, start, end)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} of {end - start} bytes arrived")
        return data
