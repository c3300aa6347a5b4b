"""Archive files behind a URL, fetched in parts; an incomplete part is fetched again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.errors import ImageError
from icsys.files.remote_client import connect
from icsys.sources.remote.fetch import fetch_range, place_in, with_retry

if TYPE_CHECKING:
    from icsys.files.url import Url
    from icsys.sources.base import Place

_BLOCK = 2**22  # bytes fetched at once of an archive that is read from its beginning on


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Files behind a URL, by their paths without host and query.

    Attributes
    ----------
    site
        The part of URLs in front of the paths.
    name, whole
        The path of the file that the URL itself names, and its URL, which may have a query.
    """

    url: Url
    site: Url
    name: str = ""
    whole: Url | None = None

    def _path(self, name: str) -> str:
        return self.whole.secret() if self.whole and name == self.name else self.site.secret() + name

    def shown(self, path: str) -> str:
        """Return a URL without secrets."""
        return str(self.site) + path

    def stat(self, path: str) -> Place:
        """See ArchiveFiles."""
        fs, _ = connect(self.url)
        return place_in(with_retry(lambda: fs.info(self._path(path)), self.url))

    def open(self, path: str) -> BinaryIO:
        """Open a file; it is fetched while it is read, some megabytes at once."""
        size = self.stat(path).size
        if size is None:
            raise ImageError("unsupported", "the server does not state its size: download the archive first")
        return io.BufferedReader(_Parts(self.url, self._path(path), size), _BLOCK)

    def read_range(self, path: str, start: int, size: int, known: Place) -> bytes:  # noqa: ARG002 - a check costs as much as the read
        """Fetch a part of a file."""
        fs, _ = connect(self.url)
        return with_retry(lambda: fetch_range(fs, self._path(path), start, start + size), self.url)


class _Parts(io.RawIOBase):
    """A file on a server; each part is fetched by itself, and again if it is incomplete."""

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

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        wanted = max(0, min(len(buffer), self._size - self._position))
        if wanted:
            buffer[:wanted] = with_retry(partial(self._fetch, self._position, self._position + wanted), self._url)
            self._position += wanted
        return wanted

    def _fetch(self, start: int, end: int) -> bytes:
        fs, _ = connect(self._url)
        data = fetch_range(fs, self._path, start, end)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} of {end - start} bytes arrived")
        return data
