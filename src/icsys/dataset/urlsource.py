"""Sources behind a URL, through fsspec: a folder of images, and files that are archives.

Who may read them is known where each protocol's own tools look for it: environment variables, ``~/.aws``, ``~/.netrc``,
a token of Hugging Face. A URL may hold secrets, so plans hold the names of files below it and never the URL of one, and
what the libraries say in their errors goes through :meth:`icsys.url.Url.hide`.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import unquote

from icsys.dataset.archives import Archives
from icsys.dataset.kinds import archive_suffix, folder_of
from icsys.dataset.marks import tells_of_outputs
from icsys.dataset.members import is_image_name, safe_path
from icsys.dataset.naming import name_key, output_names
from icsys.dataset.source import Ignored, PassedOver, Place, Planned, Source, Task, Unreadable
from icsys.dataset.urls import WEB, base_name
from icsys.errors import ImageError, MissingExtraError, UsageError
from icsys.image.decode import sniff
from icsys.image.limits import check_bytes
from icsys.url import Url, hide, store_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from icsys.dataset.resume import Work
    from icsys.options import Options

_Entry = tuple[str, dict[str, Any]]
_HEAD = 64  # bytes
_AT_ONCE = 16  # files that are looked at
_ENTRIES = 1024
_BLOCK = 2**22  # bytes that are fetched at once of an archive that is read from its beginning on
_TRIES = 4
_FIRST_PAUSE = 0.25  # seconds; each is twice as long as the one before
_PATIENCE = 60  # seconds without a byte
_TIMES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "modified", "timeModified", "created")
_TAGS = ("ETag", "etag", "blob_id", "sha", "checksum", "Content-MD5", "md5Hash", "Digest", "uid")
_GONE, _FORBIDDEN, _TRANSIENT = {404, 410}, {401, 403}, {408, 425, 429}
_SERVER_FAULT = 500

Value = TypeVar("Value")


@cache
def _connect(url: Url) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; both are cached by process.

    Raises
    ------
    UsageError
        If there is no such protocol, or the URL is none.
    MissingExtraError
        If a package is not installed.
    """
    shown = str(url)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError(f"{shown!r} needs fsspec: pip install 'icsys[remote]'") from None
    settings: dict[str, Any] = {}
    if url.protocol in WEB:
        try:
            from aiohttp import ClientTimeout  # noqa: PLC0415 - an extra
        except ImportError:
            raise MissingExtraError(f"{shown!r} needs aiohttp: pip install 'icsys[remote]'") from None
        timeout = ClientTimeout(total=None, sock_connect=_PATIENCE, sock_read=_PATIENCE)
        settings = {"client_kwargs": {"timeout": timeout, "trust_env": True}}
    try:
        fs, path = url_to_fs(url.secret(), **settings)
    except ImportError as error:
        raise MissingExtraError(f"{shown!r} needs a package: {_words(error, url)}") from None
    except Exception as error:  # noqa: BLE001 - every protocol has its own
        raise UsageError(f"{shown!r} cannot be opened: {_words(error, url)}") from None
    return fs, path


def open_remote(url: Url, *, include_outputs: bool = False, ignore_zeros: bool = False) -> Source:
    """Find out what is behind a URL: a folder of images, or archives.

    Raises
    ------
    UsageError
        If there is nothing, it cannot be reached, or it is no source.
    MissingExtraError
        If a package is not installed.
    """
    shown = str(url)
    fs, path = _connect(url)
    if re.search(r"[*\[{]", shown):
        from icsys.dataset.sources import expand_braces  # noqa: PLC0415 - few runs need it

        globs = (_ask(partial(fs.glob, pattern), url) for pattern in expand_braces(path))
        root = re.split(r"[*\[{]", path, maxsplit=1)[0].rpartition("/")[0]
        names = [_name_below(root, file) for matches in globs for file in sorted(matches)]
        if not names or not all(map(archive_suffix, names)):
            raise UsageError(f"source {shown!r}: expected a pattern that archives match, and nothing else")
        placed = tuple((name, folder_of(name)) for name in names)
        return Archives(shown, Bucket(url, Url(root)), placed, ignore_zeros=ignore_zeros)
    if archive_suffix(shown) and not _ask(lambda: _is_folder(fs, path), url):
        size = _ask(lambda: fs.info(path), url)["size"]
        if "http" in fs.protocol:
            _ask(partial(_check_parts, fs, path, size), url)
        name = base_name(shown)
        return Archives(shown, Bucket(url, Url(path), name), ((name, ""),), ignore_zeros=ignore_zeros)
    if url.query:
        raise UsageError(f"source {shown!r} has a query: expected that of an archive, or a folder without one")
    folder = RemoteFolder(url, include_outputs)
    _ask(lambda: fs.ls(path, detail=False), url)
    from icsys.dataset.sources import archives_of  # noqa: PLC0415 - as above

    found, passed_over = archives_of(folder)
    if not found:
        return folder
    placed = tuple((f"/{name}", folder_of(name)) for name in found)
    return Archives(shown, Bucket(url, Url(path)), placed, tuple(passed_over), ignore_zeros=ignore_zeros)


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


