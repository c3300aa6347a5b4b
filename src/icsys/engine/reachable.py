"""Whether a cluster answers at an address, before its package tries: that takes a minute, and ends in pages."""

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
"""Seconds for finding a host by its name, for reaching it, and for its first words together."""

_ADDRESS = re.compile(r"(?:(\w+)://)?(?:\[([^\[\]\s]+)\]|([^:/\[\]\s]+)):(\d{1,5})/?", re.ASCII)
_LONGEST_MESSAGE = 2**20  # bytes


class _Manner(NamedTuple):
    """How those that listen at an address begin to talk.

    Attributes
    ----------
    greeting
        What the one who comes says first.
    length
        Bytes of an answer that tell whether it is one.
    is_answer
        Tells that.
    secure
        Whether TLS comes first; it is all that is looked at then.
    """

    greeting: bytes = b""
    length: int = 0
    is_answer: Callable[[bytes], bool] = lambda _: True
    secure: bool = False


# A scheduler says who it is to everyone who comes: a message behind its length, eight bytes, low ones first.
_DASK = _Manner(b"", 8, lambda answer: 0 < int.from_bytes(answer, "little") < _LONGEST_MESSAGE)
_HTTP = _Manner(b"GET / HTTP/1.0\r\n\r\n", 5, lambda answer: answer == b"HTTP/")
# gRPC is HTTP/2: both sides begin with a frame of settings, whose kind is 4 (RFC 9113, 3.4 and 6.5).
_GRPC = _Manner(
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)),
    9,
    lambda answer: answer[3] == 4 and not any(answer[5:]),  # noqa: PLR2004 - as told above
)
_TLS = _Manner(secure=True)

_CLUSTERS: dict[str, tuple[str, dict[str | None, _Manner]]] = {
    "dask": ("Dask scheduler", {None: _DASK, "tcp": _DASK, "tls": _TLS, "ws": _HTTP, "wss": _TLS}),
    "ray": ("Ray cluster", {None: _GRPC, "ray": _GRPC}),
}
_EXPECTED = {"dask": "tcp://HOST:PORT", "ray": "HOST:PORT, ray://HOST:PORT or auto"}
_FOUND_BY_ITSELF = {"auto", "local"}  # by Ray


def check_reachable(engine: str, address: str) -> None:
    """Make sure that a cluster answers at an address.

    Raises
    ------
    UsageError
        If none does within :data:`PATIENCE`, or it is no address of a cluster of this kind.
    """
    if engine == "ray" and address in _FOUND_BY_ITSELF:
        return
    name, manners = _CLUSTERS[engine]
    match = _ADDRESS.fullmatch(address)
    manner = manners.get(match[1]) if match else None
    if match is None or manner is None:
        raise UsageError(f"address={shown(address)!r}: expected that of a {name}, {_EXPECTED[engine]}")
    if engine == "ray" and os.environ.get("RAY_USE_TLS", "").lower() in {"1", "true"}:
        manner = _TLS
    trouble = ["it does not answer"]
    place = match[2] or match[3], int(match[4])
    thread = threading.Thread(target=_try, args=(place, manner, trouble), daemon=True)
    thread.start()
    thread.join(PATIENCE)  # a system may take minutes to find that there is no such host
    if trouble:
        raise UsageError(f"address={shown(address)!r}: no {name} answers there ({trouble[-1]})")


def _try(place: tuple[str, int], manner: _Manner, trouble: list[str]) -> None:
    """Reach an address and hear how it answers; ``trouble`` is emptied if all is well."""
    try:
        with socket.create_connection(place, timeout=PATIENCE) as connection:
            answers = _is_secure(connection) if manner.secure else _is_known(connection, manner)
    except TimeoutError:
        return
    except (OSError, OverflowError, UnicodeError) as error:
        trouble.append(str(getattr(error, "strerror", None) or error))
        return
    if answers:
        trouble.clear()
    else:
        trouble.append("what listens there is something else")


def _is_known(connection: socket.socket, manner: _Manner) -> bool:
    """Say the greeting and tell whether what comes back is an answer."""
    connection.sendall(manner.greeting)
    answer = b""
    while len(answer) < manner.length:
        more = connection.recv(manner.length - len(answer))
        if not more:
            return False
        answer += more
    return manner.is_answer(answer)


def _is_secure(connection: socket.socket) -> bool:
    """Tell whether the other side speaks TLS, whoever it is; that is for the package to find out."""
    import ssl  # noqa: PLC0415 - few clusters need it

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it asks for more than we have
    return True
