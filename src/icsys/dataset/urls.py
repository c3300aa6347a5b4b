"""Which texts are URLs, and URLs without what is secret in them."""

from __future__ import annotations

import os
import re

from icsys.errors import UsageError

# Two letters at least: C:\ is a drive. Protocols may be chained, as in simplecache::s3://bucket.
_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:://|::.*://)", re.IGNORECASE | re.DOTALL)
_IN_TEXT = re.compile(r"([a-z][a-z0-9+.-]+://)((?:(?!::[a-z][a-z0-9+.-]+://)[^\s'\"<>])*)", re.IGNORECASE)
_USER = re.compile(r"^[^/]*@")
_MANGLED = re.compile(r"(?:s3a?|gcs|gs|az|abfss?|memory|https?|hf|file):[/\\][^/\\]", re.IGNORECASE)
_QUERY = re.compile(r"[?#].*$", re.DOTALL)


def is_url(text: str) -> bool:
    """Tell whether a text is a URL and no path.

    Examples
    --------
    >>> [is_url(text) for text in ("s3://bucket/photos", "photos", "C:/photos", "photos::old")]
    [True, False, False, False]
    """
    return _URL.match(text) is not None


def local_path(place: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path that a ``file://`` URL stands for, and anything else as it is.

    Raises
    ------
    UsageError
        If it was another URL before it became a path, which has one slash less since.

    Examples
    --------
    >>> local_path("s3://bucket/small"), local_path("small")
    ('s3://bucket/small', 'small')
    """
    text = os.fspath(place)
    if not isinstance(place, str) and _MANGLED.match(text):
        raise UsageError(f"{without_secrets(text)!r} was a URL before it became a path: give it as text")
    if not text.lower().startswith("file:///"):
        return place
    from urllib.request import url2pathname  # noqa: PLC0415 - takes a tenth of a second

    return url2pathname(text[len("file://") :])


def overlap(one: str, other: str) -> bool:
    """Tell whether one of two URLs lies in the other.

    Examples
    --------
    >>> overlap("s3://bucket/a", "s3://bucket/a/b/"), overlap("s3://bucket/a", "s3://bucket/ab")
    (True, False)
    """
    first, second = (without_secrets(url).rstrip("/").replace("s3a://", "s3://", 1) + "/" for url in (one, other))
    return first.startswith(second) or second.startswith(first)


def without_query(url: str) -> str:
    """Return a URL up to its query or fragment.

    Examples
    --------
    >>> without_query("https://host/photos.zip?signature=1f")
    'https://host/photos.zip'
    """
    return _QUERY.sub("", url)


def check_apart(source: str, destination: str) -> None:
    """Refuse two URLs of which one lies in the other; what lies where on disks is not looked at.

    Raises
    ------
    UsageError
        If outputs would be written over photos, or be taken for photos by the next run.
    """
    if is_url(source) and is_url(destination) and overlap(source, destination):
        raise UsageError(
            f"source {without_secrets(source)!r} and destination {without_secrets(destination)!r} lie in each other: "
            "expected two places apart, so that no photo is overwritten and no output taken for one"
        )


def base_name(path: str) -> str:
    r"""Return the last part of a path or of a URL, which is not its query.

    Examples
    --------
    >>> base_name("https://host/a/photos.zip?signature=1f/2"), base_name("C:\\photos\\a?.zip")
    ('photos.zip', 'a?.zip')
    """
    return (without_query(path) if is_url(path) else path).replace("\\", "/").rpartition("/")[2]


def without_secrets(text: str) -> str:
    """Return a text with every URL in it cut down to what is no secret: no user, no password, no query, no fragment.

    Examples
    --------
    >>> without_secrets("no answer from https://me:pw@host/a.png?X-Amz-Signature=1f")
    'no answer from https://host/a.png'
    """
    return _IN_TEXT.sub(lambda url: url[1] + _USER.sub("", _QUERY.sub("", url[2])), text)
