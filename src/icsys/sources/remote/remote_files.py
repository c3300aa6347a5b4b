"""Archives behind a URL: files that are fetched in parts, each part again if it does not arrive whole."""

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

_BLOCK = 2**22  # bytes that are fetched at once of an archive that is read from its beginning on


@dataclass(frozen=True, slots=True)
class RemoteFiles:
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
        return place_in(with_retry(lambda: fs.info(self._path(path)), self.url))

    def open(self, path: str) -> BinaryIO:
        """Open a file that is fetched as it is read, some megabytes at once."""
        size = self.stat(path).size
        if size is None:
            raise ImageError("unsupported", "the server does not tell its size: fetch the archive first")
        return io.BufferedReader(_Parts(self.url, self._path(path), size), _BLOCK)

    def read_range(self, path: str, start: int, size: int, known: Place) -> bytes:  # noqa: ARG002 - to ask costs as much
        """Fetch a part of a file."""
        fs, _ = connect(self.url)
        return with_retry(lambda: fetch_range(fs, self._path(path), start, start + size), self.url)


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
            buffer[:wanted] = with_retry(partial(self._fetch, self._position, self._position + wanted), self._url)
            self._position += wanted
        return wanted

    def _fetch(self, start: int, end: int) -> bytes:
        fs, _ = connect(self._url)
        data = fetch_range(fs, self._path, start, end)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} of {end - start} bytes arrived")
        return data
