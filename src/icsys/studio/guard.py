"""Decides which requests are answered: none of a page of another site, and none without the token.

A server on the loopback interface can be reached by every page in the browser. Three checks keep others out, in this
order: the ``Host`` must be a name of this machine, so a name that was bound to its address is refused; a request that a
page sends must come from a page of this server, and not from a form; and all but the files of the page itself needs a
cookie with a random token, which only the address that was printed gives.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import h11
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static/"
"""Files of the page itself, which hold nothing of the user's, are below this path."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with what the user has given
_FORBIDDEN = 403
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
_LONGEST_START = 300.0  # seconds until a browser that was started must have opened the page
_PIECE = 2**18  # bytes
_LONGEST_LINE = 500
_LOG = logging.getLogger("icsys.studio")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must have.

    Attributes
    ----------
    host
        The name or address that the server was told to listen on; it is allowed beside the names of localhost.
    port
        Its port. The cookie is named for it: browsers send cookies to all ports of a host.
    token
        The random text that lets in.
    """

    host: str
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _tickets: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token."""
        return f"ics-studio-{self.port}"

    @property
    def address(self) -> str:
        """The address that lets a browser in."""
        return self._address(self.token)

    def address_once(self) -> str:
        """Return another address that lets a browser in; it does so once, and soon."""
        ticket = secrets.token_urlsafe(32)
        self._tickets[ticket] = time.monotonic() + _LONGEST_START
        return self._address(ticket)

    def lets_in(self, given: str | None) -> bool:
        """Return whether a text in the address is the token, or a ticket, which is used up."""
        for ticket, end in self._tickets.items():
            if _are_equal(given, ticket):
                del self._tickets[ticket]
                return time.monotonic() <= end
        return self.knows(given)

    def is_own_host(self, host: str) -> bool:
        """Return whether a ``Host`` is a name of this machine, at any port: a tunnel may have another one.

        Examples
        --------
        >>> access = Access("127.0.0.1", 8000)
        >>> [access.is_own_host(host) for host in ("localhost:9000", "[::1]:8000", "evil.example:8000", "")]
        [True, True, False, False]
        """
        name = _name_in(host)
        if name in _LOCAL_NAMES or not name:
            return bool(name)
        # Behind all addresses, one that is written in digits is no name that someone could bind to this machine.
        return name == self.host.casefold() or (_is_any(self.host) and _is_address(name))

    def is_own_origin(self, headers: Headers) -> bool:
        """Return whether a request names this server as the site of its page, or none."""
        origin = headers.get("origin")
        return origin is None or origin.casefold() == f"http://{headers.get('host', '')}".casefold()

    def knows(self, given: str | None) -> bool:
        """Return whether a text is the token, compared in a time that does not depend on it."""
        return _are_equal(given, self.token)

    def _address(self, token: str) -> str:
        return f"http://{_in_url(self.host)}:{self.port}/?token={token}"


class Guard:
    """Passes on the requests that may be answered, as a layer around an application.

    Parameters
    ----------
    app
        The application.
    access
        What a request must have.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, exchange the token for the cookie, or pass the request on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is served
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            body = memoryview(message.get("body", b""))
            while len(body) > _PIECE:  # so that what a slow client has not taken lies in memory once
                await send({**message, "body": bytes(body[:_PIECE]), "more_body": True})
                body = body[_PIECE:]
            await send({**message, "body": bytes(body)} if "body" in message else message)

        try:
            await (self._answer(scope) or self._app)(scope, receive, send_with_headers)
        except (ClientDisconnect, h11.LocalProtocolError):
            pass  # the client is gone, or has sent what is no HTTP
        except Exception as error:  # noqa: BLE001 - the application has answered 500; others are answered on
            text = repr(error)[:_LONGEST_LINE]
            _LOG.error("ics studio: %s %.200r: %s", scope["method"], scope["path"], text)

    def _answer(self, scope: Scope) -> ASGIApp | None:
        """Return what answers instead of the application; None if it may."""
        headers, access = Headers(scope=scope), self._access
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not access.is_own_host(hosts[0]):
            return _refused("this server answers to names of this machine only, such as localhost")
        if len(headers.getlist("origin")) > 1 or not access.is_own_origin(headers) or _is_form(headers):
            return _refused("this server answers its own page only")
        is_own = headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        given = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [None])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and access.lets_in(given):
            return self._let_in(is_own=is_own)
        if not is_own:
            return _refused("this server answers its own page only; enter its address yourself")
        if scope["path"].startswith(STATIC) or any(map(access.knows, _cookies_in(headers, access.cookie))):
            return None
        return _refused("open the address that ics studio has printed; it ends with a token")

    def _let_in(self, *, is_own: bool) -> ASGIApp:
        # Behind a link of another site, a browser sends no strict cookie to where it is led, unless the answer itself
        # leads there.
        answer = RedirectResponse("/", 303) if is_own else PlainTextResponse("", headers={"Refresh": "0; url=/"})
        access = self._access
        answer.set_cookie(access.cookie, access.token, httponly=True, samesite="strict", path="/")
        return answer


def _is_form(headers: Headers) -> bool:
    """Return whether a request is one that a form of any page can send; an old browser names no site with it."""
    return headers.get("content-type", "").partition(";")[0].strip().casefold() in _FORMS


def _are_equal(given: str | None, secret: str) -> bool:
    """Compare texts in a time that does not depend on the secret."""
    return given is not None and secrets.compare_digest(given.encode(), secret.encode())


def _refused(why: str) -> ASGIApp:
    return PlainTextResponse(f"403: {why}\n", _FORBIDDEN)


def _cookies_in(headers: Headers, name: str) -> list[str]:
    """Return all values of a cookie.

    Any server of this host may set cookies of any name and form: they are passed over, and shut out no page.
    """
    pairs = (pair.partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value.strip() for found, _, value in pairs if found.strip() == name]


def _name_in(host: str) -> str:
    """Return the name in a ``Host``, without its port; empty if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.netloc != host or parts.username is not None or parts.path or parts.query or parts.fragment:
            return ""
        _ = parts.port  # raises an error for what is no port
        return (parts.hostname or "").casefold()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_any(host: str) -> bool:
    """Return whether a server on this address listens on all addresses of the machine."""
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _in_url(host: str) -> str:
    """Return the host of a URL that leads to a server on this machine."""
    name = _REACHED.get(host, host)
    return f"[{name}]" if ":" in name else name
