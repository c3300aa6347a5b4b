"""Which texts are URLs, and URLs without what is secret in them."""

from __future__ import annotations

import re

# Two letters at least: C:\ is a drive. Protocols may be chained, as in simplecache::s3://bucket.
_URL = re.compile(r"[a-z][a-z0-9+.-]+(?:://|::)", re.IGNORECASE)
_IN_TEXT = re.compile(r"([a-z][a-z0-9+.-]+://)((?:(?!::[a-z][a-z0-9+.-]+://)[^\s'\"<>])*)", re.IGNORECASE)
_USER = re.compile(r"^[^/]*@")
_QUERY = re.compile(r"[?#].*$", re.DOTALL)


def is_url(text: str) -> bool:
    """Tell whether a text is a URL and no path.

    Examples
    --------
    >>> [is_url(text) for text in ("s3://bucket/photos", "photos", "C:/photos", "photos::old")]
    [True, False, False, True]
    """
    return _URL.match(text) is not None


def without_query(url: str) -> str:
    """Return a URL up to its query or fragment.

    Examples
    --------
    >>> without_query("https://host/photos.zip?signature=1f")
    'https://host/photos.zip'
    """
    return _QUERY.sub("", url)


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
