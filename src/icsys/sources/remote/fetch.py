"""Fetch images, parts of files and pages from servers, with retries and checks of sizes."""

from __future__ import annotations

import hashlib
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar

from icsys.errors import ImageError, MissingExtraError, UsageError
from icsys.files.remote_client import error_text, retry, server_time_ns
from icsys.image.limits import check_bytes
from icsys.sources.base import Place
from icsys.sources.remote.web_pages import LARGEST_PAGE, WebPage, decode_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from icsys.files.url import Url
    from icsys.options import Options

_ATTEMPTS = 4
_FIRST_PAUSE = 0.25  # seconds
_TIMES = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "modified", "timeModified", "created")
_TAGS = ("ETag", "etag", "blob_id", "sha", "checksum", "Content-MD5", "md5Hash", "Digest", "uid")
_GONE, _FORBIDDEN, _TRANSIENT = {404, 410}, {401, 403}, {408, 425, 429}
_SERVER_FAULT = 500
_GZIP = b"\x1f\x8b\x08"  # no image format begins with it

_Answer = TypeVar("_Answer")


def fetch_image(fs: Any, path: str, place: Place, options: Options) -> tuple[bytes, int]:  # noqa: ANN401 - fsspec has no types
    """Return the bytes of an image, unpacked if it is stored as gzip, and its time.

    Raises
    ------
    ImageError
        If it has more bytes than options allow, packed or not, or more than listed.
    """
    size, mtime_ns = place.size, place.mtime_ns
    if size is None or mtime_ns is None:
        current = place_in(fs.info(path))
        size, mtime_ns = current.size, current.mtime_ns
    check_bytes(size or 0, options)
    data, is_as_told = _fetch_body(fs, path, options.max_bytes + 1 if size is None else size + 1, options.max_bytes + 1)
    check_bytes(len(data), options)
    if size is not None and is_as_told:
        if len(data) < size:
            raise ConnectionError(f"{len(data)} of {size} bytes arrived")
        if len(data) > size:
            raise ImageError("changed", "the file grew after it was listed: run again when it no longer changes")
    if data.startswith(_GZIP):
        data = _unpacked(data, options.max_bytes + 1)
        check_bytes(len(data), options)
    return data, mtime_ns or 0


def fetch_head(fs: Any, path: str, size: int) -> bytes:  # noqa: ANN401 - as above
    """Return the first bytes of an image, at most ``size``, unpacked if it is stored as gzip."""
    data = fetch_start(fs, path, size)
    return zlib.decompressobj(31).decompress(data, size) if data.startswith(_GZIP) else data


def _unpacked(data: bytes, most: int) -> bytes:
    """Unpack gzip, at most ``most`` bytes."""
    unpacked = b""
    try:
        while data:
            stream = zlib.decompressobj(31)
            unpacked += stream.decompress(data, most - len(unpacked))
            if len(unpacked) >= most:
                break
            if not stream.eof:
                raise ImageError("broken", "it is stored as gzip, which is cut: upload it again")
            data = stream.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise ImageError("broken", f"it is stored as gzip, which is damaged ({error}): upload it again") from None
    return unpacked


def _fetch_body(fs: Any, path: str, size: int, most: int) -> tuple[bytes, bool]:  # noqa: ANN401 - as above
    """Return the first bytes of a file, and whether their number can match the listed size: HTTP may unpack gzip.

    Parameters
    ----------
    size, most
        Bytes at most, of a file as stored and of one that HTTP unpacks.
    """
    if "http" not in fs.protocol:
        data: bytes = fs.cat_file(path, start=0, end=size)
        return data, True
    # A server may answer a request for a part with the whole file: it is read up to the size.
    with fs.open(path, "rb", block_size=0, size=size) as file:
        is_packed = file.r.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}
        return _read_up_to(file, most if is_packed else size), not is_packed


