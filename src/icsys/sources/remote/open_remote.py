"""Sources behind a URL, through fsspec: a folder of images, and files that are archives.

Credentials come from the usual places of each protocol: environment variables, ``~/.aws``, ``~/.netrc``, a token of
Hugging Face. A URL may hold secrets, so plans hold paths below it instead of URLs, and the texts of libraries' errors
go through :func:`icsys.files.remote_client.error_text`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import ImageError, UsageError
from icsys.files.remote_client import connect, error_text
from icsys.files.url import Url, begins_as_url, url_path, url_site
from icsys.sources.archive_patterns import expand_braces, find_archives
from icsys.sources.archives.archive_names import archive_suffix, folder_for_archive
from icsys.sources.archives.source import Archives
from icsys.sources.remote.fetch import fetch_page, with_retry
from icsys.sources.remote.folder import RemoteFolder
from icsys.sources.remote.remote_files import RemoteFiles
from icsys.sources.remote.web_pages import root_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.sources.base import Source


Value = TypeVar("Value")


def open_remote(
    url: Url, *, include_outputs: bool = False, ignore_zeros: bool = False, follow_links: bool = False
) -> Source:
    """Return the source behind a URL: a folder of images, or archives.

    Raises
    ------
    UsageError
        If nothing is there, it cannot be reached, or it is no source.
    MissingExtraError
        If a package is not installed.
    """
    shown = str(url)
    fs, path = connect(url)
    plain = url_path(path).partition("?versionId=")[0]
    is_page = "http" in fs.protocol
    if re.search(r"[*\[{]", plain) and (is_page or not _request(partial(fs.exists, path), url)):
        globs = (_request(partial(fs.glob, pattern), url) for pattern in expand_braces(path))
        root = re.split(r"[*\[{]", path, maxsplit=1)[0].rpartition("/")[0]
        files = [file for matches in globs for file in sorted(matches)]
        if not files or not all(archive_suffix(url_path(file)) for file in files):
            raise UsageError(f"source {shown!r}: expected a pattern that archives match, and nothing else")
        placed = tuple((url_path(file), folder_for_archive(file.removeprefix(f"{root}/"))) for file in files)
        return Archives(
            shown, RemoteFiles(url, url_site(path)), placed, ignore_zeros=ignore_zeros, follow_links=follow_links
        )
    if archive_suffix(plain) and not _request(lambda: _is_folder(fs, path), url):
        size = _request(lambda: fs.info(path), url)["size"]
        if is_page:
            _request(partial(_check_parts, fs, path, size), url)
        bucket = RemoteFiles(url, url_site(path), plain, Url(path))
        return Archives(shown, bucket, ((plain, ""),), ignore_zeros=ignore_zeros, follow_links=follow_links)
    if begins_as_url(path) and url.query:
        raise UsageError(f"source {shown!r} has a query: expected that of an archive, or a folder without one")
    folder = RemoteFolder(url, include_outputs)
    if is_page:
        page = _request(partial(fetch_page, fs, path), url)
        folder = RemoteFolder(url, include_outputs, Url(root_of(path, page)), page)
    else:
        _request(partial(fs.ls, path, detail=False), url)
    found, passed_over = find_archives(folder)
    if not found:
        return folder
    placed = tuple((folder.archives[name], folder_for_archive(name)) for name in found)
    bucket = RemoteFiles(url, url_site(folder.root.secret()))
    return Archives(shown, bucket, placed, tuple(passed_over), ignore_zeros=ignore_zeros, follow_links=follow_links)


def _is_folder(fs: Any, path: str) -> bool:  # noqa: ANN401 - fsspec has no types
    """Return whether a path with the name of an archive is a folder; on a web server it is a file."""
    return "http" not in fs.protocol and bool(fs.isdir(path))


def _check_parts(fs: Any, path: str, size: int | None) -> None:  # noqa: ANN401 - as above
    """Refuse a server that cannot send parts of files, before it sends a whole one."""
    if not size:
        raise ImageError("unsupported", "the server does not state its size: download the archive first")
    try:
        with fs.open(path, "rb", size=size, block_size=1, cache_type="none") as file:
            file.seek(size - 1)
            file.read(1)
    except ValueError:
        raise ImageError("unsupported", "the server sends only whole files: download the archive first") from None


def _request(request: Callable[[], Value], url: Url) -> Value:
    """Make a request before the run; UsageError if it fails."""
    try:
        return with_retry(request, url)
    except ImageError as error:
        what = "does not exist" if error.code == "changed" else f"cannot be read: {error}"
        raise UsageError(f"source {str(url)!r} {what}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"source {str(url)!r} cannot be read: {error_text(error, url)}") from None