def _name_below(root: str, path: str) -> str:
    """Return a path without the root below which it lies, which may hold secrets: then it begins with a slash."""
    root = root.rstrip("/")
    return path[len(root) :] if path.startswith(f"{root}/") else path


def _path_of(root: str, name: str) -> str:
    """Return the path that such a name stands for."""
    return root.rstrip("/") + name if name.startswith("/") else name


def _ask(question: Callable[[], Value], url: Url) -> Value:
    """Ask something before the run."""
    try:
        return _again(question, url)
    except ImageError as error:
        what = "does not exist" if error.code == "changed" else f"cannot be read: {error}"
        raise UsageError(f"source {str(url)!r} {what}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"source {str(url)!r} cannot be read: {_words(error, url)}") from None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files behind a URL, by their names below a root; one that the URL itself stands for is called ``name``."""

    url: Url
    root: Url
    name: str = ""

    def _path(self, name: str) -> str:
        return self.root.secret() if name == self.name else _path_of(self.root.secret(), name)

    def shown(self, path: str) -> str:
        """Return a path without what is secret."""
        return str(self.root) if path == self.name else _path_of(str(self.root), path)

    def stat(self, path: str) -> Place:
        """Ask the server."""
        fs, _ = _connect(self.url)
        return _place(_again(lambda: fs.info(self._path(path)), self.url))

    def open(self, path: str) -> BinaryIO:
        """Open a file that is fetched as it is read, some megabytes at once."""
        size = self.stat(path).size
        if size is None:
            raise ImageError("unsupported", "the server does not tell its size: fetch the archive first")
        return io.BufferedReader(_Parts(self.url, self._path(path), size), _BLOCK)

    def cut(self, path: str, start: int, size: int, known: Place) -> bytes:  # noqa: ARG002 - to ask costs as much
        """Fetch a part of a file."""
        fs, _ = _connect(self.url)
        return _again(lambda: fs.cat_file(self._path(path), start=start, end=start + size), self.url)


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
            buffer[:wanted] = _again(partial(self._fetch, self._position, self._position + wanted), self._url)
            self._position += wanted
        return wanted

    def _fetch(self, start: int, end: int) -> bytes:
        fs, _ = _connect(self._url)
        data: bytes = fs.cat_file(self._path, start=start, end=end)
        if len(data) != end - start:
            raise ConnectionError(f"{len(data)} of {end - start} bytes arrived")
        return data


@dataclass(frozen=True, slots=True)
class RemotePlace(Place):
    """Where an image lies on a server, by its name below the root."""

    name: str


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder behind a URL."""

    url: Url
    include_outputs: bool = False

    @property
    def shown(self) -> str:
        """The URL without what is secret."""
        return str(self.url)

    @property
    def classes(self) -> Sequence[str]:
        """See Source."""
        return ()

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images folder by folder, each in the order of its names, as for a folder of the system.

        Names are made safe, and folders whose names then are one on some file systems are planned together. A file is
        an image by its suffix, or else by its first bytes.
        """
        fs, root = _connect(self.url)
        waiting = [[_Folder("", root)]]
        while waiting:
            below = yield from self._plan(fs, waiting.pop(), suffix)
            waiting.extend(reversed(below))

    def _plan(self, fs: Any, folders: list[_Folder], suffix: str) -> Generator[Planned, None, list[list[_Folder]]]:  # noqa: ANN401
        _, root = _connect(self.url)
        images: list[tuple[str, str, RemotePlace]] = []
        below: dict[str, list[_Folder]] = defaultdict(list)
        reserved: list[str] = []
        for folder in folders:
            try:
                entries = _again(partial(_entries, fs, folder.path), self.url)
                passes = bool(folder.name) and not self.include_outputs and _holds_outputs(fs, dict(entries), self.url)
            except (ImageError, OSError) as error:
                code = error.code if isinstance(error, ImageError) else "io"
                yield Unreadable(
                    folder.name or ".", code, f"the folder cannot be listed: {_words(error, self.url)}", is_folder=True
                )
                continue
            if passes:
                yield PassedOver(folder.name)
                continue
            for (name, entry), is_image in self._told(fs, entries):
                path = f"{folder.name}/{name}" if folder.name else name
                if name.startswith("."):
                    yield Ignored(path)
                elif entry["type"] == "directory":
                    below[name_key(name)].append(_Folder(path, entry["name"]))
                    reserved.append(name)
                elif is_image:
                    found, below_root = _place(entry), _name_below(root, entry["name"])
                    images.append((folder.name, name, RemotePlace(found.size, found.mtime_ns, below_root)))
                else:
                    yield Ignored(path)
        outputs = output_names([name for _, name, _ in images], suffix, reserved)
        for (folder_name, name, place), output in zip(images, outputs, strict=True):
            above = f"{folder_name}/" if folder_name else ""
            yield Task(above + name, above + output, place)
        return list(below.values())

    def _told(self, fs: Any, entries: list[_Entry]) -> Iterator[tuple[_Entry, bool]]:  # noqa: ANN401 - as above
        """Tell of each entry whether it is an image; those whose names do not say so are looked at, many at a time."""
        is_image = partial(self._is_image, fs)
        if all(is_image_name(name) for name, entry in entries if entry["type"] != "directory"):
            yield from ((entry, is_image(entry)) for entry in entries)
            return
        with ThreadPoolExecutor(_AT_ONCE) as readers:
            for first in range(0, len(entries), _ENTRIES):
                some = entries[first : first + _ENTRIES]
                yield from zip(some, readers.map(is_image, some), strict=True)

    def _is_image(self, fs: Any, entry: _Entry) -> bool:  # noqa: ANN401 - as above
        name, about = entry
        if name.startswith(".") or about["type"] == "directory":
            return False
        if is_image_name(name):
            return True
        path = about["name"]
        try:
            return sniff(_again(lambda: _fetch(fs, path, _HEAD), self.url)) is not None
        except (ImageError, OSError):
            return True  # whoever reads it will find out what is wrong

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return what was listed, or what the server tells of one file where its lists tell nothing."""
        place = _of(task.place)
        if place.size is None or place.mtime_ns is None:
            fs, root = _connect(self.url)
            try:
                asked = _again(lambda: _place(fs.info(_path_of(root, place.name))), self.url)
            except ImageError as error:
                raise OSError(str(error)) from None
            return asked.size, asked.mtime_ns
        return place.size, place.mtime_ns

    def load(self, works: Iterable[Work], options: Options) -> Iterable[Work]:  # noqa: ARG002 - not here
        """Leave it to the workers to read."""
        return works

    def head(self, work: Work, size: int) -> bytes:
        """Fetch the beginning of a file."""
        fs, root = _connect(self.url)
        return _again(lambda: _fetch(fs, _path_of(root, _of(work.place).name), size), self.url)

    def read(self, work: Work, options: Options) -> tuple[bytes, int]:
        """Fetch a file; what arrives has to be as long as was told."""
        fs, root = _connect(self.url)
        place = _of(work.place)
        return _again(lambda: _read(fs, _path_of(root, place.name), place, options), self.url)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder by the safe path of its images, and by its own in the file system."""

    name: str
    path: str


def _of(place: Place | None) -> RemotePlace:
    assert isinstance(place, RemotePlace)  # noqa: S101 - from this plan
    return place


def _entries(fs: Any, path: str) -> list[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - as above
    """List a folder in the order of the names that are safe; what lies elsewhere is none of it."""
    fs.invalidate_cache(path)  # some keep every list that they have seen, and give old ones
    entries = fs.ls(path, detail=True)
    fs.invalidate_cache(path)
    folder, web = path.rstrip("/"), "http" in fs.protocol
    found: dict[str, dict[str, Any]] = {}
    for entry in sorted(entries, key=lambda entry: str(entry["name"])):
        inside = entry["name"].rstrip("/")
        base = inside[len(folder) :].lstrip("/") if inside.startswith(folder) else inside.rpartition("/")[2]
        name = safe_path(unquote(base, errors="surrogateescape") if web else base)
        if not name or "/" in name or (path and inside == folder) or (web and re.search("[?#]", base)):
            continue
        number, other = 1, name
        while other in found:
            number += 1
            other = f"{name}~{number}"
        found[other] = entry
    return sorted(found.items())


def _holds_outputs(fs: Any, entries: dict[str, dict[str, Any]], url: Url) -> bool:  # noqa: ANN401 - as above
    """Tell whether what is listed is an output folder; a request is made only where a name says that it may be."""

    def head(name: str, size: int) -> bytes:
        if name not in entries or entries[name]["type"] == "directory":
            return b""
        try:
            return _again(partial(_fetch, fs, entries[name]["name"], size), url)
        except ImageError as error:
            if error.code == "unreachable":
                raise
            return b""

    return tells_of_outputs(head)


def _read(fs: Any, path: str, place: Place, options: Options) -> tuple[bytes, int]:  # noqa: ANN401 - as above
    size, mtime_ns = place.size, place.mtime_ns
    if size is None or mtime_ns is None:
        asked = _place(fs.info(path))
        size, mtime_ns = asked.size, asked.mtime_ns
    check_bytes(size or 0, options)
    data = _fetch(fs, path, options.max_bytes + 1 if size is None else size + 1)
    check_bytes(len(data), options)
    if size is not None and len(data) < size:
        raise ConnectionError(f"{len(data)} of {size} bytes arrived")
    if size is not None and len(data) > size:
        raise ImageError("changed", "the file grew after it was listed: run again when it holds still")
    return data, mtime_ns or 0


def _fetch(fs: Any, path: str, size: int) -> bytes:  # noqa: ANN401 - as above
    """Return the first bytes of a file, and take no more of it into memory."""
    if "http" in fs.protocol:
        # A request for a part may be answered with the whole: it is taken as it comes, up to the size.
        with fs.open(path, "rb", block_size=0, size=size) as file:
            return _filled(file, size)
    data: bytes = fs.cat_file(path, start=0, end=size)
    return data


def _filled(file: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    left = size
    while left and (part := file.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _place(info: dict[str, Any]) -> Place:
    """Return size and time of what a server describes.

    Where it tells no time but a tag that changes with the content, a number made of that takes the place of the time:
    it is only ever held against the one of an earlier run.
    """
    size = info.get("size")
    told = (_nanoseconds(info[name]) for name in _TIMES if info.get(name) is not None)
    time_ns = next((value for value in told if value is not None), None)
    if time_ns is None:
        tag = next((str(info[name]) for name in _TAGS if info.get(name)), None)
        time_ns = None if tag is None else int.from_bytes(hashlib.sha256(tag.encode()).digest()[:6], "big")
    return Place(size if isinstance(size, int) and size >= 0 else None, time_ns)


def _nanoseconds(value: object) -> int | None:
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return round(moment.timestamp() * 10**6) * 1000
        return int(value * 10**9) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):
        return None


def _again(function: Callable[[], Value], url: Url) -> Value:
    """Call what asks a server, again after a pause where that may help.

    Raises
    ------
    ImageError
        ``changed`` for what is not there, ``permission``, and ``unreachable`` after the last try.
    """
    for attempt in range(_TRIES):
        try:
            return function()
        except (ImageError, UsageError, MissingExtraError):
            raise
        except Exception as error:  # noqa: BLE001 - every protocol has its own
            failure = _failure(error, url)
            if failure.code != "unreachable" or attempt == _TRIES - 1:
                raise failure from None
        time.sleep(_FIRST_PAUSE * 2**attempt)
    raise AssertionError


def _failure(error: Exception, url: Url) -> ImageError:
    """Tell what is gone or forbidden from what may be there the next time."""
    cause = error.__cause__ or error  # fsspec calls every failure over HTTP a file that is not found
    status, words = getattr(cause, "status", None), _words(cause, url)
    if status in _FORBIDDEN or isinstance(error, PermissionError) or "Credential" in type(cause).__name__:
        return ImageError("permission", f"not allowed: {words}")
    if status in _GONE or (isinstance(error, FileNotFoundError) and error is cause):
        return ImageError("changed", "the file has vanished since it was listed")
    if isinstance(status, int) and status < _SERVER_FAULT and status not in _TRANSIENT:
        return ImageError("io", f"refused: {words}")
    if isinstance(cause, NotImplementedError | TypeError | KeyError):
        return ImageError("io", f"this cannot be read: {words}")
    return ImageError("unreachable", f"no answer in {_TRIES} tries: {words}")


def _words(error: BaseException, url: Url) -> str:
    """Return what an error says without what is secret."""
    return hide(url.hide(str(error) or type(error).__name__), store_secrets())
