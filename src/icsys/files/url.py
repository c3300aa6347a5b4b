"""URLs without secrets in their texts, and secrets removed from other texts."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two letters at least: C:// is a drive.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
# Most runs meet no URL, so these patterns are compiled when they are needed.
_ONE_SLASH = r"(?i)\s*(?:s3a?|gcs|gs|az|abfss?|memory|https?|ftp|hf|file):[/\\](?![/\\])"
# Protocols can be chained, as in simplecache::s3://bucket; :: in a query is part of the query.
_CHAIN = r"(?i)::(?=[a-z][a-z0-9+.-]+(?:://|::))"
_PORT = r"(?a):\d*$"
_HOST = r"(?i)(?:(?:[^:/?#@]+@)?[^:/?#@]*|\[[0-9a-f:.%]+\])(?::\d*)?"
_NAMES_A_PLACE = {"abfs", "abfss"}  # container@account is a place there, not a user
_CREDENTIAL_NAME = r"(?i)SECRET|TOKEN|PASS|KEY|CREDENTIAL|CONNECTION_STRING|SAS"
_SHORTEST = 4  # characters; shorter values occur in many words, and are hidden only inside the URL
_HIDDEN = "…"


class _Part(NamedTuple):
    """One URL of a chain: ``scheme`` with its ``://``, and an authority that is split at its last ``@``."""

    scheme: str
    user: str
    host: str
    path: str
    query: str

    @property
    def shown(self) -> str:
        """The part without user, query and fragment; an authority that is no host is hidden, too."""
        host, path = self.sure
        return f"{self.scheme}{host}{without_secrets(path)}"

    @property
    def sure(self) -> tuple[str, str]:
        """Host and path without what may be part of a password with unescaped ``@`` or ``/``."""
        if self.user and "@" in self.query:
            return _HIDDEN, ""
        if self.user and "@" in self.path:
            return _HIDDEN, self.path.rpartition("@")[2]
        return self.host if not self.scheme or re.fullmatch(_HOST, self.host) else _HIDDEN, self.path


class Url:
    """A URL that prints without secrets: without user, password, query and fragment.

    Parameters
    ----------
    text
        The URL; blanks around it are removed.

    Examples
    --------
    >>> url = Url("https://me:pw@host/Tom's photos.zip?signature=1f")
    >>> str(url), url
    ("https://host/Tom's photos.zip", Url("https://host/Tom's photos.zip"))
    >>> url.secret()
    "https://me:pw@host/Tom's photos.zip?signature=1f"
    """

    __slots__ = ("_parts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._parts = [_parse(part) for part in re.split(_CHAIN, self._text)]

    def secret(self) -> str:
        """Return the whole URL, to connect."""
        return self._text

    def __str__(self) -> str:
        shown = []
        for part in self._parts:
            shown.append(part.shown)
            if part.query:
                break  # what follows may be a part of it
        return "::".join(shown)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Url], tuple[str]]:
        return Url, (self._text,)

    @property
    def protocol(self) -> str:
        """The protocol in lower case; of a chain, the first one."""
        return (self._parts[0].scheme or self._parts[0].path).partition("://")[0].lower()

    @property
    def is_chain(self) -> bool:
        """Whether several protocols are chained."""
        return len(self._parts) > 1

    @property
    def path(self) -> str:
        """The path behind the host, without query and fragment; of a chain, that of the first part."""
        return self._parts[0].path

    @property
    def has_user(self) -> bool:
        """Whether there is a user or a password in it."""
        return any(part.user for part in self._parts)

    @property
    def query(self) -> str:
        """The text from the first ``?`` or ``#`` on."""
        return next((part.query for part in self._parts if part.query), "")

    @property
    def site(self) -> Url:
        """The part before the path: protocol, user and host."""
        part = self._parts[0]
        return Url(f"{part.scheme}{part.user}{'@' if part.user else ''}{part.host}")

    @property
    def literal(self) -> tuple[str, str]:
        """The URL up to its host, and all text behind it, in which no character is special."""
        part = self._parts[0]
        return part.scheme + part.host, part.path + part.query

    def hide(self, text: str) -> str:
        """Remove the secrets of this URL from a text, in all their escaped forms.

        Examples
        --------
        >>> Url("https://host/a b?sig=q/9'x").hide("403 at https://host/a%20b?sig=q%2F9%27x; q%2f9'x is no signature")
        '403 at https://host/a b; … is no signature'
        >>> Url("https://host/a b?sig=q/9'x").hide("q%2f9'x is no signature")
        '… is no signature'
        """
        secrets = {self._text: str(self)}
        for part in self._parts:
            doubtful = (part.host + part.path + part.query).rpartition("@")[0] if part.user else ""
            values = [part.user, *part.user.split(":", 1), part.query, part.query[1:], doubtful]
            pieces = [part.user, doubtful]
            for pair in re.split("[?#&;]", part.query):
                name, equals, value = pair.partition("=")
                values += [pair, value]
                pieces.append(value if equals and not part.user else f"{name} {value}")
            # A library that parses the URL differently may print a piece of it.
            values += [word for piece in pieces for word in re.split(r"[^\w.+-]", piece)]
            secrets |= dict.fromkeys((value for value in values if len(value) >= _SHORTEST), _HIDDEN)
        return hide(text, secrets)


