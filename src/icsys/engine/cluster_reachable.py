"""Check that a cluster answers at an address; its package would take a minute, and print pages of errors."""

from __future__ import annotations

import os
import re
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import UsageError
from icsys.files.url import shown

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 6.0
"""Seconds for the name look-up, the connection and the first bytes together."""

_ADDRESS = re.compile(r"(?:(\w+)://)?(?:\[([^\[\]\s]+)\]|([^:/\[\]\s]+)):(\d{1,5})/?", re.ASCII)
_LONGEST_MESSAGE = 2**20  # bytes


class _Handshake(NamedTuple):
    """The first bytes of a connection in one protocol.

    Attributes
    ----------
    greeting
        The client's first bytes.
    length
        Bytes of the answer that are checked.
    is_answer
        Checks them.
    secure
        Whether the connection starts with TLS; nothing after that is checked.
    """

    greeting: bytes = b""
    length: int = 0
    is_answer: Callable[[bytes], bool] = lambda _: True
    secure: bool = False


# A Dask scheduler greets every client: a message after its length, eight bytes, little-endian.
_DASK = _Handshake(b"", 8, lambda answer: 0 < int.from_bytes(answer, "little") < _LONGEST_MESSAGE)
_HTTP = _Handshake(b"GET / HTTP/1.0\r\n\r\n", 5, lambda answer: answer == b"HTTP/")
# gRPC is HTTP/2: both sides start with a SETTINGS frame, type 4 (RFC 9113, 3.4 and 6.5).
_GRPC = _Handshake(
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)),
    9,
    lambda answer: answer[3] == 4 and not any(answer[5:]),  # noqa: PLR2004 - see above
)
_TLS = _Handshake(secure=True)

_CLUSTERS: dict[str, tuple[str, dict[str | None, _Handshake]]] = {
    "dask": ("Dask scheduler", {None: _DASK, "tcp": _DASK, "tls": _TLS, "ws": _HTTP, "wss": _TLS}),
    "ray": ("Ray cluster", {None: _GRPC, "ray": _GRPC}),
}
_EXPECTED = {"dask": "tcp://HOST:PORT", "ray": "HOST:PORT, ray://HOST:PORT or auto"}
_FOUND_BY_RAY = {"auto", "local"}


def check_reachable(engine: str, address: str) -> None:
    """Make sure that a cluster answers at an address.

    Raises
    ------
    UsageError
        If none answers within :data:`PATIENCE` seconds, or the address is not one of this kind of cluster.
    """
    if engine == "ray" and address in _FOUND_BY_RAY:
        return
    name, handshakes = _CLUSTERS[engine]
    match = _ADDRESS.fullmatch(address)
    handshake = handshakes.get(match[1]) if match else None
    if match is None or handshake is None:
        raise UsageError(f"address={shown(address)!r}: expected that of a {name}, {_EXPECTED[engine]}")
    if engine == "ray" and os.environ.get("RAY_USE_TLS", "").lower() in {"1", "true"}:
        handshake = _TLS
    trouble = ["it does not answer"]
    place = match[2] or match[3], int(match[4])
    thread = threading.Thread(target=_try, args=(place, handshake, trouble), daemon=True)
    thread.start()
    thread.join(PATIENCE)  # looking up an unknown host may take minutes
    if trouble:
        raise UsageError(f"address={shown(address)!r}: no {name} answers there ({trouble[-1]})")


def _try(place: tuple[str, int], handshake: _Handshake, trouble: list[str]) -> None:
    """Connect to an address and check its answer; ``trouble`` is emptied if all is well."""
    try:
        with socket.create_connection(place, timeout=PATIENCE) as connection:
            answers = _is_secure(connection) if handshake.secure else _is_known(connection, handshake)
    except TimeoutError:
        return
    except (OSError, OverflowError, UnicodeError) as error:
        trouble.append(str(getattr(error, "strerror", None) or error))
        return
    if answers:
        trouble.clear()
    else:
        trouble.append("another service listens there")


def _is_known(connection: socket.socket, handshake: _Handshake) -> bool:
    """Send the greeting, and return whether the answer fits the protocol."""
    connection.sendall(handshake.greeting)
    answer = b""
    while len(answer) < handshake.length:
        more = connection.recv(handshake.length - len(answer))
        if not more:
            return False
        answer += more
    return handshake.is_answer(answer)


def _is_secure(connection: socket.socket) -> bool:
    """Return whether the other side uses TLS. Its certificate is checked later, by the package."""
    import ssl  # noqa: PLC0415 - few clusters need it

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it requires a certificate from us
    return True
