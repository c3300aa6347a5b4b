"""The file system behind a URL, as fsspec gives it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from icsys.dataset.fetching import words_of
from icsys.dataset.objects import WHOLE
from icsys.dataset.urls import WEB
from icsys.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from icsys.url import Url

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


def name_below(root: str, path: str) -> str:
    """Return a path without the root below which it lies, which may hold secrets: then it begins with a slash."""
    root = root.rstrip("/")
    return path[len(root) :] if path.startswith(f"{root}/") else path


def path_of(root: str, name: str) -> str:
    """Return the path that such a name stands for."""
    return root.rstrip("/") + name if name.startswith("/") else name
