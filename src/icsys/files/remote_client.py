"""The client for URLs: it connects to file systems through fsspec, tries requests again, and words errors safely.

Object stores as destinations (:mod:`icsys.files.object_store`) and sources behind URLs (:mod:`icsys.sources.remote`)
use it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import MissingExtraError, UsageError
from icsys.files.locations import WEB
from icsys.files.url import Url, hide, store_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Answer = TypeVar("_Answer")

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""Protocols of stores where an object appears whole or not at all."""

LONGEST_PAUSE = 30.0
"""The longest wait in seconds that a server can set with Retry-After."""

_SILENCE = 60  # seconds without a byte, then a web request fails


def open_file_system(url: Url, settings: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path of the URL in it.

    Parameters
    ----------
    settings
        Arguments for the file system, beside the defaults for web servers.

    Raises
    ------
    UsageError
        If the protocol is unknown, or the URL cannot be parsed.
    MissingExtraError
        If a package is not installed.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

        settings = (_web_settings() if url.protocol in WEB else {}) | dict(settings or {})
        if url.protocol in OBJECT_STORES and not url.is_chain and not url.has_user:
            # The names of objects may hold any character: fsspec parses only the bucket.
            bucket, key = url.literal
            system, path = url_to_fs(bucket, **settings)
            path = path.rstrip("/") + key.rstrip("/")
        else:
            system, path = url_to_fs(url.secret(), **settings)
    except ImportError as error:
        raise MissingExtraError(
            f"{str(url)!r} needs a package that is not installed ({error_text(error, url)}): "
            "pip install 'icsys[remote]', for gs:// also gcsfs, for az:// also adlfs"
        ) from None
    except Exception as error:  # noqa: BLE001 - every protocol has its own errors
        raise UsageError(f"{str(url)!r} cannot be opened: {error_text(error, url)}") from None
    return system, path


@cache
def connect(url: Url) -> tuple[Any, str]:
    """Return what :func:`open_file_system` does; each process opens a URL once."""
    return open_file_system(url)


def _web_settings() -> dict[str, Any]:
    from aiohttp import ClientTimeout  # noqa: PLC0415 - an extra

    timeout = ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE)
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}}


def retry(
    request: Callable[[], _Answer],
    explain: Callable[[Exception], tuple[Exception, bool]],
    *,
    attempts: int,
    first_pause: float,
) -> _Answer:
    """Return what ``request`` returns; after an error that may pass, wait and try again.

    The pause doubles with every attempt. A server that sends Retry-After gets at least that long.

    Parameters
    ----------
    explain
        Turns an error into the one to raise, and whether another attempt may help.
    attempts
        Calls of ``request`` at most.
    first_pause
        Seconds.
    """
    for attempt in range(attempts):
        try:
            return request()
        except Exception as error:  # noqa: BLE001 - every protocol has its own errors
            explained, may_pass = explain(error)
            if not may_pass or attempt == attempts - 1:
                raise explained from None  # the original text may hold credentials
            wait = retry_after(error)
        time.sleep(max(first_pause * 2**attempt, wait))
    raise AssertionError


def error_text(error: BaseException, url: Url | None = None) -> str:
    """Return the text of an error in one line, without credentials: those of ``url``, and those of the environment."""
    text = str(error) or type(error).__name__
    return " ".join(hide(url.hide(text) if url else text, store_secrets()).split())


def retry_after(error: BaseException) -> float:
    """Return the seconds that a server requires between two requests (Retry-After, seconds or a time); 0 if not given.

    At most :data:`LONGEST_PAUSE`.
    """
    for headers in _headers_of(error):
        values = {str(name).lower(): str(value).strip() for name, value in headers.items()}
        if (wait := values.get("retry-after", "")).isdecimal():
            return min(float(wait[:9]), LONGEST_PAUSE)
        then, now = (server_time_ns(values[name]) if values.get(name) else None for name in ("retry-after", "date"))
        if then is not None:
            return min(max(0.0, (then - (time.time_ns() if now is None else now)) / 10**9), LONGEST_PAUSE)
    return 0.0


def _headers_of(error: BaseException | None) -> Iterator[Any]:
    """Return the headers of the answers behind an error, where aiohttp and botocore keep them."""
    while error is not None:
        yield getattr(error, "headers", None) or {}
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            yield response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        error = error.__cause__


def server_time_ns(value: object) -> int | None:
    """Return a time from a server (ISO 8601, HTTP date, datetime, seconds) in nanoseconds since 1970, or None."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if value[:4].isdigit() else parsedate_to_datetime(value)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return round(moment.timestamp() * 10**6) * 1000
        return int(value * 10**9) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):
        return None