def fetch_start(fs: Any, path: str, size: int) -> bytes:  # noqa: ANN401 - as above
    """Return the first bytes of a file; no more of it is in memory."""
    return _fetch_body(fs, path, size, size)[0]


def fetch_size_and_time(fs: Any, path: str) -> tuple[int | None, int | None]:  # noqa: ANN401 - as above
    """Return the size and time of a file from the server."""
    place = place_in(fs.info(path))
    return place.size, place.mtime_ns


def fetch_range(fs: Any, path: str, start: int, end: int) -> bytes:  # noqa: ANN401 - as above
    """Return a part of a file as stored: a part that HTTP compresses could not be unpacked."""
    headers = {"headers": {"Accept-Encoding": "identity"}} if "http" in fs.protocol else {}
    data: bytes = fs.cat_file(path, start=start, end=end, **headers)
    return data


def fetch_page(fs: Any, url: str) -> WebPage:  # noqa: ANN401 - as above
    """Return the page of a folder over HTTP."""
    with fs.open(url, "rb", block_size=0, size=LARGEST_PAGE) as file:
        content_type = file.r.headers.get("Content-Type", "")
        kind = content_type.partition(";")[0].strip().lower()
        data = _read_up_to(file, LARGEST_PAGE + 1) if "html" in kind or not kind else b""
        if len(data) > LARGEST_PAGE:
            raise ImageError(
                "too_large", f"its page has more than {LARGEST_PAGE} bytes: expected a smaller list of links"
            )
        return WebPage(str(file.r.url), kind, decode_page(data, content_type))


def _read_up_to(file: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    left = size
    while left and (part := file.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def place_in(info: Mapping[str, Any]) -> Place:
    """Return size and time from a server's description of a file.

    Without a time, a tag that changes with the content is turned into a number instead: it is only compared with the
    number of an earlier run.
    """
    size = info.get("size")
    times = (server_time_ns(info[name]) for name in _TIMES if info.get(name) is not None)
    time_ns = next((value for value in times if value is not None), None)
    if time_ns is None:
        tag = next((str(info[name]) for name in _TAGS if info.get(name)), None)
        time_ns = None if tag is None else int.from_bytes(hashlib.sha256(tag.encode()).digest()[:6], "big")
    if "gzip" in str(info.get("contentEncoding", "")):
        size = None  # Google unpacks such objects, but states the packed size
    return Place(size if isinstance(size, int) and size >= 0 else None, time_ns)


def with_retry(request: Callable[[], _Answer], url: Url) -> _Answer:
    """Return what ``request`` returns; after an error that may pass, it is tried again.

    Raises
    ------
    ImageError
        ``changed`` if the file is gone, ``permission``, ``io``, and ``unreachable`` after the last attempt.
    """
    return retry(request, partial(_explain, url=url), attempts=_ATTEMPTS, first_pause=_FIRST_PAUSE)


def _explain(error: Exception, url: Url) -> tuple[Exception, bool]:
    """Return the error to raise, and whether another attempt may help."""
    if isinstance(error, ImageError | UsageError | MissingExtraError):
        return error, False
    cause = error.__cause__ or error  # fsspec raises FileNotFoundError for every failure over HTTP
    status, text = getattr(cause, "status", None), error_text(cause, url)
    if status in _FORBIDDEN or isinstance(error, PermissionError) or "Credential" in type(cause).__name__:
        return ImageError("permission", f"not allowed: {text}"), False
    if status in _GONE or (isinstance(error, FileNotFoundError) and error is cause):
        return ImageError("changed", "the file has vanished since it was listed"), False
    if isinstance(status, int) and status < _SERVER_FAULT and status not in _TRANSIENT:
        return ImageError("io", f"refused: {text}"), False
    if isinstance(cause, NotImplementedError | TypeError | KeyError):
        return ImageError("io", f"this cannot be read: {text}"), False
    return ImageError("unreachable", f"no answer in {_ATTEMPTS} tries: {text}"), True