def _parse(text: str) -> _Part:
    scheme = _SCHEME.search(text)
    if not scheme:
        return _Part("", "", "", *_cut(text))
    rest = text[scheme.end() :]
    before, query = _cut(rest)
    authority, slash, path = before.partition("/")
    if "@" not in authority and "@" in rest and _may_hold_password(authority):
        # A password may have a slash, a question mark or a hash in it, unescaped.
        is_clear = "@" not in before or "@" not in query
        user, _, rest = rest.rpartition("@")
        if not is_clear:  # the query may hold the last one, and then a part of the password follows
            return _Part(scheme[0], user, _HIDDEN, "", f"?{rest}")
        before, query = _cut(rest)
        host, slash, path = before.partition("/")
    else:
        user, _, host = authority.rpartition("@")
    part = _Part(scheme[0], user, host, slash + path, query)
    return part._replace(host=f"{user}@{host}", user="") if user and _is_place(part) else part


def _may_hold_password(authority: str) -> bool:
    """Return whether an authority without an ``@`` may be a user and the beginning of a password."""
    host, colon, _ = authority.rpartition(":")
    return bool(colon) and not (
        re.search(_PORT, authority) and ("." in host or host.startswith("[") or host.lower() == "localhost")
    )


def _is_place(part: _Part) -> bool:
    """Return whether the part before an ``@`` is the name of a place."""
    return part.scheme[:-3].lower() in _NAMES_A_PLACE and ":" not in part.user and "/" not in part.user


def _cut(text: str) -> tuple[str, str]:
    """Split a text at its first ``?`` or ``#``; the second part begins with it."""
    found = re.search("[?#]", text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def is_url(text: str) -> bool:
    """Return whether a text is or holds a URL.

    Examples
    --------
    >>> [is_url(text) for text in ("s3://bucket/photos", " 's3://b'", "photos", "C:/photos", "photos::old")]
    [True, True, False, False, False]
    """
    return _SCHEME.search(text) is not None


def begins_as_url(path: str) -> bool:
    """Return whether a file system's path is a URL; other paths may hold one behind a slash."""
    return _SCHEME.match(path) is not None


def url_path(path: str) -> str:
    """Return a file system's path without user, host and query if it is a URL: nothing in it is secret."""
    return Url(path).path if begins_as_url(path) else path


def url_site(path: str) -> Url:
    """Return the part of a file system's path that :func:`url_path` leaves out in front: protocol, user and host."""
    return Url(path).site if begins_as_url(path) else Url("")


def is_mangled(text: str) -> bool:
    """Return whether a text is a URL that was turned into a path, and so lost a slash."""
    return not is_url(text) and re.match(_ONE_SLASH, text) is not None


def shown(place: object) -> str:
    """Return a place or value for messages: a URL without its secrets, anything else unchanged.

    Examples
    --------
    >>> shown("https://me:pw@host/a.zip?signature=1f"), shown("photos/a?.zip"), shown(Url("s3://k:pw@bucket/a"))
    ('https://host/a.zip', 'photos/a?.zip', 's3://bucket/a')
    """
    text = os.fspath(place) if isinstance(place, os.PathLike) else str(place)
    if is_mangled(text):
        return shown(re.sub(r":[/\\]", "://", text, count=1))
    return str(Url(text)) if isinstance(place, str | os.PathLike) and is_url(text) else text


def without_secrets(text: str) -> str:
    """Remove what may be secret in the URLs of a text, such as an error of a library.

    The end of a URL in a text is uncertain, so the text is cut where a query begins, and a possible user is removed.

    Examples
    --------
    >>> without_secrets("no answer from https://me:pw@host/a.png?X-Amz-Signature=1f")
    'no answer from https://host/a.png'
    """
    pieces: list[str] = []
    while found := _SCHEME.search(text):
        part = _parse(text[found.start() :])
        host, path = part.sure
        pieces += [text[: found.start()], part.scheme, host]
        text = path
    return "".join(pieces) + text


def hide_given(text: str, values: Iterable[object]) -> str:
    """Return a message without the secrets of the URLs among ``values``."""
    for value in values:
        if isinstance(value, str) and is_url(value):
            text = Url(value).hide(text)
    return text


def hide(text: str, secrets: dict[str, str]) -> str:
    """Replace secrets in a text, in all their escaped forms, and remove the secrets of its URLs.

    Parameters
    ----------
    secrets
        Each secret with its replacement.
    """
    plain = {
        form: instead for secret, instead in secrets.items() for form in (unquote(secret), unquote_plus(secret), secret)
    }
    known = sorted((item for item in plain.items() if item[0]), key=lambda item: len(item[0]), reverse=True)
    kept: list[str] = []

    def replaced(found: re.Match[str]) -> str:
        kept.append(known[(found.lastindex or 1) - 1][1])
        return f"\0{len(kept) - 1}\0"

    if known:
        pattern = "|".join(f"({''.join(map(_any_form, form))})" for form, _ in known)
        text = re.sub(pattern, replaced, text.replace("\0", ""))
    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], without_secrets(text))


@cache
def _any_form(character: str) -> str:
    """Return a regular expression for a character, plain or escaped as in URLs, Python, JSON and HTML."""
    import html  # noqa: PLC0415 - few runs need them
    import json  # noqa: PLC0415

    forms = {way(character)[1:-1] for way in (repr, ascii, json.dumps)}
    forms |= {html.escape(character), "\\" + character, character, *("+" if character == " " else "")}
    escaped = "".join(f"%(?:25)*(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    return f"(?:{'|'.join(map(re.escape, sorted(forms, key=len, reverse=True)))}|{escaped})"


def store_secrets() -> dict[str, str]:
    """Return the values of the environment and of fsspec's settings whose names mark them as secrets."""
    found = [value for name, value in os.environ.items() if re.search(_CREDENTIAL_NAME, name)]
    try:
        from fsspec.config import conf  # noqa: PLC0415 - an extra
    except ImportError:
        conf = {}
    waiting: list[tuple[str, object]] = list(conf.items())
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, str) and re.search(_CREDENTIAL_NAME, str(name)):
            found.append(value)
    return {value: _HIDDEN for value in found if len(value) > _SHORTEST * 2}
