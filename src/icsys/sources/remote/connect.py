"""The file system behind a URL, as fsspec gives it."""

from __future__ import annotations

from functools import cache
from typing import Any

from icsys.errors import MissingExtraError, UsageError
from icsys.files.locations import WEB
from icsys.files.object_store import WHOLE
from icsys.files.url import Url, begins_as_url
from icsys.sources.remote.fetch import words_of

_PATIENCE = 60  # seconds without a byte


@cache
def connect(url: Url) -> tuple[Any, str]:
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
        if url.protocol in WHOLE and not url.is_chain and not url.has_user:
            # Names of objects may have any character in them: nothing but the bucket is for others to take apart.
            bucket, key = url.literal
            fs, path = url_to_fs(bucket, **settings)
            path = path.rstrip("/") + key.rstrip("/")
        else:
            fs, path = url_to_fs(url.secret(), **settings)
    except ImportError as error:
        raise MissingExtraError(f"{shown!r} needs a package: {words_of(error, url)}") from None
    except Exception as error:  # noqa: BLE001 - every protocol has its own
        raise UsageError(f"{shown!r} cannot be opened: {words_of(error, url)}") from None
    return fs, path


def name_of(path: str) -> str:
    """Return a path of a file system without what may be secret in it, if it is a URL: without host, user and query."""
    return Url(path).path if begins_as_url(path) else path


def site_of(path: str) -> Url:
    """Return what stands before the names of a file system's paths."""
    return Url(path).site if begins_as_url(path) else Url("")
